/**
 * `node --import` this, and a program writes how late its timers are into a file, once a second, though it knows
 * nothing of it. The file is named by the environment.
 */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** It wakes up so often itself. */
const RESOLUTION_MS = 20;
/** A start is another matter. */
const START_MS = 8000;

const file = process.env['BENCH_LOOP_DELAY_FILE'];
if (file !== undefined) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  setTimeout(() => {
    histogram.reset();
  }, START_MS).unref();
  setInterval(() => {
    // It counts from one wake-up to the next, in ns.
    const late = (ns: number): number => Math.max(0, ns / 1e6 - RESOLUTION_MS);
    const text = JSON.stringify({
      median: late(histogram.percentile(50)),
      p99: late(histogram.percentile(99)),
      max: late(histogram.max),
    });
    writeFileSync(file, text);
  }, 1000).unref();
}
