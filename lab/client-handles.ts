/** The lab's ends of what runs in the node's client process: a long-lived connection, a steady client. */
import type { ClientCalls, ClientEvent, Ending, RequestResult } from './client-calls.js';
import type { Remote } from './remote.js';
import type { Whoami } from './apiserver-calls.js';

type Client = Remote<ClientCalls, ClientEvent>;

/** A long-lived TLS connection from the node. */
export class LabConnection {
  /** Resolves when it has ended, by whomever. */
  readonly ended: Promise<Ending>;
  readonly #client: Client;
  readonly #number: number;
  readonly #host: string;

  constructor(client: Client, number: number, url: string, ended: Promise<Ending>) {
    this.#client = client;
    this.#number = number;
    this.#host = new URL(url).host;
    this.ended = ended;
  }

  /** Writes text as it is. */
  send(text: string): Promise<void> {
    return this.#client.call('send', this.#number, text);
  }

  /**
   * Waits for text that matches in what came since the last match; resolves with what came up to its end.
   * @throws Error whose message is `TIMEOUT`, `CLOSED` or the connection's error, such as `ECONNRESET`
   */
  expect(pattern: RegExp, timeoutMs = 5000): Promise<string> {
    return this.#client.call('expect', this.#number, pattern.source, timeoutMs);
  }

  /** Writes a GET request and does not wait for its answer. */
  ask(path: string): Promise<void> {
    return this.send(`GET ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n\r\n`);
  }

  /** Who is at the other end. */
  async whoami(timeoutMs = 5000): Promise<Whoami> {
    await this.ask('/whoami');
    const answer = await this.expect(/\r\n\r\n\{.*\}\n/, timeoutMs);
    return JSON.parse(answer.slice(answer.indexOf('{'))) as Whoami;
  }

  close(): Promise<void> {
    return this.#client.call('close', this.#number);
  }
}

/** A client that asks again and again, each time over a connection of its own. */
export class SteadyClient {
  /** What became of the requests that have ended, in the order of their ends. */
  readonly samples: RequestResult[] = [];
  readonly #client: Client;
  readonly #number: number;
  readonly #watchers = new Set<(sample: RequestResult) => void>();

  constructor(client: Client, number: number) {
    this.#client = client;
    this.#number = number;
  }

  /** Calls back for each sample from now on. */
  onSample(watcher: (sample: RequestResult) => void): void {
    this.#watchers.add(watcher);
  }

  /** Those that got no answer, or one above 399. */
  get failures(): RequestResult[] {
    return this.samples.filter((sample) => !sample.ok || sample.status >= 400);
  }

  /** No further requests; resolves with all samples when those under way have ended. */
  async stop(): Promise<readonly RequestResult[]> {
    await this.#client.call('stopSteady', this.#number);
    return this.samples;
  }

  /** For the one who hears the client process. */
  take(sample: RequestResult): void {
    this.samples.push(sample);
    for (const watcher of this.#watchers) watcher(sample);
  }
}
