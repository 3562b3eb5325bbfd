import type { Forwarding } from './table.js';

/**
 * What the kernel counts of a virtual server or of a destination. Counts go up until what is counted is made anew; above 2^53 they
 * are rounded.
 */
export interface Traffic {
  /** Connections that were ever scheduled. */
  readonly connections: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** As the kernel estimates them, over some seconds. */
  readonly connectionsPerSecond: number;
  readonly bytesInPerSecond: number;
  readonly bytesOutPerSecond: number;
}

/** One destination as the kernel has it now. */
export interface CountedDestination {
  /** `10.103.97.200:6443` */
  readonly server: string;
  readonly forwarding: Forwarding;
  readonly weight: number;
  /** Established connections. */
  readonly active: number;
  /** Connections that are being opened or closed. */
  readonly inactive: number;
  /** null from a kernel that does not count. */
  readonly traffic: Traffic | null;
}

/** A virtual server with its destinations, configured or not, as the kernel has them now. */
export interface CountedTable {
  readonly scheduler: string;
  /** In ipvsadm's words: `(sh-fallback) persistent 300`; empty for nothing. */
  readonly flags: string;
  readonly traffic: Traffic | null;
  readonly destinations: readonly CountedDestination[];
}
