/** The clock of a run: CLOCK_MONOTONIC, which all processes of a kernel share. */

/** In ms, fractions included. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
