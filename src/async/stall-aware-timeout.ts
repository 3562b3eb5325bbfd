/** The most parts that a wait is divided into. */
const PARTS = 8;
/** Parts need not be shorter than this. */
const SHORTEST_PART_MS = 10;

/**
 * Calls back once this process has had `timeoutMs` in which it could notice an answer. Time does not count while its event
 * loop stood still, because the process was busy, stopped or starved of a CPU. Answers that arrived meanwhile are handled
 * first.
 *
 * @returns Cancels it.
 */
export function stallAwareTimeout(timeoutMs: number, onOver: () => void): () => void {
  let leftMs = timeoutMs;
  let cancelled = false;
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const partMs = Math.min(leftMs, Math.max(timeoutMs / PARTS, SHORTEST_PART_MS));
    const startMs = performance.now();
    timer = setTimeout(() => {
      // A timer that is late by no more than itself is as late as timers are.
      leftMs -= Math.min(performance.now() - startMs, 2 * partMs);
      setImmediate(() => {
        if (cancelled) return;
        if (leftMs > 0) wait();
        else onOver();
      });
    }, partMs);
  };
  wait();
  return () => {
    cancelled = true;
    clearTimeout(timer);
  };
}
