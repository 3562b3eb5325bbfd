import { Socket } from 'node:net';

import { refuse } from './validate.js';

/**
 * The descriptor of a socket that Node made. Node has no public way to it, because a caller could close it or use it
 * after its end. We do neither: it is used before anything else can run, and the addon checks that it is a socket of the
 * right kind. `_handle.fd` is what Node itself uses, undocumented: only this function relies on it, and throws if it is
 * missing.
 */
export function descriptorOf(socket: Socket): number {
  if (!((socket as unknown) instanceof Socket)) refuse('socket', 'a net.Socket', socket);
  if (socket.destroyed) throw noDescriptor('a connected socket, got one that is destroyed');
  if (socket.connecting) throw noDescriptor('a connected socket, got one that is still connecting');
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: unknown } | null };
  const fd = handle?.fd;
  // -1 is TLS over a stream that is no socket.
  if (typeof fd === 'number' && Number.isInteger(fd) && fd >= 0) return fd;
  throw noDescriptor(
    handle === null
      ? 'a connected socket, got one that was never connected'
      : 'a socket whose descriptor Node shows, got one without (TLS over a stream that is no socket, or a Node that shows none)',
  );
}

function noDescriptor(expectedAndGot: string): TypeError {
  return Object.assign(new TypeError(`socket: expected ${expectedAndGot}`), { code: 'ERR_NO_DESCRIPTOR' });
}
