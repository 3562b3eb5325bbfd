import { readFile, writeFile } from 'node:fs/promises';
import type { Upkeep } from '../care/ports.js';
import { KernelError } from './errors.js';

/**
 * A sysctl that has to have a value, for example `net.ipv4.vs.expire_nodest_conn`. `--clean` leaves it: it is one for
 * the whole network namespace, and other virtual servers may rely on it.
 *
 * @param root Where /proc/sys is.
 */
export function sysctl(name: string, value: string, root = '/proc/sys'): Upkeep {
  const path = `${root}/${name.replaceAll('.', '/')}`;
  let readOnly = false;
  return {
    name: `sysctl ${name}`,

    async check() {
      if (readOnly) return null;
      let found: string;
      try {
        found = (await readFile(path, 'utf8')).trim();
      } catch (error) {
        throw new KernelError(`cannot read ${path}: ${(error as Error).message}`, error);
      }
      return found === value ? null : `${name} is ${found}, not ${value}`;
    },

    async mend() {
      try {
        await writeFile(path, value);
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        // EROFS, EACCES: a container without a writable /proc/sys. It will not become writable while we run, and the
        // table is worth keeping without it: say it once.
        readOnly = code === 'EROFS' || code === 'EACCES' || code === 'EPERM';
        throw new KernelError(
          readOnly
            ? `cannot set ${name}=${value} (${code ?? ''}): set it on the host, or mount /proc/sys/net writable; ` +
                'until then connections to a dead server hang instead of being reset'
            : `cannot set ${name}=${value}: ${message}`,
          error,
        );
      }
    },

    remove: () => Promise.resolve(null),
  };
}
