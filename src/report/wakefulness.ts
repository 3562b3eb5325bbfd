import type { Clock } from '../control-loop/ports.js';

const BEAT_MS = 1000;
/** A pause that is longer is no busy moment: the process was stopped, or the machine was. */
const STOOD_STILL_MS = 5000;

/**
 * Knows since when this process has run without standing still: after SIGSTOP, or a paused machine, what was due in the
 * meantime is not overdue.
 */
export class Wakefulness {
  readonly #clock: Clock;
  #lastBeatMs: number;
  #sinceMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastBeatMs = clock.now();
    this.#sinceMs = this.#lastBeatMs;
  }

  /** Beats until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#beat();
      await this.#clock.sleep(BEAT_MS, signal);
    }
  }

  /** Milliseconds of the monotonic clock. The caller may be the first to run after a pause. */
  awakeSinceMs(): number {
    this.#beat();
    return this.#sinceMs;
  }

  #beat(): void {
    const nowMs = this.#clock.now();
    if (nowMs - this.#lastBeatMs > STOOD_STILL_MS) this.#sinceMs = nowMs;
    this.#lastBeatMs = nowMs;
  }
}
