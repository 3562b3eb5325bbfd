import type { EvidenceKind } from '../values/evidence.js';
import type { MinuteReport } from './report.js';

const MINUTE_MS = 60_000;
const MOST_MINUTES = 60;

interface Minute {
  readonly number: number;
  ok: number;
  failed: number;
  readonly kinds: Set<EvidenceKind>;
  sumMs: number;
}

/** The last hour of one server's probes, by the minute. */
export class History {
  readonly #minutes: Minute[] = [];

  /** @param durationMs How long the answer took; null when it was none. */
  add(nowMs: number, kind: EvidenceKind, durationMs: number | null): void {
    const number = Math.floor(nowMs / MINUTE_MS);
    let minute = this.#minutes.at(-1);
    if (minute?.number !== number) {
      minute = { number, ok: 0, failed: 0, kinds: new Set(), sumMs: 0 };
      this.#minutes.push(minute);
      if (this.#minutes.length > MOST_MINUTES) this.#minutes.shift();
    }
    if (durationMs === null) {
      minute.failed += 1;
      minute.kinds.add(kind);
    } else {
      minute.ok += 1;
      minute.sumMs += durationMs;
    }
  }

  /**
   * Those that are not older than an hour, the newest last.
   *
   * @param nowMs On the clock of {@link add}.
   * @param offsetMs What to add for the clock of the result.
   */
  minutes(nowMs: number, offsetMs: number): readonly MinuteReport[] {
    const oldest = Math.floor(nowMs / MINUTE_MS) - MOST_MINUTES;
    return this.#minutes
      .filter(({ number }) => number > oldest)
      .map(({ number, ok, failed, kinds, sumMs }) => ({
        atMs: number * MINUTE_MS + offsetMs,
        ok,
        failed,
        kinds: [...kinds],
        meanMs: ok === 0 ? null : sumMs / ok,
      }));
  }
}
