import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import type { Endpoint } from '../core/endpoint.js';
import { ConnectTimeout, type Phase } from './blame.js';

export interface TlsOptions {
  /** Whether the server's certificate must be valid for its address. */
  readonly verify: boolean;
  /** Certificates to trust, in PEM; null for those that Node trusts. */
  readonly ca: string | null;
}

interface ConnectOptions {
  readonly scheme: 'https' | 'http';
  /** For TCP alone, in milliseconds. */
  readonly connectTimeoutMs: number;
  readonly tls: TlsOptions;
}

interface Connection {
  /** The socket to speak HTTP on. Rejects with the error of the phase that failed. */
  readonly ready: Promise<net.Socket>;
  /** Ends it at once, by RST: a probe leaves no TIME_WAIT on either side for a client's connection to run into. */
  drop(): void;
}

/** Connects by TCP and then, for https, by TLS. `onPhase` hears which phase has begun. */
export function connect(
  server: Endpoint,
  options: ConnectOptions,
  signal: AbortSignal,
  onPhase: (phase: Phase) => void,
): Connection {
  // Half-open, and so is TLS above it: that the server has said goodbye is no reason to say it too.
  const tcp = new ResetSocket({ allowHalfOpen: true });
  const sockets: net.Socket[] = [tcp];
  // Whoever waits hears of an error; one that comes when nobody waits any more is of no interest.
  tcp.on('error', () => undefined);
  return {
    ready: open(tcp, sockets, server, options, signal, onPhase),
    drop: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function open(
  tcp: net.Socket,
  sockets: net.Socket[],
  server: Endpoint,
  options: ConnectOptions,
  signal: AbortSignal,
  onPhase: (phase: Phase) => void,
): Promise<net.Socket> {
  const timer = setTimeout(() => {
    // An answer that came while we did something else is heard first.
    setImmediate(() => {
      if (tcp.connecting) tcp.destroy(new ConnectTimeout(options.connectTimeoutMs));
    });
  }, options.connectTimeoutMs);
  try {
    tcp.setNoDelay(true).connect(server.port, server.address);
    await once(tcp, 'connect', { signal });
  } finally {
    clearTimeout(timer);
  }
  if (options.scheme === 'http') return tcp;
  onPhase('handshake');
  const secure = tls.connect({
    socket: tcp,
    // Without a server name of its own, the certificate is held against this: an IP address, by its IP SANs.
    host: server.address,
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: options.tls.verify,
    ...(options.tls.ca === null ? {} : { ca: options.tls.ca }),
  });
  sockets.push(secure);
  secure.on('error', () => undefined);
  await once(secure, 'secureConnect', { signal });
  return secure;
}

/**
 * A socket that ends by RST, whoever ends it: TLS above it destroys it as well, and so does undici. Only one that is
 * not connected yet is merely closed: it would stay until the server answers.
 */
class ResetSocket extends net.Socket {
  #resetting = false;
  #error: Error | undefined;

  override destroy(error?: Error): this {
    if (this.#resetting || this.connecting || this.destroyed) return super.destroy(this.#error ?? error);
    this.#resetting = true;
    this.#error = error;
    // Calls destroy() in turn.
    return this.resetAndDestroy();
  }
}
