import type net from 'node:net';
import type { Endpoint } from '../values/endpoint.js';
import { ConnectTimeout } from './failure.js';
import { stallAwareTimeout } from '../async/stall-aware-timeout.js';
import { ResetSocket } from './reset-socket.js';
import { anyPort, type PortRange } from './source-port.js';

interface TcpOptions {
  /** How long to wait for an answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether to send more than the one SYN that the kernel sends in its first second: one lost packet is not yet silence. */
  readonly hedged: boolean;
  /** The ports to connect from, or null to let the kernel choose. */
  readonly sourcePorts: PortRange | null;
}

/**
 * How many further sockets try to connect while the first gets no answer, and how long each tries alone, as a part of the
 * time limit. They go on to its end, so that a probe succeeds as soon as a network that was down is back.
 */
const MOST_TRIES = 15;
const ALONE = 1 / 16;
/** The port or the whole tuple is in use. So many other ports are tried before the kernel may choose. */
const TAKEN = new Set(['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES']);
const MOST_PORTS = 4;

/**
 * Connects by TCP, with a socket that ends by RST. Rejects with the first error of a socket, with a ConnectTimeout, or with
 * the signal's reason; no socket is left open then.
 */
export function connectTcp(server: Endpoint, options: TcpOptions, signal: AbortSignal): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const sockets = new Set<net.Socket>();
    const settle = (winner: net.Socket | null): void => {
      clearInterval(hedging);
      callOff();
      signal.removeEventListener('abort', onAbort);
      for (const socket of sockets) if (socket !== winner) socket.destroy();
      // The caller listens to the errors of the winner; those of the others mean nothing.
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
      const socket = new ResetSocket();
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

    const callOff = stallAwareTimeout(options.timeoutMs, () => {
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
 * Ends a connection: its TCP socket and the TLS above it, if that is another one. Not at once: the caller may run deep within
 * TLS, and Node crashes if the transport of TLS goes away under it.
 */
export function endConnection(tcp: net.Socket, socket: net.Socket): void {
  setImmediate(() => {
    tcp.destroy();
    socket.destroy();
  });
}
