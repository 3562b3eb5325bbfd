/** What the kernel has, as plain values that JSON can say: for the report, the status and the status page. */
import type { CountedTable, Traffic } from '../values/counters.js';
import type { Forwarding } from '../values/table.js';
import type { Report } from './report.js';

/** A report with what the kernel counts: what /report.json says and the status page shows. */
export interface CountedReport extends Report {
  /** One for each virtual server, in their order. */
  readonly kernel: readonly KernelReport[];
}

/** What came of a look at one virtual server in the kernel's table. */
export interface KernelReport {
  /** `10.103.97.2:6443` */
  readonly virtualServer: string;
  /** Why the table could not be read, or null. */
  readonly error: string | null;
  /** As the kernel has it; null when there is none, or when it could not be read. */
  readonly table: TableReport | null;
}

export interface TableReport {
  readonly scheduler: string;
  /** In ipvsadm's words: `(sh-fallback)`; empty for nothing. */
  readonly flags: string;
  readonly traffic: TrafficReport | null;
  /** Every one, configured or not. */
  readonly destinations: readonly DestinationReport[];
}

export interface DestinationReport {
  /** `10.103.97.200:6443` */
  readonly server: string;
  readonly forwarding: Forwarding;
  readonly weight: number;
  /** Established connections. */
  readonly active: number;
  /** Connections that are being made or ended. */
  readonly inactive: number;
  /** null from a kernel that does not tell. */
  readonly traffic: TrafficReport | null;
}

/** What the kernel counts; counts above 2^53 are rounded. */
export type TrafficReport = Readonly<Record<keyof Traffic, number>>;

/** What came of reading a table. */
export type Reading = { readonly table: CountedTable } | { readonly error: Error };

export function kernelReport(virtualServer: string, reading: Reading): KernelReport {
  if ('error' in reading) return { virtualServer, error: reading.error.message, table: null };
  return { virtualServer, error: null, table: tableReport(reading.table) };
}

export function tableReport(table: CountedTable): TableReport | null {
  if (table === null) return null;
  const { scheduler, flags, traffic, destinations } = table;
  return {
    scheduler,
    flags,
    traffic: trafficReport(traffic),
    destinations: destinations.map((destination) => ({
      server: destination.server.text,
      forwarding: destination.forwarding,
      weight: destination.weight,
      active: destination.active,
      inactive: destination.inactive,
      traffic: trafficReport(destination.traffic),
    })),
  };
}

function trafficReport(traffic: Traffic | null): TrafficReport | null {
  if (traffic === null) return null;
  const { connections, packetsIn, packetsOut, bytesIn, bytesOut, ...rates } = traffic;
  return {
    connections: Number(connections),
    packetsIn: Number(packetsIn),
    packetsOut: Number(packetsOut),
    bytesIn: Number(bytesIn),
    bytesOut: Number(bytesOut),
    ...rates,
  };
}
