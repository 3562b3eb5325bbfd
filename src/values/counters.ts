import type { Endpoint } from './endpoint.js';
import type { Forwarding } from './table.js';

/** What the kernel counts of a virtual server or of a destination. Counts go up until what is counted is made anew. */
export interface Traffic {
  /** Connections that were ever scheduled. */
  readonly connections: bigint;
  readonly packetsIn: bigint;
  readonly packetsOut: bigint;
  readonly bytesIn: bigint;
  readonly bytesOut: bigint;
  /** As the kernel estimates them, over some seconds. */
  readonly connectionsPerSecond: number;
  readonly bytesInPerSecond: number;
  readonly bytesOutPerSecond: number;
}

/** One destination as the kernel has it now. */
interface CountedDestination {
  readonly server: Endpoint;
  readonly forwarding: Forwarding;
  readonly weight: number;
  /** Established connections. */
  readonly active: number;
  /** Connections that are being made or ended. */
  readonly inactive: number;
  /** null from a kernel that does not tell. */
  readonly traffic: Traffic | null;
}

/** Our virtual server with its destinations, as the kernel has them now; null when there is none. */
export type CountedTable = {
  readonly scheduler: string;
  /** What else there is to say of it, in ipvsadm's words: `(sh-fallback) persistent 300`; empty for nothing. */
  readonly flags: string;
  readonly traffic: Traffic | null;
  readonly destinations: readonly CountedDestination[];
} | null;
