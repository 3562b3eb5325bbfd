/**
 * The nodes of a large cluster and its apiservers, on a clock of their own: what the probes of all nodes ask of each apiserver in each second.
 * The schedule is the program's own; apiservers, their connections and their costs are modelled.
 */
import { setMaxListeners } from 'node:events';
import { MonitorPool } from '../../src/control-loop/monitor-pool.js';
import type { Clock, KeptConnection, ProbeManner, Prober } from '../../src/control-loop/ports.js';
import { Reachability } from '../../src/control-loop/reachability.js';
import { SharedMonitors } from '../../src/control-loop/shared-monitors.js';
import { endpoint, type Endpoint } from '../../src/values/endpoint.js';
import type { Evidence } from '../../src/values/evidence.js';
import { POLICY } from '../control-loop/stage.js';

const TIMEOUT_MS = 3000;
const ANSWER_MS = 2;

/** `hung`: its kernel accepts, and no process answers. `cut off`: no packet comes back. */
type ApiserverState = 'well' | 'dead' | 'hung' | 'cut off';

/** What one apiserver was asked and could answer, in each second. */
interface Load {
  readonly handshakes: readonly number[];
  readonly requests: readonly number[];
}

interface Scenario {
  readonly nodes: number;
  /** How long it lasts, in seconds. All nodes start within the first {@link startS}. */
  readonly seconds: number;
  readonly startS: number;
  /** The state of the first apiserver from a second on, for a part of the nodes: 1 is all. */
  readonly changes?: readonly {
    readonly atS: number;
    readonly state: ApiserverState;
    readonly part?: number;
  }[];
  readonly seed?: number;
}

/** The load of the first apiserver, and of another one. */
export async function simulate({
  nodes,
  seconds,
  startS,
  changes = [],
  seed = 1,
}: Scenario): Promise<readonly [Load, Load]> {
  const clock = new VirtualClock();
  const random = randomFrom(seed);
  const apiservers = [0, 1, 2].map(
    (host) => new Apiserver(endpoint('ipv4', `10.0.0.${host + 1}`, 6443), seconds),
  );
  const [first, another] = apiservers as [Apiserver, Apiserver, Apiserver];
  const ending = new AbortController();
  setMaxListeners(0, ending.signal);
  const running: Promise<unknown>[] = [];
  for (let node = 0; node < nodes; node += 1) {
    const startMs = random() * startS * 1000;
    running.push(
      clock
        .sleep(startMs, ending.signal)
        .then(() => runNode(node / nodes, apiservers, clock, random, ending.signal)),
    );
  }
  for (const { atS, state, part = 1 } of changes)
    running.push(
      clock.sleep(atS * 1000, ending.signal).then(() => {
        if (!ending.signal.aborted) first.change(state, part);
      }),
    );
  await clock.advance(seconds * 1000);
  ending.abort();
  await Promise.all(running);
  return [first.load, another.load];
}

async function runNode(
  place: number,
  apiservers: readonly Apiserver[],
  clock: VirtualClock,
  random: () => number,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  const prober = new NodeProber(place, apiservers, clock);
  const monitors = new SharedMonitors({ clock, random });
  const up = (): readonly Apiserver[] =>
    apiservers.filter(({ server }) => pool.find(server.text)?.health.state === 'up');
  const reachability = new Reachability(POLICY, {
    clock,
    random,
    emit: () => undefined,
    // It is given to one of those that are up, as any client.
    async virtualServerProbe(ending) {
      const serving = up();
      const apiserver = serving[Math.floor(random() * serving.length)];
      if (apiserver?.stateFor(place) === 'well') apiserver.count(clock.now(), true);
      await clock.sleep(ANSWER_MS, ending);
      return apiserver?.stateFor(place) === 'well' ? OK : { kind: 'slow', detail: '' };
    },
  });
  const pool: MonitorPool = new MonitorPool(
    POLICY,
    {
      prober,
      monitors,
      clock,
      emit: (event) => {
        reachability.observe(event);
      },
    },
    () => undefined,
  );
  pool.setServers(apiservers.map(({ server }) => server));
  await Promise.all([pool.run(signal), reachability.run(signal)]);
}

const OK: Evidence = { kind: 'ok', detail: 'status 200' };

class Apiserver {
  readonly server: Endpoint;
  readonly load: { readonly handshakes: number[]; readonly requests: number[] };
  readonly connections = new Set<NodeConnection>();
  #state: ApiserverState = 'well';
  #part = 1;
  #changed: Promise<void>;
  #announce: () => void = () => undefined;

  constructor(server: Endpoint, seconds: number) {
    this.server = server;
    this.load = { handshakes: Array<number>(seconds).fill(0), requests: Array<number>(seconds).fill(0) };
    this.#changed = new Promise((resolve) => (this.#announce = resolve));
  }

  /** As a node sees it. */
  stateFor(place: number): ApiserverState {
    return place < this.#part ? this.#state : 'well';
  }

  get changed(): Promise<void> {
    return this.#changed;
  }

  change(state: ApiserverState, part: number): void {
    this.#state = state;
    this.#part = part;
    const announce = this.#announce;
    this.#changed = new Promise((resolve) => (this.#announce = resolve));
    announce();
    if (state === 'dead') for (const connection of [...this.connections]) connection.lose();
  }

  count(nowMs: number, fresh: boolean): void {
    const second = Math.floor(nowMs / 1000);
    const { handshakes, requests } = this.load;
    if (fresh) handshakes[second] = (handshakes[second] ?? 0) + 1;
    requests[second] = (requests[second] ?? 0) + 1;
  }
}

class NodeProber implements Prober {
  readonly #place: number;
  readonly #apiservers: ReadonlyMap<string, Apiserver>;
  readonly #clock: VirtualClock;

  constructor(place: number, apiservers: readonly Apiserver[], clock: VirtualClock) {
    this.#place = place;
    this.#apiservers = new Map(apiservers.map((apiserver) => [apiserver.server.text, apiserver]));
    this.#clock = clock;
  }

  keepConnection(server: Endpoint, onLost: (evidence: Evidence | null) => void): KeptConnection {
    const apiserver = this.#apiservers.get(server.text);
    if (apiserver === undefined) throw new Error(`there is no ${server.text}`);
    return new NodeConnection(this.#place, apiserver, this.#clock, onLost);
  }
}

/** As {@link HttpKeptConnection} behaves: a late answer is asked for once more over a new connection. */
class NodeConnection implements KeptConnection {
  readonly #place: number;
  readonly #apiserver: Apiserver;
  readonly #clock: VirtualClock;
  readonly #onLost: (evidence: Evidence | null) => void;
  #open = false;
  #lost = false;

  constructor(
    place: number,
    apiserver: Apiserver,
    clock: VirtualClock,
    onLost: (evidence: Evidence | null) => void,
  ) {
    this.#place = place;
    this.#apiserver = apiserver;
    this.#clock = clock;
    this.#onLost = onLost;
    apiserver.connections.add(this);
  }

  lose(): void {
    if (!this.#open || this.#apiserver.stateFor(this.#place) !== 'dead') return;
    this.#open = false;
    this.#lost = true;
    this.#onLost(null);
  }

  close(): void {
    this.#apiserver.connections.delete(this);
  }

  async *probe(
    { fresh, hedged, askWitness, late }: ProbeManner,
    signal: AbortSignal,
  ): AsyncGenerator<Evidence> {
    const startMs = this.#clock.now();
    const handshake = fresh || !this.#open;
    const deadlines = [startMs + TIMEOUT_MS];
    let lateMs = startMs + TIMEOUT_MS / 3;
    late?.addEventListener('abort', () => (lateMs = Math.min(lateMs, this.#clock.now())), { once: true });
    let witnessed = false;
    while (!signal.aborted) {
      const nowMs = this.#clock.now();
      const state = this.#apiserver.stateFor(this.#place);
      if (state === 'well') {
        this.#apiserver.count(nowMs, handshake || deadlines.length > 1);
        this.#open = true;
        this.#lost = false;
        await this.#clock.sleep(ANSWER_MS, signal);
        yield OK;
        return;
      }
      if (state === 'dead') {
        this.#open = false;
        yield { kind: 'refused', detail: '', ...(this.#lost && { conclusive: true }) };
        return;
      }
      if (hedged && deadlines.length === 1 && nowMs >= lateMs) {
        witnessed = (await askWitness?.()) ?? false;
        deadlines.push(this.#clock.now() + TIMEOUT_MS);
        continue;
      }
      const [next] = deadlines;
      if (next !== undefined && nowMs >= next) {
        deadlines.shift();
        yield state === 'hung'
          ? { kind: 'slow', detail: '', noHandshake: true }
          : { kind: 'silent', detail: '', ...(witnessed && { witnessed }) };
        if (deadlines.length === 0) return;
        continue;
      }
      const untilMs = Math.min(next ?? nowMs, hedged && deadlines.length === 1 ? lateMs : Infinity);
      const ending = new AbortController();
      const stop = (): void => {
        ending.abort();
      };
      signal.addEventListener('abort', stop, { once: true });
      await Promise.race([this.#clock.sleep(untilMs - nowMs, ending.signal), this.#apiserver.changed]);
      stop();
      signal.removeEventListener('abort', stop);
    }
  }
}

/** Jumps from one moment at which something sleeps to the next; in steps of a millisecond. */
class VirtualClock implements Clock {
  #nowMs = 0;
  readonly #sleepers = new Map<number, Set<() => void>>();
  /** The moments at which something wakes, as a heap: the soonest first. */
  readonly #moments: number[] = [];

  now(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    const atMs = Math.ceil(this.#nowMs + Math.max(0, ms));
    return new Promise((resolve) => {
      let sleepers = this.#sleepers.get(atMs);
      if (sleepers === undefined) {
        sleepers = new Set();
        this.#sleepers.set(atMs, sleepers);
        push(this.#moments, atMs);
      }
      const here = sleepers;
      const wake = (): void => {
        here.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      here.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      // Empties the queue of promise jobs.
      await new Promise((resolve) => setImmediate(resolve));
      const [next] = this.#moments;
      if (next === undefined || next >= endMs) break;
      pop(this.#moments);
      this.#nowMs = Math.max(this.#nowMs, next);
      const sleepers = this.#sleepers.get(next) ?? [];
      this.#sleepers.delete(next);
      for (const wake of [...sleepers]) wake();
    }
    this.#nowMs = endMs;
  }
}

function push(heap: number[], value: number): void {
  let at = heap.push(value) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if ((heap[parent] ?? 0) <= value) break;
    heap[at] = heap[parent] ?? 0;
    at = parent;
  }
  heap[at] = value;
}

function pop(heap: number[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && (heap[child + 1] ?? 0) < (heap[child] ?? 0)) child += 1;
    if ((heap[child] ?? 0) >= last) break;
    heap[at] = heap[child] ?? 0;
    at = child;
  }
  heap[at] = last;
}

/** Between 0 and 1, evenly, the same each time: mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
