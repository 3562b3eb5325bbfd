import type { Clock, Pass, Reporter, InconclusiveProbe } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import type { Evidence } from '../values/evidence.js';
import type { Exchange } from '../values/exchange.js';
import type { Health, HealthState } from '../decisions/health.js';
import { History } from './history.js';
import type {
  BriefServerReport,
  BriefVirtualServerReport,
  PassReport,
  TransitionReport,
  TroubleReport,
  VirtualServerReport,
} from './report.js';

interface Watched {
  readonly virtualServer: Endpoint;
  readonly realServers: readonly Endpoint[];
  readonly policy: { readonly scheduler: string; readonly intervalMs: number };
  readonly mode: string;
  readonly masquerade: boolean;
  /** What is said to have been put right was not. */
  readonly dryRun: boolean;
}

interface RecorderParts {
  readonly clock: Pick<Clock, 'now'>;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
}

const MOST_TRANSITIONS = 100;
const MOST_RECENT = 60;
/** For how long a fault is trouble when it does not come again: nobody tells that it is over. */
const FAULT_MS = 600_000;

/** What is known of one server; times are of the monotonic clock, so that setting the clock right changes nothing. */
interface Standing {
  state: HealthState;
  sinceMs: number;
  evidence: Evidence | null;
  heldUntilMs: number | null;
  relapses: number;
  lastOk: { readonly atMs: number; readonly durationMs: number } | null;
  probes: number;
  failures: number;
  lastProbeMs: number | null;
  certificateNotAfterMs: number | null;
  readonly recentMs: number[];
  readonly history: History;
}

/** Keeps what happened to one virtual server, as much as somebody who looks now wants to know. Bounded in memory. */
export class Recorder implements Reporter {
  readonly #watched: Watched;
  readonly #parts: RecorderParts;
  readonly #standings: ReadonlyMap<string, Standing>;
  readonly #transitions: TransitionReport[] = [];
  readonly #troubles = new Map<string, TroubleReport>();
  /** When each of those that are faults of our own came last. */
  readonly #faultedMs = new Map<string, number>();
  readonly #repairs: Record<string, number> = {};
  #lastPass: PassReport | null = null;
  #lastResort = false;
  #rival = false;
  #nodeAddress: string | null = null;
  readonly #drainedSinceMs = new Map<string, number>();

  constructor(watched: Watched, parts: RecorderParts) {
    this.#watched = watched;
    this.#parts = parts;
    const nowMs = parts.clock.now();
    this.#standings = new Map(watched.realServers.map(({ text }) => [text, unknownStanding(nowMs)]));
  }

  report(): VirtualServerReport {
    const offsetMs = this.#offsetMs();
    const nowMs = this.#parts.clock.now();
    return {
      ...this.#briefReport(offsetMs, (standing) => ({
        recentMs: [...standing.recentMs],
        history: standing.history.minutes(nowMs, offsetMs),
      })),
      transitions: this.#transitions.map((transition) => later(transition, offsetMs)),
    };
  }

  /** The same without the histories, which is quick to make. */
  brief(): BriefVirtualServerReport {
    return this.#briefReport(this.#offsetMs(), () => ({}));
  }

  #offsetMs(): number {
    return this.#parts.wallClock() - this.#parts.clock.now();
  }

  #briefReport<More extends object>(
    offsetMs: number,
    more: (standing: Standing) => More,
  ): BriefVirtualServerReport & { readonly servers: readonly (BriefServerReport & More)[] } {
    const { virtualServer, realServers, policy, mode, masquerade } = this.#watched;
    this.#forgetFaults();
    return {
      virtualServer: virtualServer.text,
      scheduler: policy.scheduler,
      mode,
      masquerade,
      nodeAddress: this.#nodeAddress,
      intervalMs: policy.intervalMs,
      lastResort: this.#lastResort,
      rival: this.#rival,
      lastPass: later(this.#lastPass, offsetMs),
      troubles: [...this.#troubles.values()].map((trouble) => ({
        ...trouble,
        sinceMs: trouble.sinceMs + offsetMs,
      })),
      repairs: { ...this.#repairs },
      servers: realServers.map(({ text }) => {
        const standing = this.#standings.get(text) ?? unknownStanding(this.#parts.clock.now());
        return {
          ...serverReport(text, standing, this.#drainedSinceMs.get(text) ?? null, offsetMs),
          ...more(standing),
        };
      }),
    };
  }

  /** This node is known by another address from now on. */
  nodeAddressIs(address: string): void {
    this.#nodeAddress = address;
  }

  /** A server is drained by hand since then, in milliseconds since 1970; null for no longer. */
  drainedSince(server: string, sinceMs: number | null): void {
    if (sinceMs === null) this.#drainedSinceMs.delete(server);
    else this.#drainedSinceMs.set(server, sinceMs);
  }

  exchanged(server: Endpoint, { session }: Exchange): void {
    const standing = this.#standings.get(server.text);
    if (standing !== undefined && session !== null) standing.certificateNotAfterMs = session.notAfterMs;
  }

  probed(server: Endpoint, outcome: Evidence | InconclusiveProbe, durationMs: number): void {
    const standing = this.#standings.get(server.text);
    if (standing === undefined) return;
    const nowMs = this.#parts.clock.now();
    standing.lastProbeMs = nowMs;
    // As the monitor calls it when the prober itself is at fault.
    this.#troubles.delete(`probe of ${server.text}`);
    if (outcome.kind === 'void') return;
    const ok = outcome.kind === 'ok';
    standing.probes += 1;
    if (!ok) standing.failures += 1;
    standing.evidence = outcome;
    standing.history.add(nowMs, outcome.kind, ok ? durationMs : null);
    if (!ok) {
      standing.heldUntilMs = null;
      return;
    }
    standing.lastOk = { atMs: nowMs, durationMs };
    standing.recentMs.push(durationMs);
    if (standing.recentMs.length > MOST_RECENT) standing.recentMs.shift();
  }

  judged(server: Endpoint, before: Health, after: Health): void {
    const standing = this.#standings.get(server.text);
    if (standing === undefined) return;
    Object.assign(standing, {
      state: after.state,
      sinceMs: after.sinceMs,
      evidence: after.lastEvidence,
      relapses: after.relapses,
      heldUntilMs: null,
    });
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

  stillDown(): void {
    // What it failed with is known from the probe.
  }

  held(server: Endpoint, { relapses }: Health, forMs: number): void {
    const standing = this.#standings.get(server.text);
    if (standing === undefined) return;
    standing.heldUntilMs = this.#parts.clock.now() + forMs;
    standing.relapses = relapses;
  }

  watchLost(): void {
    // The probe that follows says what it means.
  }

  reconciled({ results, drift, lastResort, rival, durationMs }: Pass): void {
    this.#troubles.delete(TABLE);
    this.#lastResort = lastResort;
    this.#rival = rival;
    const failed = results.find(({ error, raced }) => error !== null && !raced);
    this.#passed(durationMs, failed?.error?.message ?? null);
    if (failed?.error !== undefined && failed.error !== null) this.#trouble(TABLE, failed.error.message);
    if (drift && !this.#watched.dryRun)
      for (const { action, error } of results) if (error === null) this.#repaired(action.kind);
  }

  connectionsEnded(): void {
    // The kernel's own destinations tell which connections there are.
  }

  tableUnreadable(error: Error): void {
    this.#passed(0, error.message);
    this.#trouble(TABLE, error.message);
  }

  made(upkeep: string): void {
    this.#troubles.delete(upkeep);
  }

  mended(upkeep: string, _amiss: string, error: Error | null): void {
    if (error !== null) {
      this.#trouble(upkeep, error.message);
      return;
    }
    this.#troubles.delete(upkeep);
    if (!this.#watched.dryRun) this.#repaired(upkeep);
  }

  removed(upkeep: string): void {
    this.#troubles.delete(upkeep);
  }

  upheld(upkeep: string): void {
    this.#troubles.delete(upkeep);
  }

  uncheckable(upkeep: string, error: Error): void {
    this.#trouble(upkeep, error.message);
  }

  deaf(): void {
    // The timer finds what notifications would have told.
  }

  fault(where: string, error: Error): void {
    this.#trouble(where, error.message);
    this.#faultedMs.set(where, this.#parts.clock.now());
  }

  #forgetFaults(): void {
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

  #trouble(what: string, message: string): void {
    const sinceMs = this.#troubles.get(what)?.sinceMs ?? this.#parts.clock.now();
    this.#troubles.set(what, { what, message, sinceMs });
  }

  #repaired(kind: string): void {
    this.#repairs[kind] = (this.#repairs[kind] ?? 0) + 1;
  }
}

const TABLE = 'IPVS table';

function serverReport(
  server: string,
  standing: Standing,
  drainedSinceMs: number | null,
  offsetMs: number,
): BriefServerReport {
  const { state, evidence, relapses, certificateNotAfterMs } = standing;
  return {
    server,
    state,
    sinceMs: standing.sinceMs + offsetMs,
    drained: drainedSinceMs === null ? null : { sinceMs: drainedSinceMs },
    evidence: evidence === null ? null : evidenceReport(evidence),
    heldUntilMs: standing.heldUntilMs === null ? null : standing.heldUntilMs + offsetMs,
    relapses,
    lastOk: later(standing.lastOk, offsetMs),
    probes: standing.probes,
    failures: standing.failures,
    lastProbeMs: standing.lastProbeMs === null ? null : standing.lastProbeMs + offsetMs,
    certificateNotAfterMs,
  };
}

function evidenceReport({ kind, detail, status }: Evidence): NonNullable<BriefServerReport['evidence']> {
  return { kind, detail, ...(status !== undefined && { status }) };
}

function unknownStanding(nowMs: number): Standing {
  return {
    state: 'unknown',
    sinceMs: nowMs,
    evidence: null,
    heldUntilMs: null,
    relapses: 0,
    lastOk: null,
    probes: 0,
    failures: 0,
    lastProbeMs: null,
    certificateNotAfterMs: null,
    recentMs: [],
    history: new History(),
  };
}

/** The same on another clock. */
function later<Timed extends { readonly atMs: number } | null>(timed: Timed, offsetMs: number): Timed {
  return timed === null ? timed : { ...timed, atMs: timed.atMs + offsetMs };
}
