import type { Clock } from './ports.js';

/** Waits until the work has ended, well or not, but no longer than so many milliseconds. */
export async function briefly(work: Promise<unknown>, mostMs: number, clock: Clock): Promise<void> {
  const settled = new AbortController();
  const over = (): void => {
    settled.abort();
  };
  work.then(over, over);
  await clock.sleep(mostMs, settled.signal);
}
