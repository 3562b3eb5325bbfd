/** Everything that `care` needs, faked, and the strings to pull. */
import { ClientSensor } from '../../src/control-loop/client-sensor.js';
import { ControlLoop, type CarePolicy } from '../../src/control-loop/control-loop.js';
import { emitter, type Emit, type Observer, type VirtualServerEvent } from '../../src/control-loop/events.js';
import { ManualDrains } from '../../src/control-loop/manual-drains.js';
import type {
  ClientConnections,
  ClientSocket,
  ClientSockets,
  FoundConnections,
  ProbeManner,
  Prober,
  InconclusiveProbe,
  KeptConnection,
  VirtualServerProbe,
} from '../../src/control-loop/ports.js';
import { SharedMonitors } from '../../src/control-loop/shared-monitors.js';
import { endpoint, type Endpoint } from '../../src/values/endpoint.js';
import type { Evidence, EvidenceKind } from '../../src/values/evidence.js';
import type { Destination } from '../../src/values/table.js';
import { FakeClock, settle } from './fake-clock.js';
import { FakeKernel, FakeResource } from './fake-kernel.js';

export const VIRTUAL_SERVER = endpoint('ipv4', '10.103.97.2', 6443);
export const [A, B, C] = [200, 201, 202].map((host) => endpoint('ipv4', `10.103.97.${host}`, 6443)) as [
  Endpoint,
  Endpoint,
  Endpoint,
];

export const POLICY: CarePolicy = {
  scheduler: 'rr',
  preferLocal: false,
  weights: new Map(),
  intervalMs: 5000,
  fastIntervalMs: 200,
  fall: 2,
  rise: 2,
  maxHoldMs: 60_000,
  handshakeIntervalMs: 60_000,
  drainTimeoutMs: 30_000,
};

/** `late`: what follows is asked after another server was heard, if one is. */
type FakeAnswer = EvidenceKind | 'inconclusive' | 'hang' | 'throw' | 'late';

/** Servers that answer as they are told; `hang` until the probe is stopped. */
export class FakeProber implements Prober {
  readonly answers = new Map<string, FakeAnswer | readonly FakeAnswer[]>();
  /** Each probe: its server, and ` fresh` or ` hedged` as it was asked for. */
  readonly probes: string[] = [];
  readonly inFlight = new Set<string>();
  readonly #listeners = new Map<string, (evidence: Evidence | null) => void>();
  readonly #hanging = new Map<string, (kind: EvidenceKind | null) => void>();
  /** Kept connections whose servers refuse after they were lost. */
  readonly #lost = new Set<string>();

  keepConnection(server: Endpoint, onLost: (evidence: Evidence | null) => void): KeptConnection {
    this.#listeners.set(server.text, onLost);
    return {
      probe: (manner, signal) => this.#probe(server, manner, signal),
      close: () => this.#listeners.delete(server.text),
    };
  }

  get keptConnections(): number {
    return this.#listeners.size;
  }

  /** A probe that hangs gets its answer. */
  async release(server: Endpoint, kind: EvidenceKind): Promise<void> {
    this.#hanging.get(server.text)?.(kind);
    await settle();
  }

  /** The connection that is kept to a server goes away. */
  lose(server: Endpoint, evidence: Evidence | null): void {
    this.#lost.add(server.text);
    this.#listeners.get(server.text)?.(evidence);
  }

  async *#probe(
    server: Endpoint,
    { fresh, hedged, askWitness: hearAnother }: ProbeManner,
    signal: AbortSignal,
  ): AsyncGenerator<Evidence | InconclusiveProbe> {
    if (this.inFlight.has(server.text)) throw new Error('two probes of one server at once');
    this.inFlight.add(server.text);
    this.probes.push(`${server.text}${fresh ? ' fresh' : ''}${hedged ? ' hedged' : ''}`);
    try {
      await new Promise((resolve) => setImmediate(resolve));
      const told = this.answers.get(server.text) ?? 'ok';
      let witnessed = false;
      for (const kind of typeof told === 'string' ? [told] : told) {
        if (kind === 'late') {
          witnessed = (await hearAnother?.()) ?? false;
          continue;
        }
        if (kind === 'throw') throw new Error('a fault of the prober');
        if (kind === 'hang') {
          const released = await new Promise<EvidenceKind | null>((resolve) => {
            this.#hanging.set(server.text, resolve);
            signal.addEventListener('abort', () => {
              resolve(null);
            });
          });
          if (released !== null) yield { kind: released, detail: released, ...(witnessed && { witnessed }) };
          return;
        }
        if (kind === 'ok') this.#lost.delete(server.text);
        const conclusive = kind === 'refused' && this.#lost.has(server.text);
        yield { kind, detail: kind, ...(conclusive ? { conclusive } : {}), ...(witnessed && { witnessed }) };
      }
    } finally {
      this.inFlight.delete(server.text);
    }
  }
}

/** Keeps what happened, a line each. */
export class FakeObserver {
  readonly lines: string[] = [];
  readonly passes: Extract<VirtualServerEvent, { readonly kind: 'pass' }>[] = [];
  failOpen = false;
  /** The servers of this node that were preferred, one text after the other. */
  readonly preferred: string[] = [];
  deletedRepeatedly = false;

  /** For what has no virtual server. */
  readonly emit: Emit = emitter(VIRTUAL_SERVER, [
    (event) => {
      this.observe(event);
    },
  ]);

  observe(event: VirtualServerEvent): void {
    if (event.kind === 'pass') this.passes.push(event);
    if (event.kind === 'local-preferred') this.preferred.push(event.servers.map(({ text }) => text).join());
    if (event.kind === 'fail-open') this.failOpen = event.active;
    if (event.kind === 'deleted-repeatedly') this.deletedRepeatedly = event.active;
    const line = lineOf(event);
    if (line !== null) this.lines.push(line);
  }
}

/** What is worth a line; the others are too many. */
function lineOf(event: VirtualServerEvent): string | null {
  switch (event.kind) {
    case 'transition':
      return `${event.server.address} ${event.before.state} to ${event.after.state}`;
    case 'suspected':
      return `${event.server.address} suspect: ${event.clients.count} wait for ${event.clients.waitsFor}`;
    case 'suspicion-ended':
      return `${event.server.address} suspect for ${event.durationMs} ms: ${event.why}`;
    case 'late-clients':
      return `${event.server.address} late clients: ${event.count}`;
    case 'client-sockets-readable':
      return 'client sockets: readable';
    case 'client-sockets-unreadable':
      return `client sockets: ${event.error.message}`;
    case 'held':
      return `${event.server.address} held for ${event.forMs} ms after ${event.health.relapses}`;
    case 'connections-ended':
      return event.count === 0 ? null : `${event.count} connections to ${addresses(event.servers)} ended`;
    case 'connections-left':
      return `connections to ${addresses(event.servers)} left: ${event.error.message}`;
    case 'table-unreadable':
      return `unreadable: ${event.error.message}, again in ${event.retryInMs}`;
    case 'resource-created':
    case 'resource-repaired':
    case 'resource-removed':
    case 'resource-drifted':
      return `${event.resource} ${event.kind.slice('resource-'.length)}: ${event.drift}`;
    case 'resource-failed':
      return `${event.resource} failed: ${event.error.message}`;
    case 'notifications-lost':
      return `notifications lost: ${event.error.message}`;
    case 'fault':
      return `fault: ${event.where}: ${event.error.message}`;
    default:
      return null;
  }
}

function addresses(servers: readonly Endpoint[]): string {
  return servers.map(({ address }) => address).join();
}

/** Clients who have connections to servers, which are in the kernel's rows. */
class FakeConnections implements ClientConnections {
  readonly #kernel: FakeKernel;
  /** What the next look for some fails with, or the next to end some. */
  readonly refusals: { find?: Error; end?: Error } = {};
  /** What a look waits for. */
  finding: Promise<void> = Promise.resolve();
  /** What ending some waits for. */
  ending: Promise<void> = Promise.resolve();

  constructor(kernel: FakeKernel) {
    this.#kernel = kernel;
  }

  /** So many to this server from now on. */
  to(server: Endpoint, count: number): void {
    const rows = this.#rows;
    const row = rows?.get(server.text);
    if (row !== undefined) rows?.set(server.text, { ...row, active: count, connections: count });
  }

  async find(servers: readonly Endpoint[]): Promise<FoundConnections> {
    // With its row the kernel forgets them.
    const counts = new Map(servers.map(({ text }) => [text, this.#rows?.get(text)?.active ?? 0]));
    await this.finding;
    if (this.refusals.find !== undefined) throw this.refusals.find;
    return {
      end: async (gone) => {
        await this.ending;
        if (this.refusals.end !== undefined) throw this.refusals.end;
        return gone.reduce((sum, { text }) => sum + (counts.get(text) ?? 0), 0);
      },
    };
  }

  get #rows(): Map<string, Destination> | undefined {
    return this.#kernel.services.get(VIRTUAL_SERVER.text)?.rows;
  }
}

/** Clients who wait for servers. */
class FakeClientSockets implements ClientSockets {
  /** How often they were looked at. */
  looks = 0;
  /** How long a look takes. */
  lookMs = 0;
  /** How often it was asked where they were given to. */
  lookups = 0;
  refusal: Error | null = null;
  readonly #clock: FakeClock;
  readonly #sockets = new Map<string, ClientSocket>();
  readonly #servers = new Map<string, Endpoint>();

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** A client of a server waits from now on; `server` null: the kernel does not know of which. */
  set(
    id: string,
    server: Endpoint | null,
    waitsFor: ClientSocket['waitsFor'],
    waitedMs: number | null = null,
  ): void {
    const client = `10.103.97.100:${id}`;
    this.#sockets.set(id, { id, client, virtualServer: VIRTUAL_SERVER.text, waitsFor, waitedMs });
    if (server !== null) this.#servers.set(client, server);
  }

  delete(id: string): void {
    this.#sockets.delete(id);
  }

  async waiting(virtualServers: readonly Endpoint[]): Promise<readonly ClientSocket[]> {
    this.looks += 1;
    if (this.lookMs > 0) await this.#clock.sleep(this.lookMs, new AbortController().signal);
    if (this.refusal !== null) throw this.refusal;
    const known = new Set(virtualServers.map(({ text }) => text));
    return [...this.#sockets.values()].filter(({ virtualServer }) => known.has(virtualServer));
  }

  servers(): Promise<ReadonlyMap<string, Endpoint>> {
    this.lookups += 1;
    return Promise.resolve(this.#servers);
  }
}

export class Stage {
  readonly clock: FakeClock;
  readonly kernel: FakeKernel;
  readonly connections: FakeConnections;
  readonly resource = new FakeResource();
  /** One that notifications do not tell of, before the other. */
  readonly untold = new FakeResource('untold', false);
  readonly prober: FakeProber;
  readonly monitors: SharedMonitors;
  readonly manualDrains = new ManualDrains();
  /** The servers that run on this node. */
  own: readonly Endpoint[] = [];
  /** How often the kernel was asked for them. */
  lookups = 0;
  readonly ownServers = (servers: readonly Endpoint[]): Promise<readonly Endpoint[]> => {
    this.lookups += 1;
    return Promise.resolve(servers.filter((server) => this.own.includes(server)));
  };
  readonly clientSockets: FakeClientSockets;
  readonly clientSensor: ClientSensor;
  /** What clients find at the virtual server; null: it is not probed. */
  virtualServerProbe: VirtualServerProbe | null = null;
  observer = new FakeObserver();
  /** Further observers. */
  audience: readonly Observer[] = [];
  readonly #servers: readonly Endpoint[];
  readonly #policy: CarePolicy;
  readonly #random: () => number;
  #stopping = new AbortController();
  loop: ControlLoop | null = null;
  #running: Promise<unknown> = Promise.resolve();
  #notify: (() => void) | null = null;
  /** What the next listening to the kernel fails with. */
  deafness: Error | null = null;

  constructor(
    servers: readonly Endpoint[] = [A, B, C],
    policy: Partial<CarePolicy> = {},
    kernel = new FakeKernel(),
    random = (): number => 0.5,
    /** Another virtual server of the same process. */
    beside: Stage | null = null,
  ) {
    this.clock = beside?.clock ?? new FakeClock();
    this.prober = beside?.prober ?? new FakeProber();
    this.monitors = beside?.monitors ?? new SharedMonitors({ clock: this.clock, random });
    this.clientSockets = new FakeClientSockets(this.clock);
    this.clientSensor = new ClientSensor({
      sockets: this.clientSockets,
      clock: this.clock,
      random,
    });
    this.#servers = servers;
    this.#policy = { ...POLICY, ...policy };
    this.kernel = kernel;
    this.connections = new FakeConnections(kernel);
    this.#random = random;
  }

  /** Starts, and goes on to where each server has been probed twice: at the start, and in its own turn. */
  async start(): Promise<void> {
    await this.begin();
    await this.clock.advance(this.#policy.fastIntervalMs / 2 + this.#policy.intervalMs / 2);
  }

  /** Starts, and lets everything happen that takes no time. */
  async begin(): Promise<void> {
    this.#stopping = new AbortController();
    this.loop = new ControlLoop(this.#servers, this.#policy, {
      table: this.kernel.table(VIRTUAL_SERVER),
      connections: this.connections,
      resources: [this.untold, this.resource],
      ownServers: this.ownServers,
      clock: this.clock,
      emit: emitter(VIRTUAL_SERVER, [
        (event) => {
          this.observer.observe(event);
        },
        ...this.audience,
      ]),
      prober: this.prober,
      monitors: this.monitors,
      random: this.#random,
      changes: (signal) => this.#changes(signal),
      manualDrains: this.manualDrains,
      virtualServerProbe: this.virtualServerProbe,
      virtualServer: VIRTUAL_SERVER,
      clientSensor: this.clientSensor,
    });
    const { signal } = this.#stopping;
    this.#running = Promise.all([this.loop.run(signal), this.clientSensor.run(signal)]);
    await settle();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** How it answers from now on; a list is what one probe finds, one after the other. */
  answer(server: Endpoint, kind: FakeAnswer | readonly FakeAnswer[]): void {
    this.prober.answers.set(server.text, kind);
  }

  /** The connection that is kept to it goes away. */
  async lose(server: Endpoint, kind: EvidenceKind | null = null): Promise<void> {
    this.prober.lose(server, kind === null ? null : { kind, detail: kind });
    await settle();
  }

  get rows(): string[] {
    return this.kernel.rows(VIRTUAL_SERVER);
  }

  /** The kernel tells that something changed. */
  async notify(): Promise<void> {
    this.#notify?.();
    await settle();
  }

  async *#changes(signal: AbortSignal): AsyncGenerator<string> {
    const { deafness } = this;
    this.deafness = null;
    if (deafness !== null) throw deafness;
    const ended = new Promise<false>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve(false);
      });
    });
    const told = (): Promise<true> =>
      new Promise((resolve) => {
        this.#notify = () => {
          resolve(true);
        };
      });
    while (await Promise.race([ended, told()])) yield 'something';
  }
}
