import type { Endpoint } from './endpoint.js';
import type { Forwarding } from './table.js';

/** What the kernel counts of a virtual server or of a row. Counts go up until it is created again. */
export interface Traffic {
  /** All connections that were scheduled. */
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

/** One row as the kernel has it now. */
interface CountedRow {
  readonly server: Endpoint;
  readonly forwarding: Forwarding;
  readonly weight: number;
  /** Established connections. */
  readonly active: number;
  /** Connections that are being opened or closed. */
  readonly inactive: number;
  /** null if the kernel does not report it. */
  readonly traffic: Traffic | null;
}

/** The virtual server with its rows, as the kernel has them now; null if there is none. */
export type CountedTable = {
  readonly scheduler: string;
  /** Its flags and options as ipvsadm writes them: `(sh-fallback) persistent 300`; may be empty. */
  readonly flags: string;
  readonly traffic: Traffic | null;
  readonly rows: readonly CountedRow[];
} | null;
