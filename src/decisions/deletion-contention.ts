import { hostLength } from '../values/endpoint.js';

/** Once may be a mistake by hand. */
const DELETIONS = 3;
const WITHIN_MS = 600_000;

/** When our virtual server was found deleted, in milliseconds of the monotonic clock, as far back as it matters. */
export type Deletions = readonly number[];

/** Those that still matter, with one of now if there was one. */
export function recentDeletions(deletions: Deletions, deletedNow: boolean, nowMs: number): Deletions {
  const recent = deletions.filter((atMs) => nowMs - atMs < WITHIN_MS);
  // More of them would change nothing.
  return deletedNow ? [...recent, nowMs].slice(-DELETIONS) : recent;
}

/** Whether another program keeps deleting it, such as kube-proxy in ipvs mode. */
export function isDeletedRepeatedly(deletions: Deletions): boolean {
  return deletions.length >= DELETIONS;
}

/** The entry of kube-proxy's configuration that keeps it from deleting a virtual server with this address. */
export function exclusionOf(address: string): string {
  return `ipvs.excludeCIDRs: ["${address}/${hostLength(address.includes(':') ? 'ipv6' : 'ipv4')}"]`;
}
