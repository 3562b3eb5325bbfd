/**
 * Where an apiserver's connections come in: a plain TCP server, so that what happens before TLS, or instead of it, can be
 * chosen for each new connection. Those that are met in the ordinary way are handed over to a server that knows how.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { CutOff, Greeting } from './apiserver-calls.js';

/** Which server a connection is handed over to. */
export type Protocol = 'tls' | 'tls1.0' | 'client-certificate' | 'http';

/** One end of a TCP connection, or of the TLS above it. */
type Peer = Pick<Socket, 'remoteAddress' | 'remotePort'>;

/** After how long without a byte an apiserver's kernel asks whether the other end is still there, in ms. */
const KEEPALIVE_MS = 15_000;

export class FrontDoor {
  greeting: Greeting = { kind: 'tls' };
  readonly #handOver: (socket: Socket, protocol: Protocol) => void;
  /** The open connections, by who is at their other end. */
  readonly #wires = new Map<string, Socket>();
  #server: Server | null = null;
  #connections = 0;

  constructor(handOver: (socket: Socket, protocol: Protocol) => void) {
    this.#handOver = handOver;
  }

  /** Connections accepted so far. */
  get connections(): number {
    return this.#connections;
  }

  get openConnections(): number {
    return this.#wires.size;
  }

  /** Listens on both families; nothing if it does already. */
  open(port: number): Promise<void> {
    if (this.#server !== null) return Promise.resolve();
    const server = createServer((socket) => {
      this.#accept(socket);
    });
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host: '::' }, resolve);
    });
  }

  /** Stops listening: new connections are refused, those that stand go on. */
  close(): void {
    this.#server?.close();
    this.#server = null;
  }

  /** Cuts off a connection under the TLS that it carries. */
  cutOff(peer: Peer, by: CutOff): void {
    const wire = this.#wires.get(nameOf(peer));
    if (wire !== undefined) cut(wire, by);
  }

  #accept(socket: Socket): void {
    const name = nameOf(socket);
    this.#connections++;
    this.#wires.set(name, socket);
    // Like Go's: who is gone without a word is noticed, or told, at last.
    socket.setKeepAlive(true, KEEPALIVE_MS);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#wires.delete(name));
    const { greeting } = this;
    switch (greeting.kind) {
      case 'tls':
      case 'tls1.0':
      case 'client-certificate':
      case 'http':
        this.#handOver(socket, greeting.kind);
        break;
      case 'garbage':
        // Its first byte is that of no TLS record.
        socket.resume().write(Buffer.concat([Buffer.from('%'), randomBytes(255)]));
        break;
      case 'silence':
        socket.resume();
        break;
      case 'cut-off':
        if (greeting.at === 'accept') cut(socket, greeting.by);
        else
          socket.once('data', () => {
            cut(socket, greeting.by);
          });
        break;
    }
  }
}

function cut(socket: Socket, by: CutOff): void {
  if (by === 'rst') socket.resetAndDestroy();
  else socket.destroy();
}

function nameOf(peer: Peer): string {
  return `${peer.remoteAddress ?? ''} ${peer.remotePort ?? ''}`;
}
