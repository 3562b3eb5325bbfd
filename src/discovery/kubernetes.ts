/** The list of apiservers as the Kubernetes API has it: the EndpointSlice `kubernetes` by list and watch, or the Endpoints object, polled. */
import type { Clock, Discovery, DiscoveryResult } from '../control-loop/ports.js';
import { portsFor } from '../probe/source-port.js';
import type { Endpoint } from '../values/endpoint.js';
import type { SourcePortChoice } from '../values/source-ports.js';
import { ApiConnection, TooMuch, type ApiAnswer, type Limits } from './api-connection.js';
import {
  parseEndpoints,
  parseSliceList,
  parseWatchEvent,
  serversOf,
  statusMessage,
  type Slice,
} from './api-objects.js';
import { readCluster, readIdentity, type Identity } from './identity.js';
import { limited, unlessAborted } from './limit.js';
import { Turns } from './turns.js';

interface KubernetesOptions {
  /** The path of a kubeconfig. It and the files that it names are read again before each request. */
  readonly kubeconfig: string;
  /** Where connections come from, as those of probes. */
  readonly sourcePorts: SourcePortChoice;
  readonly clock: Clock;
  /** From 0 to 1, 1 excluded. */
  readonly random: () => number;
  readonly timings?: Partial<Timings>;
}

/** In milliseconds. Each but the limits is varied at random, so that the nodes of a cluster do not ask in step. */
interface Timings extends Limits {
  /** For the kubeconfig and its files. */
  readonly readMs: number;
  /** For how long a watch goes on. The list of the next apiserver follows. */
  readonly watchMs: number;
  /** Between two requests for the Endpoints object. */
  readonly pollMs: number;
  /** After how long a watch is tried again that was not allowed. */
  readonly watchAgainMs: number;
  /** The longest wait between the end of a watch and the next list. */
  readonly resumeMs: number;
  /** After a failure; twice as long after each further one, up to `longestRetryMs`. */
  readonly retryMs: number;
  readonly longestRetryMs: number;
}

const TIMINGS: Timings = {
  connectMs: 3000,
  answerMs: 10_000,
  readMs: 5000,
  watchMs: 5 * 60_000,
  pollMs: 60_000,
  watchAgainMs: 60 * 60_000,
  resumeMs: 5000,
  retryMs: 1000,
  longestRetryMs: 60_000,
};

/** A watch that ended before this part of its time counts as a failure: the next one waits. */
const STEADY_PART = 0.1;
/** How much longer than the server lvscare waits for the end of a watch, as a part of its time. */
const OVERDUE_PART = 0.1;
/** The longest that `Retry-After` can make lvscare wait, in milliseconds. */
const LONGEST_RETRY_AFTER_MS = 5 * 60_000;
/** Of an answer, and of an event of a watch. Three apiservers take 2 KiB, with `managedFields`. */
const MOST_BYTES = 256 * 1024;

/**
 * RBAC can allow to list and watch one object by its name, if the request selects it by its name. kube-apiserver keeps the EndpointSlice of its
 * Service under the name of the Service. Without `resourceVersion`, a list and an object are as etcd has them, and never from an old cache.
 */
const SLICES =
  '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?fieldSelector=metadata.name%3Dkubernetes';
const ENDPOINTS = '/api/v1/namespaces/default/endpoints/kubernetes';

/** How a session with one apiserver ended, which gave at least one list. */
type Ended = 'watched' | 'polled' | 'may not watch';

/** An answer without the list. */
class Refused extends Error {
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

export function createKubernetesDiscovery(options: KubernetesOptions): Discovery {
  return new KubernetesDiscovery(options);
}

class KubernetesDiscovery implements Discovery {
  readonly #options: KubernetesOptions;
  readonly #timings: Timings;
  /** A file system that hangs holds a thread for each reading: all requests share one. */
  #reading: Promise<Identity> | null = null;
  #readingCluster: Promise<string> | null = null;

  constructor(options: KubernetesOptions) {
    this.#options = options;
    this.#timings = { ...TIMINGS, ...options.timings };
  }

  async cluster(): Promise<string> {
    this.#readingCluster ??= readCluster(this.#options.kubeconfig).finally(
      () => (this.#readingCluster = null),
    );
    return await this.#inTime(this.#readingCluster, new AbortController().signal);
  }

  async *lists(candidates: () => readonly Endpoint[], signal: AbortSignal): AsyncGenerator<DiscoveryResult> {
    const { clock } = this.#options;
    const { watchMs, pollMs, watchAgainMs, resumeMs, retryMs, longestRetryMs } = this.#timings;
    const turns = new Turns(() => clock.now());
    let notWatchedUntilMs = -Infinity;
    /** In a row. */
    let failures = 0;
    const stopped = (): boolean => signal.aborted;
    while (!stopped()) {
      const startMs = clock.now();
      let [server, waitMs]: [Endpoint | null, number] = [null, 0];
      try {
        const identity = await this.#identity(signal);
        server = turns.next(candidates());
        if (server === null) throw new Error('there is no apiserver to ask');
        const ended = yield* this.#session(server, identity, startMs >= notWatchedUntilMs, signal);
        if (ended === 'watched') {
          failures = clock.now() - startMs < watchMs * STEADY_PART ? failures + 1 : 0;
          if (failures === 0) waitMs = this.#random(0, resumeMs);
        } else {
          failures = 0;
          waitMs = this.#around(pollMs);
          if (ended === 'may not watch') notWatchedUntilMs = clock.now() + this.#around(watchAgainMs);
        }
      } catch (error) {
        if (stopped()) return;
        failures += 1;
        if (server !== null) turns.failed(server);
        if (error instanceof Refused) waitMs = Math.min(error.retryAfterMs, LONGEST_RETRY_AFTER_MS);
        yield { kind: 'failed', from: server, error: error as Error };
      }
      if (failures > 0)
        waitMs = Math.max(waitMs, this.#around(Math.min(longestRetryMs, retryMs * 2 ** (failures - 1))));
      await clock.sleep(waitMs, signal);
    }
  }

  /** What one apiserver says, until its watch ends. Throws if it gives no list, or something else than lists. */
  async *#session(
    server: Endpoint,
    identity: Identity,
    mayWatch: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<DiscoveryResult, Ended> {
    const sourcePorts = portsFor(this.#options.sourcePorts);
    const connection = await ApiConnection.open(server, identity, sourcePorts, this.#timings, signal);
    const list = (by: 'watch' | 'poll', servers: readonly Endpoint[]): DiscoveryResult => ({
      kind: 'list',
      list: { servers, from: server, by },
    });
    try {
      if (mayWatch) {
        const answer = await connection.get(SLICES, signal);
        const text = await connection.text(answer, MOST_BYTES, signal);
        if (!isMissing(answer)) {
          const { slices, resourceVersion } = read('EndpointSlices', answer, text, parseSliceList);
          const known = new Map(slices.map((slice) => [slice.name, slice]));
          // Without the object, there may still be Endpoints.
          if (known.size > 0) {
            yield list('watch', serversOf(known.values()));
            let isAllowed = true;
            for await (const change of this.#watch(connection, resourceVersion, signal)) {
              if (change === 'not allowed') isAllowed = false;
              else {
                apply(change, known);
                yield list('watch', serversOf(known.values()));
              }
            }
            if (isAllowed) return 'watched';
          }
        }
      }
      const answer = await connection.get(ENDPOINTS, signal);
      const text = await connection.text(answer, MOST_BYTES, signal);
      yield list('poll', read('Endpoints', answer, text, parseEndpoints));
      return mayWatch ? 'may not watch' : 'polled';
    } finally {
      connection.close();
    }
  }

  /** The changes since this version, until the server ends the watch, the connection is lost, or the time is over. */
  async *#watch(
    connection: ApiConnection,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncGenerator<Change | 'not allowed'> {
    const watchMs = this.#around(this.#timings.watchMs);
    const seconds = Math.max(1, Math.round(watchMs / 1000));
    const version = encodeURIComponent(resourceVersion);
    const path = `${SLICES}&watch=true&resourceVersion=${version}&timeoutSeconds=${seconds}`;
    const limit = limited(watchMs * (1 + OVERDUE_PART), 'the watch did not end', signal);
    try {
      const answer = await connection.get(path, limit.signal);
      if (answer.status !== 200) {
        const text = await connection.text(answer, MOST_BYTES, signal);
        if (isMissing(answer)) yield 'not allowed';
        else if (answer.status !== 410) throw refusal('watch of EndpointSlices', answer, text);
        return;
      }
      for await (const line of linesOf(answer.body)) {
        const event = parseWatchEvent(line);
        if (event.kind === 'expired') return;
        if (event.kind !== 'bookmark') yield event;
      }
    } catch (error) {
      if (!(error instanceof Lost)) throw error;
    } finally {
      limit.end();
    }
  }

  async #identity(signal: AbortSignal): Promise<Identity> {
    this.#reading ??= readIdentity(this.#options.kubeconfig).finally(() => (this.#reading = null));
    return await this.#inTime(this.#reading, signal);
  }

  async #inTime<Value>(reading: Promise<Value>, signal: AbortSignal): Promise<Value> {
    const { kubeconfig } = this.#options;
    const { readMs } = this.#timings;
    const words = `kubeconfig ${kubeconfig}: it and its files could not be read in ${readMs} ms`;
    const limit = limited(readMs, words, signal);
    try {
      return await unlessAborted(limit.signal, reading);
    } finally {
      limit.end();
    }
  }

  /** From 75% to 125% of it. */
  #around(ms: number): number {
    return this.#random(ms * 0.75, ms * 1.25);
  }

  #random(least: number, most: number): number {
    return least + (most - least) * this.#options.random();
  }
}

type Change = Extract<ReturnType<typeof parseWatchEvent>, { kind: 'changed' | 'deleted' }>;

function apply(change: Change, known: Map<string, Slice>): void {
  if (change.kind === 'changed') known.set(change.slice.name, change.slice);
  else known.delete(change.name);
}

/** Whether the API may not be used by this user, or is not there. */
function isMissing({ status }: ApiAnswer): boolean {
  return status === 403 || status === 404;
}

function read<Value>(what: string, answer: ApiAnswer, text: string, parse: (text: string) => Value): Value {
  if (answer.status !== 200) throw refusal(what, answer, text);
  try {
    return parse(text);
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  }
}

function refusal(what: string, { status, retryAfterMs }: ApiAnswer, text: string): Refused {
  const redirect = status >= 300 && status < 400 ? 'a redirect, which lvscare does not follow' : null;
  const why = redirect ?? statusMessage(text);
  return new Refused(`${what}: status ${status}${why === null ? '' : `: ${why}`}`, retryAfterMs);
}

/** The watch ended in the middle. The list of the next apiserver shows what was missed. */
class Lost extends Error {}

/** The lines of a watch, each with one event. */
async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of withoutLoss(body)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MOST_BYTES) throw new TooMuch(MOST_BYTES);
    for (const line of lines) if (line !== '') yield line;
  }
}

async function* withoutLoss(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw error instanceof TooMuch ? error : new Lost('the connection was lost', { cause: error });
  }
}
