/** A verified connection to one apiserver, for one request after another. */
import type net from 'node:net';
import tls from 'node:tls';
import request from 'undici/lib/api/api-request.js';
import Client from 'undici/lib/dispatcher/client.js';
import { ConnectTimeout } from '../probe/failure.js';
import { secure } from '../probe/secure.js';
import { connectTcp, endConnection } from '../probe/tcp.js';
import { inOneLine } from '../text/one-line.js';
import type { Endpoint } from '../values/endpoint.js';
import type { PortRange } from '../values/source-ports.js';
import type { Identity } from './identity.js';
import { limited, unlessAborted } from './limit.js';

/** Times in milliseconds. */
export interface Limits {
  readonly connectMs: number;
  /** For TCP, TLS, and the head of each answer; for the body, too, except that of a watch. */
  readonly answerMs: number;
}

export interface ApiAnswer {
  readonly status: number;
  /** What `Retry-After` asks for, in milliseconds; 0 if there is none. */
  readonly retryAfterMs: number;
  /** Ends the connection if it is left before its end. Throws if the connection is lost. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** As much as Node.js' own HTTP takes. */
const MOST_HEADER_BYTES = 16 * 1024;
/**
 * Of all that comes over a connection, TLS and what HTTP ignores included. A watch of five minutes is sent some KiB; a rolling restart of
 * three masters, with a lease of 15 s each, some ten events.
 */
const MOST_BYTES = 4 << 20;
/** How often that is checked while no part of HTTP comes. */
const CHECK_MS = 250;
const FOREVER_MS = 2 ** 31 - 1;

/** The server sends more than a list can have. */
export class TooMuch extends Error {
  constructor(mostBytes: number) {
    super(`the answer has more than ${mostBytes / 1024} KiB`);
  }
}

export class ApiConnection {
  readonly #tcp: net.Socket;
  readonly #socket: net.Socket;
  readonly #client: InstanceType<typeof Client>;
  readonly #token: string | null;
  readonly #limits: Limits;
  #error: Error | null = null;
  #closed = false;

  private constructor(
    tcp: net.Socket,
    socket: net.Socket,
    server: Endpoint,
    token: string | null,
    limits: Limits,
  ) {
    this.#tcp = tcp;
    this.#socket = socket;
    this.#token = token;
    this.#limits = limits;
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    const check = (): void => {
      if (socket.destroyed || tcp.bytesRead <= MOST_BYTES) return;
      this.#error ??= new TooMuch(MOST_BYTES);
      this.close();
    };
    socket.on('readable', check);
    const checking = setInterval(check, CHECK_MS).unref();
    socket.once('close', () => {
      clearInterval(checking);
    });
    this.#client = new Client(`https://${server.text}`, {
      // undici asks for a connection again when it is lost. With an error of its own it would ask for ever.
      connect: (_options, callback) => {
        queueMicrotask(() => {
          if (socket.destroyed) callback(new Error('the connection was closed'), null);
          else callback(null, socket);
        });
      },
      // Each request has its own time limit.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: FOREVER_MS,
      keepAliveMaxTimeout: FOREVER_MS,
      maxHeaderSize: MOST_HEADER_BYTES,
    });
  }

  /**
   * Connects, and verifies the certificate. Rejects with the fault, or with the signal's reason.
   *
   * @param sourcePorts Where to connect from; null leaves it to the kernel, as for a server that does not answer to these ports.
   */
  static async open(
    server: Endpoint,
    { secureContext, token, tlsServerName, names }: Identity,
    sourcePorts: PortRange | null,
    limits: Limits,
    signal: AbortSignal,
  ): Promise<ApiConnection> {
    const limit = limited(limits.answerMs, `no TLS connection in ${limits.answerMs} ms`, signal);
    try {
      const tcp = await connect(server, sourcePorts, limits.connectMs, limit.signal);
      // The kernel ends the watch within a minute if the host is gone.
      tcp.setKeepAlive(true, 30_000);
      const options = { verify: true, serverName: tlsServerName, anyName: tlsServerName === null };
      const socket = await secure(tcp, server, options, secureContext, limit.signal, () => undefined);
      const expected = tlsServerName === null ? [server.address, ...names] : names;
      const certificate = socket.getPeerCertificate();
      if (!expected.some((name) => tls.checkServerIdentity(name, certificate) === undefined)) {
        endConnection(tcp, socket);
        throw new Error(`certificate is for none of these: ${inOneLine(expected.join(', '), 300)}`);
      }
      return new ApiConnection(tcp, socket, server, token, limits);
    } catch (error) {
      throw limit.signal.aborted ? (limit.signal.reason as Error) : error;
    } finally {
      limit.end();
    }
  }

  /** Sends a GET, and resolves when the head of the answer is there. The signal ends the body, too. */
  async get(path: string, signal: AbortSignal): Promise<ApiAnswer> {
    const limit = limited(this.#limits.answerMs, `no answer in ${this.#limits.answerMs} ms`, signal);
    try {
      const asking = request.call(this.#client, {
        method: 'GET',
        path,
        headers: {
          'user-agent': 'lvscare',
          accept: 'application/json',
          // A compressed answer might be large once it is decompressed.
          'accept-encoding': 'identity',
          ...(this.#token === null ? {} : { authorization: `Bearer ${this.#token}` }),
        },
        signal,
      });
      const { statusCode, headers, body } = await unlessAborted(limit.signal, asking);
      const encoding = String(headers['content-encoding'] ?? 'identity');
      if (encoding !== 'identity') {
        // A body that is complete and was not read listens to the signal for ever.
        body.on('error', () => undefined).destroy();
        throw new Error(`the answer is compressed (${inOneLine(encoding, 20)}), which was not asked for`);
      }
      const retryAfterS = Number(headers['retry-after'] ?? 0);
      return {
        status: statusCode,
        retryAfterMs: retryAfterS > 0 ? retryAfterS * 1000 : 0,
        body: this.#read(body as AsyncIterable<Uint8Array>),
      };
    } catch (error) {
      this.close();
      throw signal.aborted ? error : (this.#error ?? error);
    } finally {
      limit.end();
    }
  }

  /** The whole body of an answer as text. Rejects if it is longer, or takes too long. */
  async text({ body }: ApiAnswer, mostBytes: number, signal: AbortSignal): Promise<string> {
    const limit = limited(this.#limits.answerMs, `no complete answer in ${this.#limits.answerMs} ms`, signal);
    try {
      return await unlessAborted(limit.signal, collect(body, mostBytes));
    } catch (error) {
      this.close();
      throw error;
    } finally {
      limit.end();
    }
  }

  /** Ends it at once; twice is fine. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    endConnection(this.#tcp, this.#socket);
    this.#socket.once('close', () => void this.#client.destroy());
  }

  async *#read(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } catch (error) {
      throw this.#error ?? error;
    }
  }
}

async function collect(body: AsyncIterable<Uint8Array>, mostBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > mostBytes) throw new TooMuch(mostBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Where a packet filter drops answers to the ports of lvscare, those of the kernel are used, as by probes. */
async function connect(
  server: Endpoint,
  sourcePorts: PortRange | null,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<net.Socket> {
  const options = { timeoutMs, hedged: false, sourcePorts };
  try {
    return await connectTcp(server, options, signal);
  } catch (error) {
    if (!(error instanceof ConnectTimeout) || sourcePorts === null) throw error;
    return await connectTcp(server, { ...options, sourcePorts: null }, signal);
  }
}
