/** Another process that listens on a Unix socket, and does nothing else. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

interface Listener {
  readonly pid: number;
  signal(name: NodeJS.Signals): void;
  /** Ends it at once. */
  kill(): Promise<void>;
}

const SCRIPT = `require('node:net').createServer().listen(process.argv[1], () => console.log('listening'))`;

/** `name` is a path; or a name in the abstract namespace, padded to its full length with NUL. */
export async function startListener(name: string): Promise<Listener> {
  // No argument may hold a NUL.
  const script = SCRIPT.replace('process.argv[1]', JSON.stringify(name));
  const child: ChildProcess = spawn(process.execPath, ['-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  if (child.stdout === null || child.pid === undefined) throw new Error('it could not be started');
  await Promise.race([once(child.stdout, 'data'), ended]);
  if (child.exitCode !== null) throw new Error(`it ended with status ${child.exitCode}`);
  return {
    pid: child.pid,
    signal: (signal) => void child.kill(signal),
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
