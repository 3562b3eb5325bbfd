/** HTTP over a connection that is there already, by Node's own client: it is loaded for the HTTP servers anyway. */
import http from 'node:http';
import type net from 'node:net';
import { isSilence } from './failure.js';
import type { ProbeRequest } from './request.js';
import { endConnection } from './tcp.js';

/** How much of an answer's body is read. What comes after says nothing about health. */
const MOST_BODY_BYTES = 64 * 1024;
/** How much of it is kept: a kube-apiserver that fails lists its checks in 1.5 to 4 KB. */
const MOST_KEPT_BYTES = 8 * 1024;
const MOST_HEADER_BYTES = 256 * 1024;
/** How many answers of the kind 1xx may come before the answer: no apiserver sends one, and a flood of them takes CPU time. */
const MOST_INTERIM_ANSWERS = 32;

/** The connection went away before a byte of an answer had come, as idle ones may at any time. */
export class Unanswered extends Error {}

export interface HttpAnswer {
  readonly status: number;
  /** The beginning of the body. */
  readonly body: string;
  /** Another request may follow on this connection. */
  readonly keep: boolean;
}

type OnHead = (status: number, date: string | null) => void;

/** A connection to one server, for one request after another. */
export class HttpConnection {
  readonly #tcp: net.Socket;
  readonly #socket: net.Socket;
  readonly #host: string;
  #error: Error | null = null;
  #asking = false;
  #answered = false;
  #dropped = false;

  /**
   * @param tcp What `socket` stands on, if it is TLS; else the same.
   * @param host For the Host header.
   */
  constructor(tcp: net.Socket, socket: net.Socket, host: string) {
    this.#tcp = tcp;
    this.#socket = socket;
    this.#host = host;
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    // Node's client sends FIN after the last answer of a connection. A reset leaves no TIME_WAIT on either side.
    socket.end = socket.destroySoon = (): net.Socket => {
      this.#dropped = true;
      return socket.destroy();
    };
  }

  get asking(): boolean {
    return this.#asking;
  }

  /**
   * Calls back if the server or the network ends the connection between two requests; with the error, or with null if it was
   * simply closed.
   */
  onLost(listener: (error: Error | null) => void): void {
    const lost = (): void => {
      if (this.#asking || this.#dropped) return;
      this.drop();
      listener(this.#error);
    };
    this.#socket.once('end', lost);
    this.#socket.once('close', lost);
  }

  /**
   * Sends the request and reads the whole answer, or as much of it as matters. Rejects with `Unanswered` if the server,
   * which had answered before, closed instead; after any failure the connection is of no more use.
   *
   * @param onHead Is called with the status, and the header Date if there is one, as soon as the headers are there.
   */
  async ask(asked: ProbeRequest, token: string | null, onHead: OnHead): Promise<HttpAnswer> {
    const bytesBefore = this.#socket.bytesRead;
    this.#asking = true;
    try {
      const answer = await this.#exchange(asked, token, onHead);
      this.#answered = true;
      return answer;
    } catch (error) {
      const cause = this.#error ?? inPlainWords(error);
      const idle = this.#answered && this.#socket.bytesRead === bytesBefore;
      if (idle && !isSilence(cause)) throw new Unanswered('closed before it answered', { cause });
      throw cause;
    } finally {
      this.#asking = false;
    }
  }

  /** Ends it by a reset. */
  drop(): void {
    this.#dropped = true;
    endConnection(this.#tcp, this.#socket);
  }

  async #exchange(asked: ProbeRequest, token: string | null, onHead: OnHead): Promise<HttpAnswer> {
    const response = await this.#send(asked, token);
    const { statusCode: status = 0, headers } = response;
    onHead(status, headers.date ?? null);
    let bytes = 0;
    const beginning: Uint8Array[] = [];
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      if (bytes < MOST_KEPT_BYTES) beginning.push(chunk.subarray(0, MOST_KEPT_BYTES - bytes));
      bytes += chunk.byteLength;
      // Leaving the loop ends the connection: nothing waits for an end that may never come.
      if (bytes > MOST_BODY_BYTES) break;
    }
    return {
      status,
      body: Buffer.concat(beginning).toString(),
      keep: bytes <= MOST_BODY_BYTES && !this.#dropped,
    };
  }

  /** Resolves when the headers of the answer are there. */
  #send({ method, path, headers, body }: ProbeRequest, token: string | null): Promise<http.IncomingMessage> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) throw hungUp();
      const request = http.request({
        // Without an agent, which would set socket options of its own, and close idle connections.
        createConnection: () => this.#socket,
        method,
        path,
        maxHeaderSize: MOST_HEADER_BYTES,
        headers: {
          host: this.#host,
          connection: 'keep-alive',
          'user-agent': 'lvscare',
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(body === null ? {} : { 'content-length': Buffer.byteLength(body) }),
          ...headers,
        },
      });
      let interim = 0;
      request
        .on('information', () => {
          interim += 1;
          if (interim > MOST_INTERIM_ANSWERS) reject(new Error('status 1xx again and again, and no answer'));
        })
        .on('upgrade', () => {
          reject(new Error('status 101: an upgrade that lvscare did not ask for'));
        })
        .on('error', reject)
        .on('response', resolve)
        .end(body ?? undefined);
    });
  }
}

/** Node says of a connection that was closed what it says of one that was reset, which the socket's own error says, too. */
function inPlainWords(error: unknown): Error {
  return (error as NodeJS.ErrnoException).code === 'ECONNRESET' ? hungUp() : (error as Error);
}

function hungUp(): Error {
  return new Error('the server closed the connection before its answer was complete');
}
