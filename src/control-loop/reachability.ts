import type { Evidence } from '../values/evidence.js';
import type { Emit, EventDetails } from './events.js';
import type { Clock, InconclusiveProbe, VirtualServerProbe } from './ports.js';

interface ReachabilityPolicy {
  readonly intervalMs: number;
  readonly fastIntervalMs: number;
}

interface ReachabilityParts {
  readonly virtualServerProbe: VirtualServerProbe;
  readonly clock: Clock;
  /** At least 0, less than 1. */
  readonly random: () => number;
  readonly emit: Emit;
}

/** While clients reach the virtual server, it is probed once in so many intervals: a minute at the defaults. */
const INTERVALS_WHILE_REACHABLE = 12;
/** After a change, it is probed within an interval, but not before this part of it: more changes may follow. */
const LEAST_DELAY = 0.2;
/** Of a time between two probes: nodes that started together must not probe together. */
const JITTER = 0.1;
/** So many failures in a row mean that clients do not reach it any more: one server may just have failed. */
const FALL = 2;
/** At the start so many, an interval apart: the kernel is not ready at once. */
const FIRST_FALL = 5;

/**
 * Probes the virtual server as this node's own clients reach it, and reports when they no longer reach it, and when they do again. The
 * state of no real server depends on it.
 */
export class Reachability {
  readonly #policy: ReachabilityPolicy;
  readonly #parts: ReachabilityParts;
  /** Why clients do not reach it, or null if they do; undefined if that is not known yet. */
  #reason: string | null | undefined;
  #failures = 0;
  /** When the next probe is due, in milliseconds of the monotonic clock. */
  #dueMs: number;
  #alarm = new AbortController();

  constructor(policy: ReachabilityPolicy, parts: ReachabilityParts) {
    this.#policy = policy;
    this.#parts = parts;
    this.#dueMs = parts.clock.now() + this.#jittered(INTERVALS_WHILE_REACHABLE * policy.intervalMs);
  }

  /** Has the virtual server probed soon if the event may change whether clients reach it. */
  observe(event: EventDetails): void {
    if (!mayMatter(event)) return;
    const { clock, random } = this.#parts;
    const part = LEAST_DELAY + (1 - LEAST_DELAY) * random();
    const dueMs = clock.now() + part * this.#policy.intervalMs;
    if (dueMs >= this.#dueMs) return;
    this.#dueMs = dueMs;
    this.#alarm.abort();
  }

  /** Probes until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => {
      this.#alarm.abort();
    };
    const ended = (): boolean => signal.aborted;
    signal.addEventListener('abort', onAbort);
    while (!ended()) {
      await this.#rest(ended);
      if (!ended()) await this.#probe(signal);
    }
    signal.removeEventListener('abort', onAbort);
  }

  async #rest(ended: () => boolean): Promise<void> {
    const { clock } = this.#parts;
    for (;;) {
      const leftMs = this.#dueMs - clock.now();
      if (ended() || leftMs <= 0) return;
      this.#alarm = new AbortController();
      await clock.sleep(leftMs, this.#alarm.signal);
    }
  }

  async #probe(signal: AbortSignal): Promise<void> {
    const { virtualServerProbe, clock, emit } = this.#parts;
    this.#dueMs = Infinity;
    let outcome: Evidence | InconclusiveProbe;
    try {
      outcome = await virtualServerProbe(signal);
    } catch (error) {
      emit({ kind: 'fault', where: 'probe of the virtual server', error: error as Error });
      outcome = { kind: 'inconclusive', detail: '' };
    }
    if (signal.aborted) return;
    const delayMs = outcome.kind === 'inconclusive' ? this.#policy.intervalMs : this.#judge(outcome);
    this.#dueMs = Math.min(this.#dueMs, clock.now() + this.#jittered(delayMs));
  }

  /** Returns the time until the next probe, in milliseconds. */
  #judge(evidence: Evidence): number {
    const { intervalMs, fastIntervalMs } = this.#policy;
    // Any answer has come the whole way.
    if (evidence.kind === 'ok' || evidence.kind === 'status') {
      this.#failures = 0;
      this.#report(null);
      return INTERVALS_WHILE_REACHABLE * intervalMs;
    }
    this.#failures += 1;
    const fall = this.#reason === undefined ? FIRST_FALL : FALL;
    if (this.#failures >= fall) this.#report(`${evidence.kind}, ${evidence.detail}`);
    return this.#reason === null ? fastIntervalMs : intervalMs;
  }

  #report(reason: string | null): void {
    if (reason === this.#reason) return;
    this.#reason = reason;
    this.#parts.emit({ kind: 'reachability', reason });
  }

  #jittered(ms: number): number {
    return ms * (1 + JITTER * (2 * this.#parts.random() - 1));
  }
}

/** Whether clients may fare otherwise after it than before. */
function mayMatter(event: EventDetails): boolean {
  switch (event.kind) {
    case 'pass':
      return event.results.some(({ outcome }) => outcome === 'ok');
    case 'transition':
    case 'resource-created':
    case 'resource-repaired':
    case 'resource-removed':
    case 'node-address':
      return true;
    default:
      return false;
  }
}
