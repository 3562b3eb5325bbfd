/** Between pauses, in milliseconds. */
const BREATH_MS = 3;

/** Lets others have their turn, when it is time; who does long work calls it between two short parts. */
export function breather(now: () => number, pause: () => Promise<void>): () => Promise<void> {
  let sinceMs = now();
  return async () => {
    if (now() - sinceMs < BREATH_MS) return;
    await pause();
    sinceMs = now();
  };
}
