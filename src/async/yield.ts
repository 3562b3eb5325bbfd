/** Between pauses, in milliseconds. */
const EVERY_MS = 3;

/** Pauses for the event loop when it is time. Long work calls the result between two short parts. */
export function yieldWhenDue(now: () => number, pause: () => Promise<void>): () => Promise<void> {
  let sinceMs = now();
  return async () => {
    if (now() - sinceMs < EVERY_MS) return;
    await pause();
    sinceMs = now();
  };
}
