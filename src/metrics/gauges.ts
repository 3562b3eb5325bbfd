import type { HealthState } from '../decisions/health.js';
import type { KernelReport, Report, ServerReport, VirtualServerReport } from '../report/report.js';
import type { Traffic } from '../values/counters.js';
import {
  rsLabels,
  vsLabels,
  type Families,
  type ProcessFamilies,
  type RsLabels,
  type TrafficCounters,
  type VsLabels,
} from './families.js';

const STATES: readonly HealthState[] = ['unknown', 'up', 'sick', 'dead'];

/** What the program uses of its machine. */
export interface ProcessUsage {
  /** User and system. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  /** null if it is not known. */
  readonly openFiles: number | null;
}

export function showProgram(
  families: ProcessFamilies,
  { version, commit, startedAtMs }: Report['program'],
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
export function showVirtualServer(families: Families, report: VirtualServerReport, dryRun: boolean): void {
  const { info, trouble, lastReconcile } = families;
  const { virtualServer, scheduler, mode, masquerade, nodeAddress, lastPass } = report;
  const vs = vsLabels(virtualServer);
  // These have other labels at other times.
  for (const family of [info, trouble]) family.reset();
  // Real servers come and go.
  for (const family of serverGauges(families)) family.reset();
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
  families.reachable.reset();
  if (report.reachability !== null) families.reachable.set(vs, report.reachability.reason === null ? 1 : 0);
  showDiscovery(families, report, vs);
  families.failOpen.set(vs, report.failOpen ? 1 : 0);
  families.deletedRepeatedly.set(vs, report.deletedRepeatedly ? 1 : 0);
  for (const { what } of report.troubles) trouble.set({ ...vs, what }, 1);
  if (lastPass !== null) lastReconcile.set(vs, seconds(lastPass.atMs));
  for (const server of report.servers) showServer(families, server, rsLabels(virtualServer, server.server));
}

function showDiscovery(
  { discoveryUp, lastDiscovery }: Families,
  { discovery }: VirtualServerReport,
  vs: VsLabels,
): void {
  for (const family of [discoveryUp, lastDiscovery]) family.reset();
  if (discovery === null) return;
  const { lastList, failure } = discovery;
  if (lastList !== null || failure !== null) discoveryUp.set(vs, failure === null ? 1 : 0);
  if (lastList !== null) lastDiscovery.set(vs, seconds(lastList.atMs));
}

function serverGauges(families: Families): readonly { reset(): void }[] {
  return [
    families.up,
    families.state,
    families.lastTransition,
    families.drained,
    families.standby,
    families.suspect,
    families.lateClients,
    families.source,
    families.listed,
    families.held,
    families.lastProbe,
    families.lastOk,
    families.certificateExpiry,
  ];
}

function showServer(families: Families, server: ServerReport, rs: RsLabels): void {
  families.up.set(rs, server.state === 'up' ? 1 : 0);
  for (const state of STATES) families.state.set({ ...rs, state }, server.state === state ? 1 : 0);
  families.lastTransition.set(rs, seconds(server.sinceMs));
  families.drained.set(rs, server.drained === null ? 0 : 1);
  families.standby.set(rs, server.standby ? 1 : 0);
  if (server.membership !== null) {
    families.source.set({ ...rs, source: server.membership.source }, 1);
    if (server.membership.listed !== null) families.listed.set(rs, server.membership.listed ? 1 : 0);
  }
  families.suspect.set(rs, server.suspect === null ? 0 : 1);
  families.lateClients.set(rs, server.lateClients);
  families.held.set(rs, server.heldUntilMs === null ? 0 : 1);
  if (server.lastProbeMs !== null) families.lastProbe.set(rs, seconds(server.lastProbeMs));
  if (server.lastOk !== null) families.lastOk.set(rs, seconds(server.lastOk.atMs));
  if (server.certificateNotAfterMs !== null)
    families.certificateExpiry.set(rs, seconds(server.certificateNotAfterMs));
}

/** What the kernel has and counts, as of now; nothing of an earlier reading stays. */
export function showTable(families: Families, { virtualServer, error, table }: KernelReport): void {
  const vs = vsLabels(virtualServer);
  const { tableReadable, servicePresent, serviceTraffic, weight, active, inactive, backendTraffic } =
    families;
  tableReadable.set(vs, error === null ? 1 : 0);
  const traffic = [...Object.values(serviceTraffic), ...Object.values(backendTraffic)];
  for (const family of [servicePresent, weight, active, inactive, ...traffic]) family.reset();
  if (error === null) servicePresent.set(vs, table === null ? 0 : 1);
  if (table === null) return;
  showTraffic(serviceTraffic, vs, table.traffic);
  for (const destination of table.destinations) {
    const rs = rsLabels(virtualServer, destination.server);
    weight.set(rs, destination.weight);
    active.set(rs, destination.active);
    inactive.set(rs, destination.inactive);
    showTraffic(backendTraffic, rs, destination.traffic);
  }
}

function showTraffic<Label extends string>(
  counters: TrafficCounters<Label>,
  labels: Readonly<Record<Label, string>>,
  traffic: Traffic | null,
): void {
  if (traffic === null) return;
  for (const what of ['connections', 'packetsIn', 'packetsOut', 'bytesIn', 'bytesOut'] as const)
    counters[what].inc(labels, traffic[what]);
}

/** Of a timestamp. Whole ones: what is kept on the monotonic clock comes out a little different each time. */
function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
