import { readFile, writeFile } from 'node:fs/promises';
import type { Upkeep } from '../care/ports.js';
import { KernelError } from './errors.js';

/**
 * Where sysctls are, the first one that can be written to being taken. In a container /proc/sys is read-only; the static
 * pod mounts the host's at the second place.
 */
const ROOTS = ['/proc/sys', '/host/proc/sys'] as const;

/**
 * A sysctl that has to have a value, for example `net.ipv4.vs.expire_nodest_conn`. `--clean` leaves it: it is one for
 * the whole network namespace, and other virtual servers may rely on it.
 *
 * @param without What goes on without it, for the log.
 */
export function sysctl(
  name: string,
  value: string,
  without: string,
  roots: readonly string[] = ROOTS,
): Upkeep {
  const file = name.replaceAll('.', '/');
  let readOnly = false;
  return {
    name: `sysctl ${name}`,

    async check() {
      if (readOnly) return null;
      const path = `${roots[0] ?? ''}/${file}`;
      try {
        const found = (await readFile(path, 'utf8')).trim();
        return found === value ? null : `${name} is ${found}, not ${value}`;
      } catch (error) {
        throw new KernelError(`cannot read ${path}: ${(error as Error).message}`, error);
      }
    },

    async mend() {
      const failures: NodeJS.ErrnoException[] = [];
      for (const root of roots) {
        try {
          // Without O_CREAT: where the mount is missing, nothing is to be made in its place.
          await writeFile(`${root}/${file}`, value, { flag: 'r+' });
          return;
        } catch (error) {
          failures.push(error as NodeJS.ErrnoException);
        }
      }
      // It will not become writable while we run, and the table is worth keeping without it: say it once.
      readOnly = failures.every(({ code }) => code !== undefined && NOT_WRITABLE.has(code));
      const codes = failures.map(({ code, message }) => code ?? message).join(', ');
      throw new KernelError(
        `cannot set ${name}=${value} (${codes}); until somebody sets it on the host, ${without}`,
        failures[0],
      );
    },

    remove: () => Promise.resolve(null),
  };
}

/** What writing to a read-only mount, without the right, or where nothing is mounted fails with. */
const NOT_WRITABLE = new Set(['EROFS', 'EACCES', 'EPERM', 'ENOENT']);
