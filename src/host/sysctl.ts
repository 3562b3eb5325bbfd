import { readFile, writeFile } from 'node:fs/promises';
import type { HostResource } from '../control-loop/ports.js';
import { KernelError } from '../values/errors.js';

/**
 * Where sysctls are, the first one that can be written to being taken. In a container /proc/sys is read-only; the static
 * pod mounts the host's at the second place.
 */
const ROOTS = ['/proc/sys', '/host/proc/sys'] as const;

export interface SysctlSpec {
  /** For example `net.ipv4.vs.expire_nodest_conn`. */
  readonly name: string;
  readonly value: string;
  /** What goes on without it, for the log. */
  readonly without: string;
}

/** Remembers what a sysctl was before it was set, beyond this process. */
export interface SysctlMemory {
  valueBefore(name: string): string | null;
  /** Resolves to whether nothing was remembered before. */
  rememberValue(name: string, value: string): Promise<boolean>;
  forgetValue(name: string): Promise<void>;
}

/** A sysctl that has to have a value. It gets back the one that it had before, when everything is cleaned. */
export function sysctl(
  { name, value, without }: SysctlSpec,
  memory: SysctlMemory,
  roots: readonly string[] = ROOTS,
): HostResource {
  const file = name.replaceAll('.', '/');
  const path = `${roots[0] ?? ''}/${file}`;
  let readOnly = false;

  const read = async (): Promise<string> => (await readFile(path, 'utf8')).trim();

  /** Resolves to the failures, none if one of the places took it. */
  async function write(wanted: string): Promise<readonly NodeJS.ErrnoException[]> {
    const failures: NodeJS.ErrnoException[] = [];
    for (const root of roots) {
      try {
        // Without O_CREAT: where the mount is missing, nothing is to be made in its place.
        await writeFile(`${root}/${file}`, wanted, { flag: 'r+' });
        return [];
      } catch (error) {
        failures.push(error as NodeJS.ErrnoException);
      }
    }
    return failures;
  }

  /** What it is to be put back to; null if it is not as we set it, or was so before. */
  async function before(): Promise<string | null> {
    const was = memory.valueBefore(name);
    // A module that was unloaded took it along.
    if (was === null || (await read().catch(() => null)) !== value) return null;
    return was;
  }

  return {
    name: `sysctl ${name}`,

    async verify() {
      if (readOnly) return null;
      try {
        const found = await read();
        return found === value ? null : `${name} is ${found}, not ${value}`;
      } catch (error) {
        throw new KernelError(`cannot read ${path}: ${(error as Error).message}`, error);
      }
    },

    async repair() {
      const was = await read().catch(() => null);
      const first = was !== null && (await memory.rememberValue(name, was));
      const failures = await write(value);
      if (failures.length === 0) return;
      // Somebody else may set it now, and then it is theirs.
      if (first) await memory.forgetValue(name);
      // It will not become writable while we run, and the table is worth keeping without it: say it once.
      readOnly = failures.every(({ code }) => code !== undefined && NOT_WRITABLE.has(code));
      throw new KernelError(
        `cannot set ${name}=${value} (${codes(failures)}); until somebody sets it on the host, ${without}`,
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
          throw new KernelError(`cannot put back ${name}=${was} (${codes(failures)})`, failures[0]);
      }
      await memory.forgetValue(name);
      return was === null ? null : `sysctl ${name}=${value}, which is ${was} again`;
    },
  };
}

/** What writing to a read-only mount, without the right, or where nothing is mounted fails with. */
const NOT_WRITABLE = new Set(['EROFS', 'EACCES', 'EPERM', 'ENOENT']);

function codes(failures: readonly NodeJS.ErrnoException[]): string {
  return failures.map(({ code, message }) => code ?? message).join(', ');
}
