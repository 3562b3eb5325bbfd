import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { endpointIn } from '../config/parse-endpoint.js';
import type { LastGoodList, Work } from '../control-loop/ports.js';
import { readRegularFile } from '../files/regular-file.js';
import { replaceFile } from '../files/replace-file.js';
import type { Endpoint } from '../values/endpoint.js';

/** Where it outlives a reboot. */
export const STATE_DIRECTORY = '/var/lib/lvscare';

const VERSION = 1;
/** Each server takes about 50 characters, and there are 64 at most. */
const MOST_CHARACTERS = 16 * 1024;
const MOST_SERVERS = 64;
const MODE = 0o644;

/** @param wallClock Milliseconds since 1970. */
export function lastGoodList(
  virtualServer: string,
  wallClock: () => number,
  directory = STATE_DIRECTORY,
): LastGoodList & Work {
  const path = join(directory, `${virtualServer}.apiservers.json`);
  const find = (): Promise<string | null> =>
    stat(path).then(
      () => `the saved list of apiservers ${path}`,
      () => null,
    );
  return {
    async read(cluster) {
      const text = await textIn(path);
      if (text === null) return null;
      const found = parse(text, virtualServer);
      if (typeof found === 'string') throw new Error(`${path} ${found}`);
      // One CA certificate in common is enough, so that the CA can be rotated.
      const ours = new Set(cluster?.split(' '));
      if (cluster !== null && !found.cluster.split(' ').some((print) => ours.has(print)))
        throw new Error(`${path} is of another cluster: its CA is not that of --discover`);
      return found;
    },
    async write(cluster, servers) {
      await mkdir(directory, { recursive: true });
      const values = {
        version: VERSION,
        virtualServer,
        cluster,
        savedAtMs: wallClock(),
        servers: servers.map((server) => server.text),
      };
      await replaceFile(path, `${JSON.stringify(values)}\n`, MODE);
    },
    find,
    async remove() {
      const found = await find();
      if (found !== null) await rm(path, { force: true });
      return found;
    },
  };
}

async function textIn(path: string): Promise<string | null> {
  try {
    return await readRegularFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** What it says, or what is wrong with it, in words. */
function parse(
  text: string,
  virtualServer: string,
): { readonly cluster: string; readonly savedAtMs: number; readonly servers: readonly Endpoint[] } | string {
  const values = valuesIn(text);
  if (values === null) return 'is damaged';
  const { version, cluster, savedAtMs, servers } = values;
  if (version !== VERSION)
    return `is of another version of lvscare (${version === undefined ? 'none' : JSON.stringify(version)})`;
  if (values['virtualServer'] !== virtualServer) return 'is of another virtual server';
  if (typeof cluster !== 'string' || typeof savedAtMs !== 'number' || !Array.isArray(servers))
    return 'is damaged';
  const endpoints = servers.map((server) => (typeof server === 'string' ? endpointIn(server) : null));
  const known = endpoints.filter((server) => server !== null);
  if (known.length < endpoints.length || known.length === 0 || known.length > MOST_SERVERS)
    return 'is damaged';
  return { cluster, savedAtMs, servers: known };
}

function valuesIn(text: string): Record<string, unknown> | null {
  if (text.length > MOST_CHARACTERS) return null;
  try {
    const values = JSON.parse(text) as unknown;
    return typeof values === 'object' && values !== null && !Array.isArray(values)
      ? (values as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
