import type { Health } from '../decisions/health.js';
import { failOpenRank } from '../decisions/fail-open.js';
import { Semaphore } from '../async/semaphore.js';
import type { PeerMonitor, Peers } from './monitor.js';

/** How many other servers are probed when one falls silent. */
const MOST_WITNESSES = 3;

/** How many servers get their first probe at once. */
const MOST_FIRST_PROBES = 16;

/**
 * Connects the monitors of one virtual server. When one server falls silent, this node itself may be cut off: the pool has the
 * others probed at once. When one answers, the pool has the silent ones probed again.
 */
export class WitnessPool implements Peers {
  readonly firstProbes = new Semaphore(MOST_FIRST_PROBES);
  readonly #onVerdict: () => void;
  #monitors: readonly PeerMonitor[] = [];
  /** Silent without a witness, each with when another one first answered since, in milliseconds, or null if none did. */
  readonly #silent = new Map<PeerMonitor, number | null>();
  /** The monitors that wait until another one's server answers. */
  readonly #waiting = new Map<PeerMonitor, () => void>();

  /** @param onVerdict Called when the table may have to change. */
  constructor(onVerdict: () => void) {
    this.#onVerdict = onVerdict;
  }

  /** Connects these from now on, and no others. */
  join(monitors: readonly PeerMonitor[]): void {
    this.#monitors = monitors;
    const known = new Set(monitors);
    for (const gone of [...this.#silent.keys(), ...this.#waiting.keys()].filter((one) => !known.has(one))) {
      this.#silent.delete(gone);
      this.#waiting.delete(gone);
    }
  }

  /** The first answer, not the last: with many servers the last is always of just now. */
  witnessedMs(silent: PeerMonitor): number | null {
    return this.#silent.get(silent) ?? null;
  }

  /** Probes one server that is not being probed, which bounds the further probes if all are late. */
  askWitness(late: PeerMonitor): Promise<void> | null {
    const witness = this.#witnesses(late).find(({ probing }) => !probing);
    if (witness === undefined) return null;
    const answered = new Promise<void>((resolve) => this.#waiting.set(late, resolve));
    witness.probeNow();
    return answered;
  }

  judged(monitor: PeerMonitor, before: Health, after: Health): void {
    if (verdictChanged(before, after)) this.#onVerdict();
    if (after.silence?.witnessed === false) {
      if (!this.#silent.has(monitor)) this.#silent.set(monitor, null);
      if (before.silence === null) this.#askWitnesses(monitor);
      // This server was probed before another one answered: that proves nothing.
      else if (after.state === 'dead' && this.witnessedMs(monitor) !== null) monitor.askAgain();
      return;
    }
    this.#silent.delete(monitor);
    if (after.answeredMs !== null && after.answeredMs !== before.answeredMs)
      this.#answered(monitor, after.answeredMs);
  }

  suspected(): void {
    this.#onVerdict();
  }

  #askWitnesses(silent: PeerMonitor): void {
    for (const monitor of this.#witnesses(silent).slice(0, MOST_WITNESSES)) monitor.probeNow();
  }

  /** The others that are up, the one that answered last first. */
  #witnesses(of: PeerMonitor): PeerMonitor[] {
    return this.#monitors
      .filter((monitor) => monitor !== of && monitor.health.state === 'up')
      .sort((a, b) => (b.health.answeredMs ?? 0) - (a.health.answeredMs ?? 0));
  }

  /** Has the silent servers probed again: the network may have been out, and be back. */
  #answered(by: PeerMonitor, nowMs: number): void {
    for (const [late, resolve] of this.#waiting) {
      // An answer to an earlier probe took longer: it proves nothing.
      if (late === by || by.askedMs < late.askedMs) continue;
      this.#waiting.delete(late);
      resolve();
    }
    for (const [suspect, witnessedMs] of this.#silent) {
      if (witnessedMs !== null) continue;
      this.#silent.set(suspect, nowMs);
      suspect.askAgain();
    }
  }
}

/** Whether the table may have to change. */
function verdictChanged(before: Health, after: Health): boolean {
  if (before.state !== after.state) return true;
  if (after.state === 'up' || after.state === 'unknown') return false;
  // Which servers serve when none is up, and when a destination is removed, depends on the last evidence.
  return (
    failOpenRank(before) !== failOpenRank(after) ||
    before.silence?.witnessed !== after.silence?.witnessed ||
    before.silence?.sure !== after.silence?.sure
  );
}
