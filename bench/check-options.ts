/** Whether the command line is right, before a kernel is booted for it: 0, or 2 and one line. `--help` is answered. */
import { parseOptions, usage } from './options.js';
import { PEERS } from './peers/index.js';

const names = PEERS.map(({ name }) => name);
try {
  if (parseOptions(process.argv.slice(2), names).help) process.stdout.write(usage(names));
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}\n`);
  process.exitCode = 2;
}
