import { rm } from 'node:fs/promises';
import type { EarlierValue, EarlierValues } from '../host/earlier-values.js';
import type { RunDirectory } from './run-directory.js';

/**
 * What settings of the kernel were before lvscare first set them. They apply to every virtual server of the network namespace, so all
 * its lvscares share one file for each setting, and the `--clean` of the last one restores them.
 *
 * @param onFailure Called if a value cannot be written: then `--clean` leaves that setting as it is.
 */
export function earlierValues(
  directory: RunDirectory,
  kind: 'sysctl' | 'timeout',
  onFailure: (error: Error) => void,
): EarlierValues {
  const find = async (name: string): Promise<EarlierValue | null> => {
    const { value, set } = (await directory.read(name, kind)) ?? {};
    return typeof value === 'string' ? { was: value, set: typeof set === 'string' ? set : null } : null;
  };
  return {
    find,
    async record(name, was, set) {
      const found = await find(name);
      if (found?.set !== set)
        await directory.write(name, kind, { value: found?.was ?? was, set }).catch(onFailure);
      return found === null;
    },
    forget: (name) => rm(directory.file(name, kind), { force: true }).catch(onFailure),
  };
}
