/** The kernel's IPVS modules, of a guest. */
import { readFile } from 'node:fs/promises';
import { until } from '../../lab/index.js';
import { run } from '../../lab/run.js';

/** The program by which the kernel loads what it lacks; `/bin/false` keeps it from that. */
export const LOADER = '/proc/sys/kernel/modprobe';

/** Takes ip_vs and everything on top of it out of the kernel. */
export async function unload(): Promise<void> {
  await until(
    async () => {
      const names = (await readFile('/proc/modules', 'utf8')).match(/^ip_vs\w*/gm) ?? [];
      // Schedulers first: they hold ip_vs.
      for (const name of names.sort((a, b) => b.length - a.length)) await run('rmmod', [name]);
      return names.length === 0;
    },
    // A namespace that was closed holds it until the kernel has taken that away.
    { timeoutMs: 120_000, what: 'ip_vs is out of the kernel' },
  );
}
