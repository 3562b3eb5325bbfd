/** The client process: it lives in the node's namespace and does what the node's programs do, all the time. */
import type { TLSSocket } from 'node:tls';
import { serve } from '../../lab/remote.js';
import { nowMs } from '../clock.js';
import type {
  BenchClientCalls,
  BusyOptions,
  BusyResult,
  StreamOptions,
  StreamResult,
} from './client-calls.js';
import { ask, exchange, onAnswer, open, whoami } from './exchange.js';

/** Tries to get at one of three servers that take turns, with a stream of others in between. */
const MAX_TRIES = 40;

class Stream {
  readonly #options: StreamOptions;
  readonly #underWay = new Set<Promise<void>>();
  readonly #failures: { beganMs: number; code: string }[] = [];
  readonly #timer: NodeJS.Timeout;
  #attempts = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#timer = setInterval(() => {
      this.#begin();
    }, options.everyMs);
  }

  async stop(): Promise<StreamResult> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
    return { attempts: this.#attempts, failures: this.#failures };
  }

  #begin(): void {
    const { host, port, timeoutMs } = this.#options;
    const beganMs = nowMs();
    this.#attempts += 1;
    const done = exchange(host, port, timeoutMs).then((code) => {
      this.#underWay.delete(done);
      if (code !== null) this.#failures.push({ beganMs, code });
    });
    this.#underWay.add(done);
  }
}

class Busy {
  readonly #socket: TLSSocket;
  readonly #timer: NodeJS.Timeout;
  readonly #answersMs: number[] = [];
  #ending: BusyResult['ending'] = null;
  #closing = false;

  constructor(socket: TLSSocket, everyMs: number) {
    this.#socket = socket;
    onAnswer(socket, (atMs) => this.#answersMs.push(atMs));
    this.#timer = setInterval(() => {
      ask(socket);
    }, everyMs);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#end(error.code ?? error.message);
    });
    // The other side may have closed it in good order.
    socket.once('end', () => {
      this.#end('CLOSED');
    });
    socket.once('close', () => {
      this.#end('CLOSED');
    });
  }

  get result(): BusyResult {
    return { answersMs: this.#answersMs, ending: this.#ending };
  }

  close(): BusyResult {
    this.#closing = true;
    clearInterval(this.#timer);
    this.#socket.destroy();
    return this.result;
  }

  #end(code: string): void {
    clearInterval(this.#timer);
    if (!this.#closing) this.#ending ??= { atMs: nowMs(), code };
  }
}

async function openBusy({ host, port, server, everyMs }: BusyOptions): Promise<Busy> {
  let last: unknown = null;
  for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
    const socket = open(host, port);
    socket.on('error', () => undefined);
    try {
      if ((await whoami(socket, 3000)) === server) return new Busy(socket, everyMs);
    } catch (error) {
      last = error;
    }
    socket.destroy();
  }
  throw new Error(`no connection got to ${server}; last: ${String(last)}`);
}

let stream: Stream | null = null;
let busy: Busy | null = null;

const NO_STREAM: StreamResult = { attempts: 0, failures: [] };
const NOT_BUSY: BusyResult = { answersMs: [], ending: null };

process.on('SIGTERM', () => process.exit(0));
serve<BenchClientCalls>({
  startStream: (options) => {
    stream = new Stream(options);
  },
  stopStream: async () => {
    const stopping = stream;
    stream = null;
    return (await stopping?.stop()) ?? NO_STREAM;
  },
  openBusy: async (options) => {
    busy = await openBusy(options);
  },
  busy: () => busy?.result ?? NOT_BUSY,
  closeBusy: () => {
    const result = busy?.close() ?? NOT_BUSY;
    busy = null;
    return result;
  },
});
