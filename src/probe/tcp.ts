import net from 'node:net';
import type { Endpoint } from '../values/endpoint.js';
import { ConnectTimeout } from './failure.js';
import { stallAwareTimeout } from '../async/stall-aware-timeout.js';
import type { PortRange } from '../values/source-ports.js';
import { anyPort } from './source-port.js';

interface TcpOptions {
  /** For an answer to come in, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether to send more than the one SYN that the kernel sends in its first second: one lost packet is no silence. */
  readonly hedged: boolean;
  /** Where to connect from; null leaves it to the kernel. */
  readonly sourcePorts: PortRange | null;
}

/**
 * How many sockets try to connect when one does not at once, and how long one tries alone, as part of the time limit: to
 * its end, so that a connection succeeds as soon as a network that was out is back.
 */
const MOST_TRIES = 15;
const ALONE = 1 / 16;
/** Another socket has the port, or the whole tuple. Another one is tried this often before the kernel may choose. */
const TAKEN = new Set(['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES']);
const MOST_PORTS = 4;

/**
 * Connects by TCP. The socket always ends by RST. Rejects with the first error of a socket, with a
 * ConnectTimeout, or with the signal's reason; nothing is left over then.
 */
export function connectTcp(server: Endpoint, options: TcpOptions, signal: AbortSignal): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const sockets = new Set<net.Socket>();
    const settle = (winner: net.Socket | null): void => {
      clearInterval(hedging);
      cancel();
      signal.removeEventListener('abort', onAbort);
      for (const socket of sockets) if (socket !== winner) socket.destroy();
      // The caller handles the errors of the winner; those of the others do not matter.
      sockets.clear();
    };
    const fail = (error: Error): void => {
      settle(null);
      reject(error);
    };
    const onAbort = (): void => {
      fail(signal.reason as Error);
    };
    const tryPort = (localPort: number, portsLeft: number): void => {
      const socket = new ResetSocket({ allowHalfOpen: true });
      sockets.add(socket);
      socket.once('connect', () => {
        settle(socket);
        resolve(socket);
      });
      socket.on('error', (error: NodeJS.ErrnoException) => {
        if (!sockets.delete(socket)) return;
        if (localPort !== 0 && TAKEN.has(error.code ?? '')) {
          tryPort(portsLeft === 0 ? 0 : anyPort(options.sourcePorts, Math.random), portsLeft - 1);
        } else {
          fail(error);
        }
      });
      socket.setNoDelay(true).connect({ host: server.address, port: server.port, localPort });
    };
    const begin = (): void => {
      tryPort(anyPort(options.sourcePorts, Math.random), MOST_PORTS);
    };

    const cancel = stallAwareTimeout(options.timeoutMs, () => {
      fail(new ConnectTimeout(options.timeoutMs));
    });
    let tries = 1;
    const hedging = setInterval(() => {
      tries += 1;
      if (tries > MOST_TRIES) clearInterval(hedging);
      else begin();
    }, options.timeoutMs * ALONE);
    if (!options.hedged) clearInterval(hedging);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    else begin();
  });
}

/**
 * Ends a connection: its TCP socket and the TLS above it, if that is another one. Not at once: a caller may do so
 * from deep within TLS, which Node does not survive if its transport goes away under it.
 */
export function endConnection(tcp: net.Socket, socket: net.Socket): void {
  setImmediate(() => {
    tcp.destroy();
    socket.destroy();
  });
}

/** What Node has of a socket, without a public way to it. */
interface Internals {
  readonly _handle?: { readonly fd?: number } | null;
  resetAndClosing?: boolean;
}

/**
 * A socket that always ends by RST: TLS above it destroys it as well, and so does undici. A probe leaves no
 * TIME_WAIT on either side for a client's connection to run into.
 *
 * Node's own resetAndDestroy() says goodbye (FIN) first, and when the server is as quick as that, the reset comes too late.
 * What it sets to have the handle closed by a reset is set here without that.
 *
 * Half-open, and so is TLS above it: that the server has said goodbye is no reason to say it too.
 */
class ResetSocket extends net.Socket {
  override destroy(error?: Error): this {
    const self = this as Internals;
    // A socket that never got a descriptor cannot be reset, and says only that.
    if (!this.destroyed && (self._handle?.fd ?? -1) >= 0) self.resetAndClosing = true;
    return super.destroy(error);
  }
}
