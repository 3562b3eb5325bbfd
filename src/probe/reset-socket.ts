/** Uses internals of Node: the only file of src/probe that does. Tests on every supported release of Node find a change. */
import net from 'node:net';

interface Internals {
  readonly _handle?: { readonly fd?: number } | null;
  resetAndClosing?: boolean;
}

/**
 * A socket that ends by RST, whether lvscare, HTTP or TLS ends it. A probe leaves no TIME_WAIT on either side for a client's
 * connection to run into.
 *
 * Node's own resetAndDestroy() sends FIN first, and if the server is as quick as that, the reset comes too late. This sets
 * what resetAndDestroy() sets to have the handle closed by a reset, and sends no FIN.
 *
 * Half-open, and so is TLS above it: when the server sends FIN, Node does not answer with FIN.
 */
export class ResetSocket extends net.Socket {
  constructor() {
    super({ allowHalfOpen: true });
  }

  override destroy(error?: Error): this {
    const self = this as Internals;
    // Node reports a socket without a descriptor as one that cannot be reset, and not why it has none.
    if (!this.destroyed && (self._handle?.fd ?? -1) >= 0) self.resetAndClosing = true;
    return super.destroy(error);
  }
}
