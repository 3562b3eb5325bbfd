import { rm } from 'node:fs/promises';
import type { SysctlValues } from '../host/sysctl.js';
import type { RunDirectory } from './run-directory.js';

/**
 * What sysctls were before lvscare first set them. They apply to every virtual server of the network namespace, so all its lvscares
 * share one file for each sysctl, and the `--clean` of the last one restores them.
 *
 * @param onFailure Called if a value cannot be written: then `--clean` leaves that sysctl as it is.
 */
export function sysctlValues(directory: RunDirectory, onFailure: (error: Error) => void): SysctlValues {
  const find = async (name: string): Promise<string | null> => {
    const value = (await directory.read(name, 'sysctl'))?.['value'];
    return typeof value === 'string' ? value : null;
  };
  return {
    find,
    async record(name, value) {
      if ((await find(name)) !== null) return false;
      await directory.write(name, 'sysctl', { value }).catch(onFailure);
      return true;
    },
    forget: (name) => rm(directory.file(name, 'sysctl'), { force: true }).catch(onFailure),
  };
}
