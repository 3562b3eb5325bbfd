/** Medians and spread. What never happened within the limit is Infinity: it sorts last and is larger than all. Pure. */

export interface Summary {
  readonly count: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** null of nothing. */
export function summarize(values: readonly number[]): Summary | null {
  const sorted = values.toSorted((one, other) => one - other);
  const min = sorted[0];
  const max = sorted.at(-1);
  if (min === undefined || max === undefined) return null;
  return { count: sorted.length, median: quantile(sorted, 0.5), min, max };
}

/** Of sorted values; between two of them in proportion. */
export function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)] ?? NaN;
  const above = sorted[Math.ceil(at)] ?? NaN;
  // Infinity has no middle.
  return below === above || at % 1 === 0 ? below : below + (above - below) * (at % 1);
}

/** Random numbers from 0 to 1, always the same for a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * As many numbers from 0 to 1, in random order, one in each of as many equal parts: few repeats cover an interval
 * evenly, and each part of it is as likely as any other.
 */
export function stratified(count: number, random: () => number): number[] {
  const numbers = Array.from({ length: count }, (_, part) => (part + random()) / count);
  for (let last = count - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [numbers[last], numbers[other]] = [numbers[other] ?? 0, numbers[last] ?? 0];
  }
  return numbers;
}
