import type { Endpoint } from './endpoint.js';

/** How IPVS sends packets to a real server; a number is a method that has no name. */
export type Forwarding = NamedForwarding | number;
export type NamedForwarding = 'masquerade' | 'local' | 'tunnel' | 'direct' | 'bypass';

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

/** The settings that lvscare chooses for its virtual server. */
export interface ServiceSettings {
  readonly scheduler: string;
  /** IP_VS_SVC_F_* bits, without the kernel's own `hashed`. */
  readonly flags: number;
  /** Persistence engine, null for none. */
  readonly peName: string | null;
}

/** The virtual server of lvscare as the kernel has it. */
interface ObservedService extends ServiceSettings {
  readonly destinations: readonly Destination[];
}

/** The virtual server of lvscare in the kernel's table, or null if there is none. */
export type ObservedTable = ObservedService | null;

/** `sh-fallback` and `mh-fallback`, the same bit: without it both drop connections that hash to a row of weight 0. */
const HASH_FALLBACK = 0x0008;

/** The settings for a scheduler. */
export function serviceSettings(scheduler: string): ServiceSettings {
  return { scheduler, flags: scheduler === 'sh' || scheduler === 'mh' ? HASH_FALLBACK : 0, peName: null };
}

export function sameSettings(one: ServiceSettings, other: ServiceSettings): boolean {
  return one.scheduler === other.scheduler && one.flags === other.flags && one.peName === other.peName;
}

/**
 * Whether the scheduler skips rows of weight 0. `dh` does not, and has no fallback flag: it drops all connections that hash
 * to such a row; with one virtual address that is all connections.
 */
export function skipsWeightZero(scheduler: string): boolean {
  return scheduler !== 'dh';
}
