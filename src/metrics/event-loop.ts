import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from '../care/ports.js';
import type { Families } from './families.js';

const RESOLUTION_MS = 20;
const WINDOW_MS = 1000;

/** Observes for each second by how much the event loop was late at most, until the signal aborts. */
export async function watchEventLoop(
  { eventLoopDelay }: Pick<Families, 'eventLoopDelay'>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  monitor.enable();
  try {
    for (;;) {
      await clock.sleep(WINDOW_MS, signal);
      if (signal.aborted) return;
      // It tells the time between two looks, the resolution included.
      if (monitor.count > 0) eventLoopDelay.observe(Math.max(0, monitor.max / 1e9 - RESOLUTION_MS / 1000));
      monitor.reset();
    }
  } finally {
    monitor.disable();
  }
}
