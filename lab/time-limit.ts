/**
 * How long tests wait for what should happen. Their limits were set on a machine whose speed `scripts/test` takes for the
 * usual one; a slower machine gets as much more time as it is slower.
 */

/** How many times slower this machine is: at least 1. */
const SCALE = readScale(process.env['LVSCARE_TEST_TIME_SCALE']);

/** A limit in milliseconds, on this machine. Not for what a test asserts, nor for an option of the program. */
export function timeLimit(usualMs: number): number {
  return Math.ceil(usualMs * SCALE);
}

/** @throws Error if it is not a number from 1 on */
export function readScale(text: string | undefined): number {
  if (text === undefined || text === '') return 1;
  const scale = Number(text);
  if (Number.isFinite(scale) && scale >= 1) return scale;
  throw new Error(`LVSCARE_TEST_TIME_SCALE: expected a number from 1 on, got ${JSON.stringify(text)}`);
}
