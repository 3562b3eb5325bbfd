/**
 * What `lvscare status` shows, as plain values that JSON can say: what the lvscare of each virtual server knows, beside what the
 * kernel has. Times are milliseconds since 1970, durations milliseconds.
 */
import type { CountedTable, Traffic } from '../core/counters.js';
import type { Forwarding } from '../core/table.js';
import type { Report, VirtualServerReport } from '../observe/report.js';

export interface Status {
  readonly atMs: number;
  /** One for each virtual server that was asked for, or that lvscare has to do with in this network namespace. */
  readonly virtualServers: readonly VirtualServerStatus[];
}

export interface VirtualServerStatus {
  /** `10.103.97.2:6443` */
  readonly virtualServer: string;
  /** Whether an lvscare takes care of it, and could be asked. */
  readonly lvscare: 'answers' | 'silent' | 'none';
  /** Its process, as it says itself; null unless it answers. */
  readonly program: Report['program'] | null;
  /** What it knows; null unless it answers. */
  readonly care: VirtualServerReport | null;
  /** What the kernel has; null when it has no such virtual server, or cannot be asked. */
  readonly kernel: KernelStatus | null;
  /** The real servers that are drained by hand. */
  readonly drained: readonly DrainedServer[];
  /** What could not be told, and why, in words. */
  readonly notes: readonly string[];
}

export interface DrainedServer {
  readonly server: string;
  readonly sinceMs: number;
}

export interface KernelStatus {
  readonly scheduler: string;
  /** In ipvsadm's words: `(sh-fallback)`; empty for nothing. */
  readonly flags: string;
  readonly traffic: TrafficStatus | null;
  readonly rows: readonly RowStatus[];
}

export interface RowStatus {
  readonly server: string;
  readonly forwarding: Forwarding;
  readonly weight: number;
  /** Established connections. */
  readonly active: number;
  /** Connections that are being made or ended. */
  readonly inactive: number;
  /** null from a kernel that does not tell. */
  readonly traffic: TrafficStatus | null;
}

/** What the kernel counts; counts above 2^53 are rounded. */
export type TrafficStatus = Readonly<Record<keyof Traffic, number>>;

/** What the kernel has of a virtual server, as JSON can say it. */
export function kernelStatus(table: CountedTable): KernelStatus | null {
  if (table === null) return null;
  const { scheduler, flags, traffic, rows } = table;
  return {
    scheduler,
    flags,
    traffic: trafficStatus(traffic),
    rows: rows.map((row) => ({
      server: row.server.text,
      forwarding: row.forwarding,
      weight: row.weight,
      active: row.active,
      inactive: row.inactive,
      traffic: trafficStatus(row.traffic),
    })),
  };
}

function trafficStatus(traffic: Traffic | null): TrafficStatus | null {
  if (traffic === null) return null;
  return {
    connections: Number(traffic.connections),
    packetsIn: Number(traffic.packetsIn),
    packetsOut: Number(traffic.packetsOut),
    bytesIn: Number(traffic.bytesIn),
    bytesOut: Number(traffic.bytesOut),
    connectionsPerSecond: traffic.connectionsPerSecond,
    bytesInPerSecond: traffic.bytesInPerSecond,
    bytesOutPerSecond: traffic.bytesOutPerSecond,
  };
}

/** Since when each server is drained by hand, as JSON can say it. */
export function drainedStatus(drained: ReadonlyMap<string, number>): readonly DrainedServer[] {
  return [...drained].map(([server, sinceMs]) => ({ server, sinceMs }));
}
