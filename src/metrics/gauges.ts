import type { Counter } from 'prom-client';
import type { Traffic } from '../values/counters.js';
import type { Endpoint } from '../values/endpoint.js';
import type { HealthState } from '../decisions/health.js';
import type { Reading } from '../report/counted-report.js';
import type { BriefReport, BriefServerReport, BriefVirtualServerReport } from '../report/report.js';
import { rsLabels, vsLabels, type Families, type RsLabels, type ServerFamilies } from './families.js';
import type { Group } from './groups.js';

const STATES: readonly HealthState[] = ['unknown', 'up', 'sick', 'dead'];

/** What the program uses of its machine. */
export interface ProcessUsage {
  /** User and system. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  /** null where it cannot be told. */
  readonly openFiles: number | null;
}

/** Lets others have their turn between two parts of a long work. */
export type Breathe = () => Promise<void>;

export function showProgram(
  families: Families,
  { version, commit, startedAtMs }: BriefReport['program'],
  usage: ProcessUsage,
): void {
  families.buildInfo.set({ version, commit }, 1);
  families.startTime.set(startedAtMs / 1000);
  families.cpu.reset();
  families.cpu.inc(usage.cpuSeconds);
  families.residentMemory.set(usage.residentBytes);
  families.heapUsed.set(usage.heapUsedBytes);
  if (usage.openFiles !== null) families.openFiles.set(usage.openFiles);
}

/** What the report says of a virtual server, as of now. */
export function showVirtualServer(
  families: Families,
  virtualServer: Endpoint,
  report: BriefVirtualServerReport,
  dryRun: boolean,
): void {
  const { info, trouble, lastReconcile } = families;
  const { scheduler, mode, masquerade, nodeAddress, lastPass } = report;
  const vs = vsLabels(virtualServer);
  // These have other labels at other times.
  for (const family of [info, trouble]) family.reset();
  info.set(
    {
      ...vs,
      scheduler,
      mode,
      masquerade: String(masquerade),
      node_address: nodeAddress ?? '',
      dry_run: String(dryRun),
    },
    1,
  );
  families.interval.set(vs, report.intervalMs / 1000);
  families.lastResort.set(vs, report.lastResort ? 1 : 0);
  families.rival.set(vs, report.rival ? 1 : 0);
  for (const { what } of report.troubles) trouble.set({ ...vs, what }, 1);
  if (lastPass !== null) lastReconcile.set(vs, seconds(lastPass.atMs));
}

/** What the report says of real servers, as of now. */
export async function showServers(
  groups: readonly Group[],
  virtualServer: Endpoint,
  { servers }: BriefVirtualServerReport,
  breathe: Breathe,
): Promise<void> {
  const reports = new Map(servers.map((report) => [report.server, report]));
  for (const group of groups) {
    for (const server of group.servers) {
      const report = reports.get(server.text);
      if (report !== undefined) showServer(group.families, report, rsLabels(virtualServer, server));
    }
    await breathe();
  }
}

function showServer(families: ServerFamilies, server: BriefServerReport, rs: RsLabels): void {
  families.up.set(rs, server.state === 'up' ? 1 : 0);
  for (const state of STATES) families.state.set({ ...rs, state }, server.state === state ? 1 : 0);
  families.lastTransition.set(rs, seconds(server.sinceMs));
  families.drained.set(rs, server.drained === null ? 0 : 1);
  families.held.set(rs, server.heldUntilMs === null ? 0 : 1);
  if (server.lastProbeMs !== null) families.lastProbe.set(rs, seconds(server.lastProbeMs));
  if (server.lastOk !== null) families.lastOk.set(rs, seconds(server.lastOk.atMs));
  if (server.certificateNotAfterMs === null) families.certificateExpiry.remove(rs);
  else families.certificateExpiry.set(rs, seconds(server.certificateNotAfterMs));
}

/** What the kernel has and counts, as of now; nothing of an earlier reading stays. */
export async function showTable(
  families: Families,
  groups: readonly Group[],
  virtualServer: Endpoint,
  reading: Reading,
  breathe: Breathe,
): Promise<void> {
  const vs = vsLabels(virtualServer);
  const { serviceTraffic, servicePresent, tableReadable } = families;
  tableReadable.set(vs, 'table' in reading ? 1 : 0);
  for (const family of [servicePresent, ...Object.values(serviceTraffic)]) family.reset();
  const table = 'table' in reading ? reading.table : null;
  if ('table' in reading) servicePresent.set(vs, table === null ? 0 : 1);
  if (table !== null) showTraffic(serviceTraffic, vs, table.traffic);
  for (const [index, group] of groups.entries()) {
    const { weight, active, inactive, backendTraffic } = group.families;
    for (const family of [weight, active, inactive, ...Object.values(backendTraffic)]) family.reset();
    // Rows that nobody configured are among them: each has its place by its number.
    for (let at = index; at < (table?.destinations.length ?? 0); at += groups.length) {
      const destination = table?.destinations[at];
      if (destination === undefined) continue;
      const rs = rsLabels(virtualServer, destination.server);
      weight.set(rs, destination.weight);
      active.set(rs, destination.active);
      inactive.set(rs, destination.inactive);
      showTraffic(backendTraffic, rs, destination.traffic);
    }
    await breathe();
  }
}

type Counters<Label extends string> = Readonly<
  Record<'connections' | 'packetsIn' | 'packetsOut' | 'bytesIn' | 'bytesOut', Counter<Label>>
>;

function showTraffic<Label extends string>(
  counters: Counters<Label>,
  labels: Readonly<Record<Label, string>>,
  traffic: Traffic | null,
): void {
  if (traffic === null) return;
  counters.connections.inc(labels, Number(traffic.connections));
  counters.packetsIn.inc(labels, Number(traffic.packetsIn));
  counters.packetsOut.inc(labels, Number(traffic.packetsOut));
  counters.bytesIn.inc(labels, Number(traffic.bytesIn));
  counters.bytesOut.inc(labels, Number(traffic.bytesOut));
}

/** Of a timestamp. Whole ones: what is kept on the monotonic clock comes out a little different each time. */
function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
