import type { Endpoint } from '../core/endpoint.js';
import { onEdge, step, unknownHealth, type Health, type HealthPolicy } from '../core/health.js';
import type { Clock, Prober, Reporter } from './ports.js';

export interface MonitorPolicy extends HealthPolicy {
  /** Between probes when nothing is in doubt, in milliseconds. */
  readonly intervalMs: number;
  /** Between probes when one more may change the verdict, in milliseconds. */
  readonly fastIntervalMs: number;
}

export interface MonitorParts {
  readonly prober: Prober;
  readonly clock: Clock;
  readonly reporter: Reporter;
  /** 0 to 1, evenly: keeps a thousand nodes from probing in step. */
  readonly random: () => number;
}

/** By how much an interval is varied, to either side. */
const JITTER = 0.1;

/** Watches one real server: probes it, judges it, and says so when the verdict changes. */
export class Monitor {
  readonly server: Endpoint;
  readonly #policy: MonitorPolicy;
  readonly #parts: MonitorParts;
  readonly #onVerdict: () => void;
  #health: Health;

  constructor(server: Endpoint, policy: MonitorPolicy, parts: MonitorParts, onVerdict: () => void) {
    this.server = server;
    this.#policy = policy;
    this.#parts = parts;
    this.#onVerdict = onVerdict;
    this.#health = unknownHealth(parts.clock.now());
  }

  get health(): Health {
    return this.#health;
  }

  /** Probes until the signal aborts, one probe at a time, the first one at once. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#probeOnce(signal);
      const { intervalMs, fastIntervalMs } = this.#policy;
      const delayMs = onEdge(this.#health) ? fastIntervalMs : intervalMs;
      await this.#parts.clock.sleep(delayMs * (1 + JITTER * (2 * this.#parts.random() - 1)), signal);
    }
  }

  async #probeOnce(signal: AbortSignal): Promise<void> {
    const { prober, clock, reporter } = this.#parts;
    const startMs = clock.now();
    const outcome = await prober.probe(this.server, signal).catch((error: unknown) => {
      // A prober answers for every failure of the server; what it throws is its own, and must not stop the watch.
      if (!signal.aborted) reporter.fault(`probe of ${this.server.text}`, error as Error);
      return null;
    });
    if (signal.aborted || outcome === null) return;
    reporter.probed(this.server, outcome, clock.now() - startMs);
    if (outcome.kind === 'void') return;
    const before = this.#health;
    this.#health = step(before, outcome, clock.now(), this.#policy);
    if (verdictChanged(before, this.#health)) {
      reporter.judged(this.server, before, this.#health);
      this.#onVerdict();
    }
  }
}

/** Beside the state, a last resort depends on whether the server refuses. */
function verdictChanged(before: Health, after: Health): boolean {
  return (
    before.state !== after.state ||
    (after.state !== 'up' &&
      (before.lastEvidence?.kind === 'refused') !== (after.lastEvidence?.kind === 'refused'))
  );
}
