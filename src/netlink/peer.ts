import type { Socket } from 'node:net';

import { loadAddon } from './addon.js';
import { descriptorOf } from './descriptor.js';
import { failureError } from './errors.js';
import type { PeerCredentials } from './types.js';

/**
 * The process at the other end of a Unix socket, as the kernel recorded it when that end called listen(2), or connect(2)
 * (SO_PEERCRED). It cannot be forged, and the peer need not be awake.
 *
 * @throws TypeError that names the argument. Its `code` is `ERR_NO_DESCRIPTOR` if the socket has no descriptor, because
 *   it is not connected (yet, or any more), or because this Node does not show it.
 * @throws {@link NetlinkError} if the kernel refuses: `EPROTOTYPE` if it is no Unix socket.
 */
export function getPeerCredentials(socket: Socket): PeerCredentials {
  const { credentials, failure } = loadAddon().getPeerCredentials(descriptorOf(socket));
  if (failure !== null) throw failureError('getPeerCredentials', failure);
  return { ...credentials, pid: credentials.pid === 0 ? null : credentials.pid };
}
