/** One long-lived TLS connection, that text is written to and read from. */
import { once } from 'node:events';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { codeOf, nowMs } from './client-request.js';
import type { Ending, RequestOptions } from './client-calls.js';
import { timeLimit } from './time-limit.js';

export class Connection {
  readonly #socket: TLSSocket;
  readonly #look = new Set<() => void>();
  #received = '';
  #code: string | null = null;

  private constructor(socket: TLSSocket, onEnd: (ending: Ending) => void) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      this.#received += text;
      this.#wake();
    });
    socket.on('error', (error: Error) => (this.#code = codeOf(error)));
    socket.once('close', () => {
      this.#wake();
      onEnd({ code: this.#code, atMs: nowMs() });
    });
  }

  static async open(
    url: string,
    options: RequestOptions,
    onEnd: (ending: Ending) => void,
  ): Promise<Connection> {
    const { timeoutMs = 5000, ca, serverName } = options;
    const { hostname, port } = new URL(url);
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    const name = serverName ?? (isIP(host) === 0 ? host : undefined);
    const socket = connect({
      host,
      port: Number(port),
      ca,
      rejectUnauthorized: ca !== undefined,
      ...(name === undefined ? {} : { servername: name }),
    });
    try {
      await once(socket, 'secureConnect', { signal: AbortSignal.timeout(timeLimit(timeoutMs)) });
    } catch (error) {
      socket.on('error', () => undefined).destroy();
      const code = codeOf(error as Error);
      throw new Error(code === 'ABORT_ERR' ? 'TIMEOUT' : code, {
        cause: error,
      });
    }
    return new Connection(socket, onEnd);
  }

  send(text: string): void {
    this.#socket.write(text);
  }

  expect(pattern: RegExp, timeoutMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(impatient);
        this.#look.delete(look);
      };
      const fail = (why: string): void => {
        stop();
        reject(new Error(why));
      };
      const look = (): void => {
        const match = pattern.exec(this.#received);
        if (match !== null) {
          stop();
          const end = match.index + match[0].length;
          resolve(this.#received.slice(0, end));
          this.#received = this.#received.slice(end);
        } else if (this.#socket.destroyed) fail(this.#code ?? 'CLOSED');
      };
      const impatient = setTimeout(() => {
        fail('TIMEOUT');
      }, timeLimit(timeoutMs));
      this.#look.add(look);
      look();
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #wake(): void {
    for (const look of [...this.#look]) look();
  }
}
