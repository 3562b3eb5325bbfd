import { readFile, writeFile } from 'node:fs/promises';
import type { HostResource } from '../control-loop/ports.js';
import { KernelError } from '../values/errors.js';
import type { EarlierValues } from './earlier-values.js';

/**
 * Where sysctls are; the first place that can be written is used. In a container /proc/sys is read-only, and the static pod
 * mounts the host's at the second place.
 */
const ROOTS = ['/proc/sys', '/host/proc/sys'] as const;

export interface SysctlSpec {
  /** For example `net.ipv4.vs.expire_nodest_conn`. */
  readonly name: string;
  readonly value: string;
  /** What happens without it, for the log. */
  readonly without: string;
}

/** A sysctl that must have a value. `--clean` restores the one that it had before. */
export function sysctl(
  { name, value, without }: SysctlSpec,
  earlier: EarlierValues,
  roots: readonly string[] = ROOTS,
): HostResource {
  const file = name.replaceAll('.', '/');
  const path = `${roots[0] ?? ''}/${file}`;

  const read = async (): Promise<string> => (await readFile(path, 'utf8')).trim();

  /** Resolves to the failures, or to none if the value was written at one of the places. */
  async function write(wanted: string): Promise<readonly NodeJS.ErrnoException[]> {
    const failures: NodeJS.ErrnoException[] = [];
    for (const root of roots) {
      try {
        // Without O_CREAT: where the mount is missing, no file may be created instead.
        await writeFile(`${root}/${file}`, wanted, { flag: 'r+' });
        return [];
      } catch (error) {
        failures.push(error as NodeJS.ErrnoException);
      }
    }
    return failures;
  }

  /** The value to restore, or null if lvscare did not set the sysctl, or if it was changed since. */
  async function before(): Promise<string | null> {
    const found = await earlier.find(name);
    // A sysctl goes with its module.
    if (found === null || (await read().catch(() => null)) !== value) return null;
    return found.was;
  }

  return {
    name: `sysctl ${name}`,

    async verify() {
      try {
        const found = await read();
        return found === value ? null : `${name} is ${found}, not ${value}`;
      } catch (error) {
        throw new KernelError(`cannot read ${path}: ${(error as Error).message}`, error);
      }
    },

    async repair() {
      const was = await read().catch(() => null);
      const first = was !== null && (await earlier.record(name, was, value));
      const failures = await write(value);
      if (failures.length === 0) return;
      // If another program sets it now, lvscare must not restore it.
      if (first) await earlier.forget(name);
      throw new KernelError(
        `cannot set ${name}=${value} (${codes(failures)}); until it is set on the host, ${without}`,
        failures[0],
      );
    },

    async find() {
      const was = await before();
      return was === null ? null : `sysctl ${name}=${value}, which was ${was} before`;
    },

    async remove() {
      const was = await before();
      if (was !== null) {
        const failures = await write(was);
        if (failures.length > 0)
          throw new KernelError(`cannot restore ${name}=${was} (${codes(failures)})`, failures[0]);
      }
      await earlier.forget(name);
      return was === null ? null : `sysctl ${name}=${value}, which is ${was} again`;
    },
  };
}

function codes(failures: readonly NodeJS.ErrnoException[]): string {
  return failures.map(({ code, message }) => code ?? message).join(', ');
}
