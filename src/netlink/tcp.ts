import type { Socket } from 'node:net';

import { loadAddon } from './addon.js';
import type { WireTcpOptions } from './contract.js';
import { descriptorOf } from './descriptor.js';
import { failureError } from './errors.js';
import type { TcpLiveness, TcpLivenessOptions } from './types.js';
import { checkObject, integer } from './validate.js';

// What the kernel can hold: MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL, MAX_TCP_KEEPCNT; an int.
const MOST_SECONDS = 32767;
const MOST_PROBES = 127;
const MOST_MS = 0x7fff_ffff;

/**
 * Turns keepalive on and says when a silent peer is given up: then the socket fails with `ETIMEDOUT`, or with the reason
 * that the kernel has meanwhile learned, such as `EHOSTUNREACH`. Of a TLS socket it is the connection under it.
 *
 * For a socket that is connected: Node may make another descriptor until then. `setKeepAlive` of Node, which HTTP agents
 * call as well, replaces the keepalive values, and leaves `userTimeoutMs`: call this after it.
 *
 * @throws TypeError that names the argument. Its `code` is `ERR_NO_DESCRIPTOR` if the socket has no descriptor, because
 *   it is not connected (yet, or any more), is TLS over a stream that is no socket, or because this Node does not show
 *   it. The connection goes on unchanged, so a caller may ignore the error.
 * @throws {@link NetlinkError} if the kernel refuses: `EPROTOTYPE` if it is no TCP socket, and nothing is changed.
 */
export function setTcpLiveness(socket: Socket, options: TcpLivenessOptions): void {
  checkObject('options', options);
  const wire: WireTcpOptions = {
    keepAlive: 1,
    keepIdle: integer('options.keepAliveIdleS', options.keepAliveIdleS, 1, MOST_SECONDS),
    keepInterval: integer('options.keepAliveIntervalS', options.keepAliveIntervalS, 1, MOST_SECONDS),
    keepCount: integer('options.keepAliveProbes', options.keepAliveProbes, 1, MOST_PROBES),
    userTimeout: integer('options.userTimeoutMs', options.userTimeoutMs, 0, MOST_MS),
  };
  const failure = loadAddon().setTcpOptions(descriptorOf(socket), wire);
  if (failure !== null) throw failureError('setTcpLiveness', failure);
}

/** What the kernel has for a socket; throws as {@link setTcpLiveness}. */
export function getTcpLiveness(socket: Socket): TcpLiveness {
  const { options, failure } = loadAddon().getTcpOptions(descriptorOf(socket));
  if (failure !== null) throw failureError('getTcpLiveness', failure);
  return {
    keepAlive: options.keepAlive !== 0,
    keepAliveIdleS: options.keepIdle,
    keepAliveIntervalS: options.keepInterval,
    keepAliveProbes: options.keepCount,
    userTimeoutMs: options.userTimeout,
  };
}
