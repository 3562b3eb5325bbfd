import type { Endpoint } from '../values/endpoint.js';
import type { Settings } from './settings.js';
import { UsageError } from './usage-error.js';

/**
 * The real servers of `--rs`, which is their only source: fixed at the start, each once, and of the virtual server's family if that is
 * given.
 */
export function readRealServers(
  settings: Settings,
  virtualServer: Endpoint | null,
  optional: boolean,
): Endpoint[] {
  const realServers = settings.read('rs');
  const name = settings.name('rs');
  if (realServers.length === 0 && !optional)
    throw new UsageError(name, 'at least one real server, IP:PORT', null);
  realServers.forEach((server, index) => {
    if (virtualServer !== null && server.family !== virtualServer.family) {
      const version = virtualServer.family === 'ipv4' ? 'IPv4' : 'IPv6';
      throw new UsageError(name, `${version} like ${settings.name('vs')} ${virtualServer.text}`, server.text);
    }
    if (server.text === virtualServer?.text) {
      throw new UsageError(name, 'real servers other than the virtual server', server.text);
    }
    if (realServers.findIndex((other) => other.text === server.text) < index) {
      throw new UsageError(name, 'each real server once', server.text);
    }
  });
  return realServers;
}
