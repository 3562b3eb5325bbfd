import type { CountedTable, Traffic } from '../core/counters.js';
import type { Report } from './report.js';

/** A report with what the kernel counts: what /report.json says and the status page shows. */
export interface CountedReport extends Report {
  /** One for each virtual server, in their order. */
  readonly kernel: readonly KernelReport[];
}

interface KernelReport {
  readonly virtualServer: string;
  /** Why the table could not be read, or null. */
  readonly error: string | null;
  /** As the kernel has it; null when there is none, or when it could not be read. */
  readonly table: TableReport | null;
}

interface TableReport {
  readonly scheduler: string;
  readonly traffic: TrafficReport | null;
  /** Every row, configured or not. */
  readonly rows: readonly {
    readonly server: string;
    readonly weight: number;
    readonly active: number;
    readonly inactive: number;
    readonly traffic: TrafficReport | null;
  }[];
}

/** {@link Traffic} in numbers that JSON can say. */
type TrafficReport = { readonly [Name in keyof Traffic]: number };

/** What came of reading a table. */
export type Reading = { readonly table: CountedTable } | { readonly error: Error };

export function kernelReport(virtualServer: string, reading: Reading): KernelReport {
  if ('error' in reading) return { virtualServer, error: reading.error.message, table: null };
  const { table } = reading;
  if (table === null) return { virtualServer, error: null, table: null };
  return {
    virtualServer,
    error: null,
    table: {
      scheduler: table.scheduler,
      traffic: trafficReport(table.traffic),
      rows: table.rows.map(({ server, weight, active, inactive, traffic }) => ({
        server: server.text,
        weight,
        active,
        inactive,
        traffic: trafficReport(traffic),
      })),
    },
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
