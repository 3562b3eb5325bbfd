/**
 * `node --import` this, and a program writes how late its timers are into a file, once a second, though it knows
 * nothing of it. How the file's name begins, the environment says; it ends with the process's id. So does it say from when
 * on it counts: a start is another matter.
 */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** It wakes up so often itself. */
const RESOLUTION_MS = 20;

const files = process.env['BENCH_LOOP_DELAY_FILES'];
const afterMs = Number(process.env['BENCH_LOOP_DELAY_AFTER_MS'] ?? 0);
if (files !== undefined) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  setTimeout(() => {
    histogram.reset();
  }, afterMs).unref();
  setInterval(() => {
    // It counts from one wake-up to the next, in ns.
    const late = (ns: number): number => Math.max(0, ns / 1e6 - RESOLUTION_MS);
    const text = JSON.stringify({
      median: late(histogram.percentile(50)),
      p99: late(histogram.percentile(99)),
      max: late(histogram.max),
    });
    writeFileSync(`${files}${process.pid}`, text);
  }, 1000).unref();
}
