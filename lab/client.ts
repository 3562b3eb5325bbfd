/** The client process of a lab's node: it lives in the node's namespace and asks there what the lab wants asked. */
import type { ClientCalls, ClientEvent, RequestResult, SteadyOptions } from './client-calls.js';
import { Connection } from './client-connection.js';
import { requestOnce } from './client-request.js';
import { serve, tell } from './remote.js';

/** More requests than these at once mean that nothing works at all. */
const MAX_UNDER_WAY = 500;

class Steady {
  readonly #options: SteadyOptions;
  readonly #onSample: (sample: RequestResult) => void;
  readonly #underWay = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: SteadyOptions, onSample: (sample: RequestResult) => void) {
    this.#options = options;
    this.#onSample = onSample;
    this.#timer = setInterval(() => {
      this.#ask();
    }, options.everyMs);
    this.#ask();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
  }

  #ask(): void {
    if (this.#underWay.size >= MAX_UNDER_WAY) return;
    const asked = requestOnce(this.#options.url, this.#options).then((sample) => {
      this.#underWay.delete(asked);
      this.#onSample(sample);
    });
    this.#underWay.add(asked);
  }
}

const connections = new Map<number, Connection>();
const steadies = new Map<number, Steady>();
let lastNumber = 0;

function connectionOf(number: number): Connection {
  const connection = connections.get(number);
  if (connection === undefined) throw new Error('CLOSED');
  return connection;
}

const emit = (event: ClientEvent): void => {
  tell(event);
};
serve<ClientCalls>({
  request: requestOnce,

  open: async (url, options) => {
    const number = ++lastNumber;
    const connection = await Connection.open(url, options, (ending) => {
      emit({ kind: 'ended', connection: number, ending });
    });
    connections.set(number, connection);
    return number;
  },
  send: (number, text) => {
    connectionOf(number).send(text);
  },
  expect: (number, pattern, timeoutMs) => connectionOf(number).expect(new RegExp(pattern), timeoutMs),
  close: (number) => {
    connectionOf(number).close();
    connections.delete(number);
  },

  startSteady: (options) => {
    const number = ++lastNumber;
    const onSample = (sample: RequestResult): void => {
      emit({ kind: 'sample', steady: number, sample });
    };
    steadies.set(number, new Steady(options, onSample));
    return number;
  },
  stopSteady: async (number) => {
    await steadies.get(number)?.stop();
    steadies.delete(number);
  },
});
process.on('SIGTERM', () => process.exit(0));
emit({ kind: 'ready' });
