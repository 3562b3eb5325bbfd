import { hostLength } from '../values/endpoint.js';

/** Once is a hand that slipped. */
const DELETIONS = 3;
const WITHIN_MS = 600_000;

/** When our virtual server was found deleted, in milliseconds of the monotonic clock, as far back as it matters. */
export type Deletions = readonly number[];

/** Those that still matter, with one of now if there was one. */
export function recall(deletions: Deletions, deletedNow: boolean, nowMs: number): Deletions {
  const recent = deletions.filter((atMs) => nowMs - atMs < WITHIN_MS);
  // More of them would tell nothing more.
  return deletedNow ? [...recent, nowMs].slice(-DELETIONS) : recent;
}

/** Whether something is at work that will delete it again, such as kube-proxy in ipvs mode. */
export function hasRival(deletions: Deletions): boolean {
  return deletions.length >= DELETIONS;
}

/** What kube-proxy's configuration needs lest it delete what has this address. */
export function exclusionOf(address: string): string {
  return `ipvs.excludeCIDRs: ["${address}/${hostLength(address.includes(':') ? 'ipv6' : 'ipv4')}"]`;
}
