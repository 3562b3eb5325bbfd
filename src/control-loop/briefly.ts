import type { Clock } from './ports.js';

/** Waits until the work has ended, well or not, but no longer than so many milliseconds. */
export async function briefly(work: Promise<unknown>, mostMs: number, clock: Clock): Promise<void> {
  const settled = new AbortController();
  const end = (): void => {
    settled.abort();
  };
  work.then(end, end);
  await clock.sleep(mostMs, settled.signal);
}
