import type { Health } from '../decisions/health.js';
import { failOpenRank } from '../decisions/fail-open.js';
import { Semaphore } from '../async/semaphore.js';
import type { Peers, Monitor } from './monitor.js';

/** How many other servers are probed when one falls silent. */
const MOST_WITNESSES = 3;

/** How many servers get their first probe at once. */
const MOST_BEGINNERS = 16;

/**
 * Connects the monitors of one virtual server. When one server falls silent, this node itself may be cut off: the pool has the
 * others probed at once. When one answers, the pool has the silent ones probed again.
 */
export class WitnessPool implements Peers {
  readonly firstProbes = new Semaphore(MOST_BEGINNERS);
  readonly #onVerdict: () => void;
  #monitors: readonly Monitor[] = [];
  /** Silent without a witness, each with when another one first answered since, in milliseconds, or null if none did. */
  readonly #suspects = new Map<Monitor, number | null>();
  /** The monitors that wait until another one's server answers. */
  readonly #listeners = new Map<Monitor, () => void>();

  /** @param onVerdict Called when the table may have to change. */
  constructor(onVerdict: () => void) {
    this.#onVerdict = onVerdict;
  }

  join(monitors: readonly Monitor[]): void {
    this.#monitors = monitors;
  }

  /** The first time, not the last: among a thousand servers one has always just answered. */
  heardMs(silent: Monitor): number | null {
    return this.#suspects.get(silent) ?? null;
  }

  /** Probes one server that is not being probed: were all late, no server would be probed much more often for that. */
  hearAnother(late: Monitor): Promise<void> | null {
    let witness: Monitor | null = null;
    for (const monitor of this.#monitors)
      if (
        monitor !== late &&
        monitor.health.state === 'up' &&
        !monitor.probing &&
        isFresher(monitor, witness)
      )
        witness = monitor;
    if (witness === null) return null;
    const heard = new Promise<void>((resolve) => this.#listeners.set(late, resolve));
    witness.probeNow();
    return heard;
  }

  judged(monitor: Monitor, before: Health, after: Health): void {
    if (verdictChanged(before, after)) this.#onVerdict();
    if (after.silence?.witnessed === false) {
      if (!this.#suspects.has(monitor)) this.#suspects.set(monitor, null);
      if (before.silence === null) this.#askWitnesses(monitor);
      // This server was probed before another one answered: that proves nothing.
      else if (after.state === 'dead' && this.heardMs(monitor) !== null) monitor.askAgain();
      return;
    }
    this.#suspects.delete(monitor);
    if (after.answeredMs !== null && after.answeredMs !== before.answeredMs)
      this.#heard(monitor, after.answeredMs);
  }

  #askWitnesses(silent: Monitor): void {
    for (const monitor of this.#witnesses(silent).slice(0, MOST_WITNESSES)) monitor.probeNow();
  }

  /** The others that are up, the one that answered last first. */
  #witnesses(of: Monitor): Monitor[] {
    return this.#monitors
      .filter((monitor) => monitor !== of && monitor.health.state === 'up')
      .sort((a, b) => (b.health.answeredMs ?? 0) - (a.health.answeredMs ?? 0));
  }

  /** Has servers probed again that were silent before this answer: the network may have been out, and be back. */
  #heard(heard: Monitor, nowMs: number): void {
    for (const [late, resolve] of this.#listeners) {
      if (late === heard) continue;
      this.#listeners.delete(late);
      resolve();
    }
    for (const [suspect, heardMs] of this.#suspects) {
      if (heardMs !== null) continue;
      this.#suspects.set(suspect, nowMs);
      suspect.askAgain();
    }
  }
}

function isFresher({ health }: Monitor, other: Monitor | null): boolean {
  return other === null || (health.answeredMs ?? 0) > (other.health.answeredMs ?? 0);
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
