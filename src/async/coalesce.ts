/** The longest that what was made may be given again, in milliseconds. */
const MOST_AGE_MS = 5000;
/** What is made takes at most one part in so many of our time, however many ask for it. */
const SHARE = 20;

/**
 * What costs something to make, for many who ask: one is made at a time, whoever asks meanwhile gets the same, and what took
 * long to make is given again for a while. A rejection is nobody's later than those who waited for it.
 */
export function shared<Value>(now: () => number, make: () => Promise<Value>): () => Promise<Value> {
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
