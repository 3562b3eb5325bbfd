/** The longest that a value is given again, in milliseconds. */
const MOST_AGE_MS = 5000;
/** Making values takes at most one part in so many of this process's time. */
const SHARE = 20;

/**
 * Makes a costly value for many callers: one at a time, and calls meanwhile get the same one. The longer it took to make, the
 * longer it is given again. A rejection goes only to the calls that waited for it.
 */
export function coalesce<Value>(now: () => number, make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | null = null;
  let freshUntilMs = -Infinity;
  return () => {
    if (made !== null && now() < freshUntilMs) return made;
    const startMs = now();
    freshUntilMs = Infinity;
    const making = make().then(
      (value) => {
        freshUntilMs = now() + Math.min(MOST_AGE_MS, SHARE * (now() - startMs));
        return value;
      },
      (error: unknown) => {
        freshUntilMs = -Infinity;
        throw error;
      },
    );
    made = making;
    return making;
  };
}
