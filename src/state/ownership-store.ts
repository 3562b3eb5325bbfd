import { runDirectory } from './run-directory.js';
import { isWay, type Way } from '../host/reach-mode.js';

/** What lvscare made for one virtual server, as far as the kernel cannot tell that it was lvscare. */
export interface Made {
  /** As `--vs` has it, in canonical form. */
  readonly virtualServer: string;
  readonly realServers: readonly string[];
  /** Each way to it that may still be there, today's the last. */
  readonly ways: readonly Way[];
  /** The value that each sysctl had before lvscare set it, by its name. */
  readonly sysctls: Readonly<Record<string, string>>;
}

/** The records of all virtual servers of this network namespace. */
export interface Records {
  /** All of this boot that can be read; none where there is no record. */
  list(): Promise<readonly Made[]>;
  /** Rejects with the error of the file system. */
  write(made: Made): Promise<void>;
  forget(virtualServer: string): Promise<void>;
}

/**
 * A small file for each virtual server, in a directory for each network namespace. What they say is what is ours beside
 * what the arguments of the day name; nothing of it is needed to take care. The kernel gives the number of a namespace that
 * is gone to a new one: whoever heeds a record looks whether what it tells of is there.
 */
export function records(directory = runDirectory()): Records {
  return {
    async list() {
      const names = await directory.names();
      const found = await Promise.all(names.map((name) => directory.read(name, 'json')));
      return found.flatMap(madeOf);
    },
    write: (made) => directory.write(made.virtualServer, 'json', { ...made }),
    forget: (virtualServer) => directory.forget(virtualServer),
  };
}

/** None of what is no record. */
function madeOf(values: Readonly<Record<string, unknown>> | null): Made[] {
  const { virtualServer, realServers, ways, sysctls } = (values ?? {}) as Partial<
    Record<keyof Made, unknown>
  >;
  if (typeof virtualServer !== 'string' || !isTexts(realServers) || !isSysctls(sysctls)) return [];
  if (!Array.isArray(ways) || !ways.every(isWay)) return [];
  return [{ virtualServer, realServers, ways, sysctls }];
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isSysctls(value: unknown): value is Readonly<Record<string, string>> {
  return typeof value === 'object' && value !== null && isTexts(Object.values(value));
}
