import type { Report, VirtualServerReport } from './report.js';

/** What there is to know beside the report. Times are of the report's clock. */
export interface ProgressLimits {
  /** Since when the program has run without standing still: before that, nothing could make progress. */
  readonly awakeSinceMs: number;
  /** What one answer of a server may take. */
  readonly probeTimeoutMs: number;
  /** The pace of probes while one more may change the verdict. */
  readonly fastIntervalMs: number;
}

/** The trouble of a virtual server that could not be started. */
export const START = 'start';

/** Beside what is due: for a node that is short of CPU, and for a kernel that takes its time. */
const GRACE_MS = 30_000;
/** How often in a row something may be missed. */
const TURNS = 3;
/** What the first questions wait for each other at most, for each server: a second for each sixteen (control-loop/witness-pool.ts). */
const FIRST_TURN_PER_SERVER_MS = 100;

/** After how long what is due each interval is overdue: outputs say so then, and not sooner. In milliseconds. */
export function overdueMs(intervalMs: number): number {
  return TURNS * intervalMs + GRACE_MS;
}

/**
 * What does not make progress, in words, or null when everything does: each monitor asks its server, the reconciler ends
 * its passes. That servers do not answer, that the kernel refuses, that there is no IPVS: none of that is a lack of progress,
 * and none of it gets better by a restart.
 */
export function stuck(report: Report, limits: ProgressLimits): string | null {
  for (const virtualServer of report.virtualServers) {
    // It has nothing that could make progress, and a restart would not help the others.
    if (virtualServer.troubles.some(({ what }) => what === START)) continue;
    const found =
      stuckReconciler(virtualServer, report.atMs, limits) ?? stuckMonitor(virtualServer, report.atMs, limits);
    if (found !== null) return found;
  }
  return null;
}

/**
 * Why clients had better not be sent here yet, in words, or null when this node serves them: the first pass of each virtual
 * server is done, its last one made the table so, and this node's clients are not known to reach no apiserver through it.
 */
export function unready({ virtualServers }: Report): string | null {
  if (virtualServers.length === 0) return 'there is no such virtual server';
  for (const { virtualServer, lastPass, reachability } of virtualServers) {
    if (lastPass === null) return `${virtualServer}: not reconciled yet`;
    if (lastPass.error !== null) return `${virtualServer}: ${lastPass.error}`;
    const reason = reachability?.reason ?? null;
    if (reason !== null) return `${virtualServer}: clients on this node do not reach it: ${reason}`;
  }
  return null;
}

function stuckReconciler(
  { virtualServer, lastPass, intervalMs }: VirtualServerReport,
  nowMs: number,
  { awakeSinceMs }: ProgressLimits,
): string | null {
  const idleMs = nowMs - Math.max(lastPass?.atMs ?? -Infinity, awakeSinceMs);
  // A pass waits for host resources for an interval, and the next one begins an interval later.
  const limitMs = overdueMs(intervalMs);
  if (idleMs <= limitMs) return null;
  return `the reconciler of ${virtualServer} has not ended a pass for ${seconds(idleMs)} (limit ${seconds(limitMs)})`;
}

function stuckMonitor(
  { servers, intervalMs }: VirtualServerReport,
  nowMs: number,
  { awakeSinceMs, probeTimeoutMs, fastIntervalMs }: ProgressLimits,
): string | null {
  const paceMs = Math.max(intervalMs, fastIntervalMs);
  const limitMs = overdueMs(paceMs + probeTimeoutMs);
  for (const { server, lastProbeMs } of servers) {
    const firstMs = lastProbeMs === null ? FIRST_TURN_PER_SERVER_MS * servers.length : 0;
    const idleMs = nowMs - Math.max(lastProbeMs ?? -Infinity, awakeSinceMs);
    if (idleMs > limitMs + firstMs)
      return `the monitor of ${server} has not asked it for ${seconds(idleMs)} (limit ${seconds(limitMs + firstMs)})`;
  }
  return null;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
