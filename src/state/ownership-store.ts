import { endpointIn } from '../config/parse-endpoint.js';
import { isReachMode, type ReachMode } from '../host/reach-mode.js';
import type { Endpoint } from '../values/endpoint.js';
import type { RunDirectory } from './run-directory.js';

/** What lvscare created for one virtual server, as far as the kernel does not know that it was lvscare. */
export interface OwnershipRecord {
  readonly virtualServer: Endpoint;
  /** As `--rs` had them. */
  readonly realServers: readonly string[];
  /** Every reach mode that may still be set up; the last one is the current one. */
  readonly modes: readonly ReachMode[];
}

/**
 * The ownership records of this network namespace: a file for each virtual server. lvscare needs them only to remove what
 * today's options do not name. The kernel may reuse the number of a network namespace, so a record may describe what is gone.
 */
export interface OwnershipStore {
  /** Every record of this boot; a file that is not a record is left out. */
  list(): Promise<readonly OwnershipRecord[]>;
  /** The record of one virtual server, or null if there is none. */
  find(virtualServer: Endpoint): Promise<OwnershipRecord | null>;
  /** Rejects with the error of the file system. */
  write(record: OwnershipRecord): Promise<void>;
  /** Removes every file of a virtual server. */
  forget(virtualServer: Endpoint): Promise<void>;
}

export function ownershipStore(directory: RunDirectory): OwnershipStore {
  const list = async (): Promise<readonly OwnershipRecord[]> => {
    const names = await directory.names();
    const found = await Promise.all(names.map((name) => directory.read(name, 'json')));
    return found.flatMap((values) => (values === null ? [] : recordIn(values)));
  };
  return {
    list,
    find: async ({ text }) => (await list()).find(({ virtualServer }) => virtualServer.text === text) ?? null,
    write: (record) =>
      directory.write(record.virtualServer.text, 'json', {
        ...record,
        virtualServer: record.virtualServer.text,
      }),
    forget: ({ text }) => directory.forget(text),
  };
}

function recordIn({
  virtualServer: text,
  realServers,
  modes,
}: Readonly<Record<string, unknown>>): OwnershipRecord[] {
  const virtualServer = typeof text === 'string' ? endpointIn(text) : null;
  if (virtualServer === null || !isTexts(realServers)) return [];
  if (!Array.isArray(modes) || !modes.every(isReachMode)) return [];
  return [{ virtualServer, realServers, modes }];
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
