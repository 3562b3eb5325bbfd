/** Bounded polling, for what has no event to wait for: the kernel's tables, as independent tools show them. */
import { setTimeout as delay } from 'node:timers/promises';
import { timeLimit } from './time-limit.js';

const MOST_PAUSE_MS = 500;

interface UntilOptions {
  /** How long to go on, in ms on a machine of the usual speed. Default 10 000. */
  readonly timeoutMs?: number;
  /**
   * The least pause between two looks, in ms. Default 20. It is three times as long as a look took, up to half a second, so that
   * looking leaves the machine to what is looked at.
   */
  readonly everyMs?: number;
  /** What is waited for, for the error's text; a function is called when the error is made. */
  readonly what?: string | (() => string);
}

/**
 * Looks again and again until `look` gives something other than `false`, `null` or `undefined`, and returns that.
 * @throws Error when that has not happened in time; the last error of `look` is its cause.
 */
export async function until<T>(
  look: () => T | Promise<T>,
  options: UntilOptions = {},
): Promise<Exclude<T, false | null | undefined>> {
  const { timeoutMs = 10_000, everyMs = 20, what = look.toString() } = options;
  const limitMs = timeLimit(timeoutMs);
  const deadline = performance.now() + limitMs;
  let cause: unknown;
  do {
    const startMs = performance.now();
    try {
      const seen = await look();
      if (seen !== false && seen !== null && seen !== undefined)
        return seen as Exclude<T, false | null | undefined>;
    } catch (error) {
      cause = error;
    }
    await delay(Math.max(everyMs, Math.min(MOST_PAUSE_MS, 3 * (performance.now() - startMs))));
  } while (performance.now() < deadline);
  const text = typeof what === 'string' ? what : what();
  throw new Error(`not so within ${limitMs} ms: ${text}`, { cause });
}
