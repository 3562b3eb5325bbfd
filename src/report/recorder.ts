import type { VirtualServerEvent } from '../control-loop/events.js';
import type { Clock } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import type { Evidence } from '../values/evidence.js';
import type { Member } from '../decisions/membership.js';
import type { HealthState } from '../decisions/health.js';
import { filteredPortsInWords } from '../values/source-ports.js';
import { History } from './history.js';
import { START } from './liveness.js';
import type {
  DiscoveryReport,
  PassReport,
  ReachabilityReport,
  ServerReport,
  TransitionReport,
  TroubleReport,
  VirtualServerReport,
} from './report.js';

interface Recorded {
  readonly virtualServer: Endpoint;
  readonly realServers: readonly Endpoint[];
  readonly policy: { readonly scheduler: string; readonly intervalMs: number };
  readonly mode: string;
  readonly masquerade: boolean;
  /** Which of the real servers are from where, if the cluster's list is read, too; else null. */
  readonly members?: readonly Member[] | null;
}

interface RecorderParts {
  readonly clock: Pick<Clock, 'now'>;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
}

const MOST_TRANSITIONS = 100;
const MOST_RECENT = 60;
const NODE_ADDRESS = 'node address';
/** As the prober of a virtual server calls it, too. */
export const SOURCE_PORTS = 'source ports';
const CLIENT_SOCKETS = 'sockets of clients';
/** For how long a fault is trouble unless it happens again, in milliseconds: no event ends it. */
const FAULT_MS = 600_000;

/** What is known of one server; times are of the monotonic clock, so that setting the wall clock changes nothing. */
interface ServerRecord {
  state: HealthState;
  sinceMs: number;
  evidence: Evidence | null;
  heldUntilMs: number | null;
  relapses: number;
  lastOk: { readonly atMs: number; readonly durationMs: number } | null;
  probes: number;
  failures: number;
  /** Of the times before this state. */
  downMs: number;
  lastProbeMs: number | null;
  certificateNotAfterMs: number | null;
  /** Milliseconds since 1970. */
  drainedSinceMs: number | null;
  suspectSinceMs: number | null;
  lateClients: number;
  readonly recentMs: number[];
  readonly history: History;
}

/** Records what happened to one virtual server, as far as an operator needs it now. Bounded in memory. */
export class Recorder {
  #recorded: Recorded;
  readonly #parts: RecorderParts;
  #servers: ReadonlyMap<string, ServerRecord>;
  readonly #transitions: TransitionReport[] = [];
  readonly #troubles = new Map<string, TroubleReport>();
  /** When each fault happened last, in milliseconds of the monotonic clock. */
  readonly #faultedMs = new Map<string, number>();
  readonly #repairs: Record<string, number> = {};
  #lastPass: PassReport | null = null;
  #reachability: ReachabilityReport | null = null;
  #failOpen = false;
  /** The real servers that are preferred and serve, by their text. */
  #preferred: ReadonlySet<string> = new Set();
  #deletedRepeatedly = false;
  #nodeAddress: string | null = null;
  readonly #discovery: {
    lastList: NonNullable<DiscoveryReport['lastList']> | null;
    failure: NonNullable<DiscoveryReport['failure']> | null;
  } = { lastList: null, failure: null };

  constructor(recorded: Recorded, parts: RecorderParts) {
    this.#recorded = recorded;
    this.#parts = parts;
    const nowMs = parts.clock.now();
    this.#servers = new Map(recorded.realServers.map(({ text }) => [text, newRecord(nowMs)]));
  }

  /** Goes on with other settings. Servers that stay keep their history. */
  update(recorded: Recorded): void {
    const before = this.#servers;
    const nowMs = this.#parts.clock.now();
    this.#servers = new Map(
      recorded.realServers.map(({ text }) => [text, before.get(text) ?? newRecord(nowMs)]),
    );
    for (const text of before.keys()) if (!this.#servers.has(text)) this.#troubles.delete(probeOf(text));
    // What it was may have been another way.
    if (recorded.mode !== this.#recorded.mode) this.#reachability = null;
    this.#recorded = recorded;
  }

  /** Forgets trouble with what is not used any more: no event ends it. */
  forgetTroubles(about: Iterable<string>): void {
    for (const what of about) this.#troubles.delete(what);
  }

  /** @param history Whether the servers' histories are in it, which take time to make. */
  report({ history }: { readonly history: boolean }): VirtualServerReport {
    const { virtualServer, policy, mode, masquerade } = this.#recorded;
    const offsetMs = this.#parts.wallClock() - this.#parts.clock.now();
    this.#expireFaults();
    return {
      virtualServer: virtualServer.text,
      scheduler: policy.scheduler,
      mode,
      masquerade,
      nodeAddress: this.#nodeAddress,
      intervalMs: policy.intervalMs,
      failOpen: this.#failOpen,
      deletedRepeatedly: this.#deletedRepeatedly,
      reachability: this.#reachability && {
        ...this.#reachability,
        sinceMs: this.#reachability.sinceMs + offsetMs,
      },
      discovery: this.#discoveryReport(offsetMs),
      lastPass: later(this.#lastPass, offsetMs),
      troubles: [...this.#troubles.values()].map((trouble) => ({
        ...trouble,
        sinceMs: trouble.sinceMs + offsetMs,
      })),
      repairs: { ...this.#repairs },
      transitions: history ? this.#transitions.map((transition) => later(transition, offsetMs)) : [],
      servers: [...this.#servers].map(([server, record]) => ({
        ...serverReport(server, record, offsetMs, this.#parts.clock.now()),
        standby: this.#isStandby(server, record),
        membership: this.#membership(server, offsetMs),
        recentMs: history ? [...record.recentMs] : [],
        history: history ? record.history.minutes(this.#parts.clock.now(), offsetMs) : [],
      })),
    };
  }

  /** Records an event. */
  record(event: VirtualServerEvent): void {
    if ('server' in event) {
      const record = this.#servers.get(event.server.text);
      if (record !== undefined) this.#recordServer(event, record);
      return;
    }
    switch (event.kind) {
      case 'not-started':
        this.#trouble(START, event.error);
        break;
      case 'started':
        this.#troubles.delete(START);
        break;
      case 'pass':
        this.#recordPass(event);
        break;
      case 'table-unreadable':
        this.#passed(0, event.error.message);
        this.#trouble(TABLE, event.error);
        break;
      case 'fail-open':
        this.#failOpen = event.active;
        break;
      case 'local-preferred':
        this.#preferred = new Set(event.servers.map(({ text }) => text));
        break;
      case 'deleted-repeatedly':
        this.#deletedRepeatedly = event.active;
        break;
      case 'reachability':
        this.#recordReachability(event.reason);
        break;
      case 'resource-repaired':
        this.#repaired(event.resource);
        this.#troubles.delete(event.resource);
        break;
      case 'resource-ok':
      case 'resource-created':
      case 'resource-removed':
      case 'resource-drifted':
        this.#troubles.delete(event.resource);
        break;
      case 'resource-failed':
        this.#trouble(event.resource, event.error);
        break;
      case 'cluster-list':
        this.#discovery.lastList = {
          atMs: this.#parts.clock.now(),
          from: event.list.from.text,
          by: event.list.by,
          servers: event.list.servers.length,
        };
        this.#discovery.failure = null;
        break;
      case 'cluster-list-failed':
        this.#discovery.failure = {
          sinceMs: this.#discovery.failure?.sinceMs ?? this.#parts.clock.now(),
          message: event.error.message,
        };
        break;
      case 'node-address':
        this.#nodeAddress = event.address;
        if (event.gone === null) this.#troubles.delete(NODE_ADDRESS);
        else this.#trouble(NODE_ADDRESS, new Error(event.gone.why));
        break;
      case 'credentials-failed':
        this.#trouble(event.what, event.error);
        break;
      case 'credentials-ok':
        this.#troubles.delete(event.what);
        break;
      case 'client-sockets-unreadable':
        this.#trouble(CLIENT_SOCKETS, event.error);
        break;
      case 'client-sockets-readable':
        this.#troubles.delete(CLIENT_SOCKETS);
        break;
      case 'ports-filtered':
        if (event.shownBy === null) this.#troubles.delete(SOURCE_PORTS);
        else this.#trouble(SOURCE_PORTS, new Error(filteredPortsInWords(event.ports, event.shownBy.text)));
        break;
      case 'fault':
        this.#trouble(event.where, event.error);
        this.#faultedMs.set(event.where, this.#parts.clock.now());
        break;
      default:
        // The others change nothing that the report has.
        break;
    }
  }

  #recordServer(
    event: Extract<VirtualServerEvent, { readonly server: Endpoint }>,
    record: ServerRecord,
  ): void {
    switch (event.kind) {
      case 'probe':
      case 'probe-inconclusive':
        record.lastProbeMs = this.#parts.clock.now();
        // As the monitor calls it when the prober itself is at fault.
        this.#troubles.delete(probeOf(event.server.text));
        if (event.kind === 'probe') recordProbe(event, record, this.#parts.clock.now());
        break;
      case 'exchange':
        if (event.exchange.session !== null) record.certificateNotAfterMs = event.exchange.session.notAfterMs;
        break;
      case 'transition':
        this.#recordTransition(event, record);
        break;
      case 'held':
        record.heldUntilMs = this.#parts.clock.now() + event.forMs;
        record.relapses = event.health.relapses;
        break;
      case 'suspected':
        record.suspectSinceMs = this.#parts.clock.now();
        break;
      case 'suspicion-ended':
        record.suspectSinceMs = null;
        break;
      case 'late-clients':
        record.lateClients = event.count;
        break;
      case 'drained':
        record.drainedSinceMs = event.sinceMs;
        break;
      case 'still-down':
      case 'connection-lost':
      case 'discovered':
      case 'missing':
      case 'forgotten':
        // The probes say what it means; the settings have the members.
        break;
    }
  }

  #recordTransition(
    { server, before, after }: Extract<VirtualServerEvent, { readonly kind: 'transition' }>,
    record: ServerRecord,
  ): void {
    if (isDown(before.state)) record.downMs += after.sinceMs - record.sinceMs;
    record.state = after.state;
    record.sinceMs = after.sinceMs;
    record.evidence = after.lastEvidence;
    record.relapses = after.relapses;
    record.heldUntilMs = null;
    this.#transitions.push({
      atMs: after.sinceMs,
      server: server.text,
      from: before.state,
      to: after.state,
      evidence: after.lastEvidence?.kind ?? null,
      why: after.lastEvidence?.detail ?? 'nothing is known',
    });
    if (this.#transitions.length > MOST_TRANSITIONS) this.#transitions.shift();
  }

  #recordPass({ results, drift, durationMs }: Extract<VirtualServerEvent, { readonly kind: 'pass' }>): void {
    const failure = results.find(({ outcome }) => outcome === 'failed')?.error ?? null;
    this.#passed(durationMs, failure?.message ?? null);
    if (failure === null) this.#troubles.delete(TABLE);
    else this.#trouble(TABLE, failure);
    if (drift) for (const { action, outcome } of results) if (outcome === 'ok') this.#repaired(action.kind);
  }

  #recordReachability(reason: string | null): void {
    const before = this.#reachability;
    const isSame = before !== null && (before.reason === null) === (reason === null);
    this.#reachability = { reason, sinceMs: isSame ? before.sinceMs : this.#parts.clock.now() };
  }

  #discoveryReport(offsetMs: number): DiscoveryReport | null {
    if (!this.#recorded.members) return null;
    const { lastList, failure } = this.#discovery;
    return {
      lastList: later(lastList, offsetMs),
      failure: failure && { ...failure, sinceMs: failure.sinceMs + offsetMs },
    };
  }

  #membership(server: string, offsetMs: number): ServerReport['membership'] {
    const member = this.#recorded.members?.find((one) => one.server.text === server);
    if (member === undefined) return null;
    const { source, listed, missingSinceMs } = member;
    return {
      source,
      listed: missingSinceMs === null ? listed || null : false,
      missingSinceMs: missingSinceMs === null ? null : missingSinceMs + offsetMs,
    };
  }

  #isStandby(server: string, { state, drainedSinceMs }: ServerRecord): boolean {
    const passedOver = this.#preferred.size > 0 && !this.#preferred.has(server);
    return passedOver && state === 'up' && drainedSinceMs === null;
  }

  #expireFaults(): void {
    const nowMs = this.#parts.clock.now();
    for (const [where, atMs] of this.#faultedMs)
      if (nowMs - atMs >= FAULT_MS) {
        this.#faultedMs.delete(where);
        this.#troubles.delete(where);
      }
  }

  #passed(durationMs: number, error: string | null): void {
    this.#lastPass = { atMs: this.#parts.clock.now(), durationMs, error };
  }

  #trouble(what: string, { message }: Error): void {
    const sinceMs = this.#troubles.get(what)?.sinceMs ?? this.#parts.clock.now();
    this.#troubles.set(what, { what, message, sinceMs });
  }

  #repaired(kind: string): void {
    this.#repairs[kind] = (this.#repairs[kind] ?? 0) + 1;
  }
}

function recordProbe(
  { evidence, durationMs }: Extract<VirtualServerEvent, { readonly kind: 'probe' }>,
  record: ServerRecord,
  nowMs: number,
): void {
  const ok = evidence.kind === 'ok';
  record.probes += 1;
  record.evidence = evidence;
  record.history.add(nowMs, evidence.kind, ok ? durationMs : null);
  if (!ok) {
    record.failures += 1;
    record.heldUntilMs = null;
    return;
  }
  record.lastOk = { atMs: nowMs, durationMs };
  record.recentMs.push(durationMs);
  if (record.recentMs.length > MOST_RECENT) record.recentMs.shift();
}

const TABLE = 'IPVS table';

/** As the monitor calls a fault of its prober. */
function probeOf(server: string): string {
  return `probe of ${server}`;
}

function serverReport(
  server: string,
  record: ServerRecord,
  offsetMs: number,
  nowMs: number,
): Omit<ServerReport, 'standby' | 'membership' | 'recentMs' | 'history'> {
  const { state, evidence, relapses, certificateNotAfterMs, drainedSinceMs, suspectSinceMs } = record;
  return {
    server,
    state,
    sinceMs: record.sinceMs + offsetMs,
    drained: drainedSinceMs === null ? null : { sinceMs: drainedSinceMs },
    suspect: suspectSinceMs === null ? null : { sinceMs: suspectSinceMs + offsetMs },
    lateClients: record.lateClients,
    evidence: evidence === null ? null : evidenceReport(evidence),
    heldUntilMs: record.heldUntilMs === null ? null : record.heldUntilMs + offsetMs,
    relapses,
    lastOk: later(record.lastOk, offsetMs),
    probes: record.probes,
    failures: record.failures,
    downMs: record.downMs + (isDown(state) ? nowMs - record.sinceMs : 0),
    lastProbeMs: record.lastProbeMs === null ? null : record.lastProbeMs + offsetMs,
    certificateNotAfterMs,
  };
}

function isDown(state: HealthState): boolean {
  return state === 'sick' || state === 'dead';
}

function evidenceReport({ kind, detail, status }: Evidence): NonNullable<ServerReport['evidence']> {
  return { kind, detail, ...(status !== undefined && { status }) };
}

function newRecord(nowMs: number): ServerRecord {
  return {
    state: 'unknown',
    sinceMs: nowMs,
    evidence: null,
    heldUntilMs: null,
    relapses: 0,
    lastOk: null,
    probes: 0,
    failures: 0,
    downMs: 0,
    lastProbeMs: null,
    certificateNotAfterMs: null,
    drainedSinceMs: null,
    suspectSinceMs: null,
    lateClients: 0,
    recentMs: [],
    history: new History(),
  };
}

/** The same on another clock. */
function later<Timed extends { readonly atMs: number } | null>(timed: Timed, offsetMs: number): Timed {
  return timed === null ? timed : { ...timed, atMs: timed.atMs + offsetMs };
}
