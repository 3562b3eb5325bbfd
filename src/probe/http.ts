import type net from 'node:net';
import request from 'undici/lib/api/api-request.js';
import Client from 'undici/lib/dispatcher/client.js';
import { isSilence } from './failure.js';
import type { ProbeRequest } from './request.js';
import { endConnection } from './tcp.js';

/** How much of an answer's body is read. What comes after says nothing about health. */
const MOST_BODY_BYTES = 64 * 1024;
/** How much of it is handed on: a kube-apiserver that fails lists its checks in 1.5 to 4 KB. */
const MOST_KEPT_BYTES = 8 * 1024;
/** As much as Node's own HTTP takes; a kube-apiserver sends some 500 bytes. */
const MOST_HEADER_BYTES = 16 * 1024;
/** Of all that comes over a connection from one request to the next, TLS and what HTTP ignores included. */
const MOST_BYTES = 512 * 1024;
/** How often that is checked while no part of HTTP comes: a server may also send messages of TLS alone, such as KeyUpdate. */
const CHECK_MS = 250;
/** What ends the connection of such a server. */
const TOO_MUCH = `the server sent more than ${MOST_BYTES / 1024} KiB, and no complete answer`;
/** How many answers of the kind 1xx may come before the answer: no apiserver sends one, and a flood of them keeps us busy. */
const MOST_INTERIM_ANSWERS = 32;
/** Longer than any connection lives: when an idle one ends is the server's to say. */
const FOREVER_MS = 2 ** 31 - 1;

/** The connection went away before a byte of an answer had come, as idle ones may at any time. */
export class Unanswered extends Error {}

export interface HttpAnswer {
  readonly status: number;
  /** The beginning of the body. */
  readonly body: string;
  /** Another request may follow on this connection. */
  readonly keep: boolean;
}

/** A connection to one server, to ask over one request after another. */
export class HttpConnection {
  readonly #tcp: net.Socket;
  readonly #socket: net.Socket;
  readonly #client: InstanceType<typeof Client>;
  #error: Error | null = null;
  /** Of the connection, when the request began. */
  #bytesBefore: number;
  #asking = false;
  #answered = false;
  #dropped = false;

  /**
   * @param tcp What `socket` stands on, if it is TLS; else the same.
   * @param origin Scheme and authority, for the Host header.
   */
  constructor(tcp: net.Socket, socket: net.Socket, origin: string) {
    this.#tcp = tcp;
    this.#socket = socket;
    this.#bytesBefore = tcp.bytesRead;
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    const check = (): void => {
      this.#endIfTooMuch();
    };
    // Each time that something of HTTP can be read.
    socket.on('readable', check);
    const checking = setInterval(check, CHECK_MS).unref();
    socket.once('close', () => {
      clearInterval(checking);
    });
    this.#client = new Client(origin, {
      // Not at once: undici is not done asking when it calls this. It may ask again when the connection is lost.
      connect: (_options, callback) => {
        queueMicrotask(() => {
          if (socket.destroyed) callback(new Unanswered('the connection was closed'), null);
          else callback(null, socket);
        });
      },
      // The probe has one deadline, and it is not undici's.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: FOREVER_MS,
      keepAliveMaxTimeout: FOREVER_MS,
      // Nor does a hint of the server's have us end it.
      keepAliveTimeoutThreshold: -FOREVER_MS,
      maxHeaderSize: MOST_HEADER_BYTES,
    });
  }

  get asking(): boolean {
    return this.#asking;
  }

  /** Whether the other side, or the network, ends it between requests; with the error, null if it was simply closed. */
  onLost(listener: (error: Error | null) => void): void {
    const lost = (): void => {
      if (this.#asking || this.#dropped) return;
      this.#dropped = true;
      listener(this.#error);
      this.drop();
    };
    this.#socket.once('end', lost);
    this.#socket.once('close', lost);
  }

  /**
   * Sends the request and reads the whole answer, or as much of it as matters. Rejects with `Unanswered` if the server,
   * which had answered before, closed instead; after any failure the connection is of no more use.
   *
   * @param onHead Hears the status, and the header Date if there is one, as soon as the headers are there.
   */
  async ask(
    asked: ProbeRequest,
    token: string | null,
    signal: AbortSignal,
    onHead: (status: number, date: string | null) => void,
  ): Promise<HttpAnswer> {
    const bytesBefore = this.#socket.bytesRead;
    this.#bytesBefore = this.#tcp.bytesRead;
    this.#asking = true;
    try {
      const answer = await this.#exchange(asked, token, signal, onHead);
      this.#answered = true;
      return answer;
    } catch (error) {
      const cause = this.#error ?? error;
      const idle = this.#answered && this.#socket.bytesRead === bytesBefore;
      if (idle && !signal.aborted && !isSilence(cause))
        throw new Unanswered('closed before it answered', { cause });
      throw cause;
    } finally {
      this.#asking = false;
    }
  }

  #endIfTooMuch(): void {
    if (this.#socket.destroyed || this.#tcp.bytesRead - this.#bytesBefore <= MOST_BYTES) return;
    this.#error ??= new Error(TOO_MUCH);
    endConnection(this.#tcp, this.#socket);
  }

  /** Ends it at once. */
  drop(): void {
    this.#dropped = true;
    endConnection(this.#tcp, this.#socket);
    // Only once nothing of it is left for the client to end in its own way.
    this.#socket.once('close', () => void this.#client.destroy());
  }

  async #exchange(
    asked: ProbeRequest,
    token: string | null,
    signal: AbortSignal,
    onHead: (status: number, date: string | null) => void,
  ): Promise<HttpAnswer> {
    let interim = 0;
    const answer = await request.call(this.#client, {
      method: asked.method,
      path: asked.path,
      headers: {
        'user-agent': 'lvscare',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...asked.headers,
      },
      body: asked.body,
      signal,
      // What it throws ends the request and the connection.
      onInfo: () => {
        interim += 1;
        if (interim <= MOST_INTERIM_ANSWERS) return;
        // Before undici has a word of its own for it.
        this.#error ??= new Error('status 1xx again and again, and no answer');
        throw this.#error;
      },
    });
    const { date } = answer.headers;
    onHead(answer.statusCode, typeof date === 'string' ? date : null);
    let bytes = 0;
    const beginning: Uint8Array[] = [];
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
      if (bytes < MOST_KEPT_BYTES) beginning.push(chunk.subarray(0, MOST_KEPT_BYTES - bytes));
      bytes += chunk.byteLength;
      // Leaving the loop ends the connection: what is still to come has no end that we would wait for.
      if (bytes > MOST_BODY_BYTES) break;
    }
    return {
      status: answer.statusCode,
      body: Buffer.concat(beginning).toString(),
      keep: bytes <= MOST_BODY_BYTES && !closes(answer.headers['connection']),
    };
  }
}

function closes(header: string | string[] | undefined): boolean {
  return String(header ?? '')
    .toLowerCase()
    .split(',')
    .some((option) => option.trim() === 'close');
}
