import { hrtime } from 'node:process';
import type { Clock } from '../control-loop/ports.js';

/** The longest that setTimeout can wait; what is longer it takes for nothing at all. */
const LONGEST_MS = 2 ** 31 - 1;

/** CLOCK_MONOTONIC in milliseconds: the same for all processes of the machine. */
export function machineNow(): number {
  return Number(hrtime.bigint() / 1_000_000n);
}

export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const wake = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.min(ms, LONGEST_MS));
      signal.addEventListener('abort', wake);
    }),
};
