import type { Clock } from '../control-loop/ports.js';

/** They get each delay, in seconds. */
interface Delays {
  readonly eventLoopDelay: { observe(seconds: number): void };
}

/**
 * Between two measurements. Each wakes the process: fifty a second, as Node's own monitor makes, doubled the CPU time of an idle
 * program.
 */
const EVERY_MS = 500;

/** Observes twice a second by how much a timer was late, until the signal aborts. */
export async function watchEventLoop(
  { eventLoopDelay }: Delays,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const dueMs = clock.now() + EVERY_MS;
    await clock.sleep(EVERY_MS, signal);
    if (signal.aborted) return;
    eventLoopDelay.observe(Math.max(0, clock.now() - dueMs) / 1000);
  }
}
