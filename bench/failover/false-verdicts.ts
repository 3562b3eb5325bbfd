/** Healthy servers that were taken out. Pure. */
import type { Sight } from '../observe/watch.js';
import type { Moments } from './sample.js';

/**
 * How often a server left the rotation that nothing had befallen: any but the victim at any time, the victim before it
 * was struck.
 */
export function falseVerdicts(
  sights: readonly Sight[],
  victim: string,
  { struckMs }: Pick<Moments, 'struckMs'>,
): number {
  let count = 0;
  for (const [index, { atMs, weights }] of sights.entries()) {
    const before = sights[index - 1]?.weights ?? {};
    for (const [server, weight] of Object.entries(before)) {
      const left = weight > 0 && (weights[server] ?? 0) === 0;
      if (left && (server !== victim || atMs < struckMs)) count += 1;
    }
  }
  return count;
}
