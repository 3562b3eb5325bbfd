import type { Health } from '../decisions/health.js';
import { lastResortRank } from '../decisions/fail-open.js';
import { Gate } from '../async/semaphore.js';
import type { Company, Monitor } from './monitor.js';

/** How many others are asked whether they hear anything when one falls silent. */
const MOST_WITNESSES = 3;

/** How many servers are asked for the first time at once. */
const MOST_BEGINNERS = 16;

/**
 * What the monitors of one virtual server have to do with each other. When one server falls silent, it may be this node
 * that is cut off: the others are asked at once. When one answers, those that were silent are asked again.
 */
export class Together implements Company {
  readonly gate = new Gate(MOST_BEGINNERS);
  readonly #onVerdict: () => void;
  #monitors: readonly Monitor[] = [];
  /** Silent without a witness, each with when another one was first heard since, in milliseconds. */
  readonly #suspects = new Map<Monitor, number | null>();
  /** Who waits for the next one to be heard that is not itself. */
  readonly #listeners = new Map<Monitor, () => void>();

  /** @param onVerdict Hears that the table may have to change. */
  constructor(onVerdict: () => void) {
    this.#onVerdict = onVerdict;
  }

  join(monitors: readonly Monitor[]): void {
    this.#monitors = monitors;
  }

  /** The first time, not the last: among a thousand servers one has always just been heard. */
  heardMs(silent: Monitor): number | null {
    return this.#suspects.get(silent) ?? null;
  }

  /** One will do, and it is one that rests: were all of them late, nobody is to be asked much more often for that. */
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
    witness.hasten();
    return heard;
  }

  judged(monitor: Monitor, before: Health, after: Health): void {
    if (verdictChanged(before, after)) this.#onVerdict();
    if (after.silence?.witnessed === false) {
      if (!this.#suspects.has(monitor)) this.#suspects.set(monitor, null);
      if (before.silence === null) this.#askWitnesses(monitor);
      // It was asked too early for that to prove anything.
      else if (after.state === 'dead' && this.heardMs(monitor) !== null) monitor.askAgain();
      return;
    }
    this.#suspects.delete(monitor);
    if (after.answeredMs !== null && after.answeredMs !== before.answeredMs)
      this.#heard(monitor, after.answeredMs);
  }

  #askWitnesses(silent: Monitor): void {
    for (const monitor of this.#witnesses(silent).slice(0, MOST_WITNESSES)) monitor.hasten();
  }

  /** The other ones that are up, the one that was heard last first. */
  #witnesses(of: Monitor): Monitor[] {
    return this.#monitors
      .filter((monitor) => monitor !== of && monitor.health.state === 'up')
      .sort((a, b) => (b.health.answeredMs ?? 0) - (a.health.answeredMs ?? 0));
  }

  /** Whoever is silent now, and was not asked since, is asked: the network may have been out, and be back. */
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
  // Which servers serve when none is up, and when a row is removed, depends on the last evidence.
  return (
    lastResortRank(before) !== lastResortRank(after) ||
    before.silence?.witnessed !== after.silence?.witnessed ||
    before.silence?.sure !== after.silence?.sure
  );
}
