import type { Health } from '../core/health.js';
import { Gate } from './gate.js';
import type { Company, Monitor } from './monitor.js';

/** How many others are asked whether they hear anything when one falls silent. */
const MOST_WITNESSES = 3;

/** How many servers are asked for the first time at once. */
const MOST_BEGINNERS = 16;

/** How soon after a silence began an answer proves that the network was well all the time. */
const PROMPTLY_MS = 500;

/**
 * What the monitors of one virtual server have to do with each other. When one server falls silent, it may be this node
 * that is cut off: the others are asked at once. When one answers, those that were silent are asked again.
 */
export class Together implements Company {
  readonly gate = new Gate(MOST_BEGINNERS);
  readonly #onVerdict: () => void;
  #monitors: readonly Monitor[] = [];
  /** Silent, and nobody else has answered since. */
  readonly #suspects = new Set<Monitor>();

  /** @param onVerdict Hears that the table may have to change. */
  constructor(onVerdict: () => void) {
    this.#onVerdict = onVerdict;
  }

  join(monitors: readonly Monitor[]): void {
    this.#monitors = monitors;
  }

  witnessMs(asking: Monitor): number | null {
    let latestMs: number | null = null;
    for (const monitor of this.#monitors) {
      const { answeredMs } = monitor.health;
      if (monitor !== asking && answeredMs !== null) latestMs = Math.max(latestMs ?? answeredMs, answeredMs);
    }
    return latestMs;
  }

  judged(monitor: Monitor, before: Health, after: Health): void {
    if (verdictChanged(before, after)) this.#onVerdict();
    if (after.silence?.witnessed === false) {
      this.#suspects.add(monitor);
      if (before.silence === null) this.#askWitnesses(monitor);
      return;
    }
    this.#suspects.delete(monitor);
    if (after.answeredMs !== before.answeredMs) this.#answered(before, after);
  }

  #askWitnesses(silent: Monitor): void {
    const freshest = this.#monitors
      .filter((monitor) => monitor !== silent && monitor.health.state === 'up')
      .sort((a, b) => (b.health.answeredMs ?? 0) - (a.health.answeredMs ?? 0));
    for (const monitor of freshest.slice(0, MOST_WITNESSES)) monitor.hasten();
  }

  #answered(before: Health, { answeredMs }: Health): void {
    let believed = false;
    for (const suspect of this.#suspects) {
      const sinceMs = suspect.health.silence?.sinceMs ?? Infinity;
      if (
        before.silence === null &&
        answeredMs !== null &&
        answeredMs >= sinceMs &&
        answeredMs - sinceMs <= PROMPTLY_MS
      ) {
        suspect.believeSilence();
        this.#suspects.delete(suspect);
        believed = true;
      } else if (suspect.health.state === 'dead') {
        // The network may have been out and be back, for this one as well.
        suspect.hasten();
      }
    }
    if (believed) this.#onVerdict();
  }
}

/** Whether the table may have to change. */
function verdictChanged(before: Health, after: Health): boolean {
  if (before.state !== after.state) return true;
  if (after.state === 'up' || after.state === 'unknown') return false;
  // A row on its way out goes sooner or later by what the last evidence was.
  return (
    (before.lastEvidence?.kind === 'refused') !== (after.lastEvidence?.kind === 'refused') ||
    (before.silence === null) !== (after.silence === null) ||
    before.silence?.witnessed !== after.silence?.witnessed ||
    before.silence?.sure !== after.silence?.sure
  );
}
