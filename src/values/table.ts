import type { Endpoint } from './endpoint.js';

export type Forwarding = 'masquerade' | 'local' | 'tunnel' | 'direct' | 'bypass';

/** One real server as the kernel has it. */
export interface Destination {
  readonly server: Endpoint;
  readonly weight: number;
  readonly forwarding: Forwarding;
  /** Connection limits; 0 is none. */
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
  /** Established connections to this server. */
  readonly active: number;
  /** Connections that the kernel tracks to this server, established or not. */
  readonly connections: number;
}

/** What we choose of a virtual server. */
export interface ServiceSettings {
  readonly scheduler: string;
  /** IP_VS_SVC_F_* bits, the kernel's own `hashed` left out. */
  readonly flags: number;
  /** Persistence engine, null for none. */
  readonly peName: string | null;
}

/** Our virtual server as the kernel has it. */
interface ObservedService extends ServiceSettings {
  readonly destinations: readonly Destination[];
}

/** The kernel's table as far as it is ours: null when there is no such virtual server. */
export type ObservedTable = ObservedService | null;

/** `sh-fallback` and `mh-fallback`, the same bit: without it both drop what hashes to a destination of weight 0. */
const HASH_FALLBACK = 0x0008;

/** What a virtual server of ours looks like with a given scheduler. */
export function serviceSettings(scheduler: string): ServiceSettings {
  return { scheduler, flags: scheduler === 'sh' || scheduler === 'mh' ? HASH_FALLBACK : 0, peName: null };
}

export function sameSettings(one: ServiceSettings, other: ServiceSettings): boolean {
  return one.scheduler === other.scheduler && one.flags === other.flags && one.peName === other.peName;
}

/**
 * Whether the scheduler passes over destinations of weight 0. `dh` does not and has no fallback flag: whatever hashes to such a
 * destination, which with one virtual address is everything, is dropped.
 */
export function skipsWeightZero(scheduler: string): boolean {
  return scheduler !== 'dh';
}
