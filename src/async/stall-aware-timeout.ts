/** Into how many parts a wait is divided at most. */
const PARTS = 8;
/** Parts need not be shorter than this. */
const SHORTEST_PART_MS = 10;

/**
 * Calls back once this process has had `timeoutMs` to notice an answer in. Time during which its event loop stood still,
 * because it was busy, stopped or starved of a CPU, is no time in which an answer did not come: it does not count. What
 * arrived meanwhile is heard first.
 *
 * @returns Calls it off.
 */
export function afterPatience(timeoutMs: number, onOver: () => void): () => void {
  let leftMs = timeoutMs;
  let calledOff = false;
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const partMs = Math.min(leftMs, Math.max(timeoutMs / PARTS, SHORTEST_PART_MS));
    const startMs = performance.now();
    timer = setTimeout(() => {
      // A timer that is late by no more than itself is as late as timers are.
      leftMs -= Math.min(performance.now() - startMs, 2 * partMs);
      setImmediate(() => {
        if (calledOff) return;
        if (leftMs > 0) wait();
        else onOver();
      });
    }, partMs);
  };
  wait();
  return () => {
    calledOff = true;
    clearTimeout(timer);
  };
}
