/** How severe the state of a virtual server is: the page is sorted and coloured by it, and status --check ends by it. */
import { stuckForMs } from './conditions.js';
import type { Report, ServerReport, VirtualServerReport } from './report.js';

/** The worst first. */
const LEVELS = ['down', 'impaired', 'starting', 'well'] as const;
export type Level = (typeof LEVELS)[number];

const DAY_MS = 24 * 3600 * 1000;
const CERTIFICATE_WARNING_DAYS = 30;
const CERTIFICATE_CRITICAL_DAYS = 7;

export interface Tally {
  readonly up: number;
  readonly all: number;
}

export function tally(servers: readonly ServerReport[]): Tally {
  return { up: servers.filter(({ state }) => state === 'up').length, all: servers.length };
}

export function levelOf(virtualServer: VirtualServerReport, nowMs: number): Level {
  const { servers, failOpen, deletedRepeatedly, troubles, reachability } = virtualServer;
  const { up, all } = tally(servers);
  const undecided = servers.some(({ state }) => state === 'unknown');
  if (failOpen || (up === 0 && !undecided && all > 0)) return 'down';
  if (reachability !== null && reachability.reason !== null) return 'down';
  if (deletedRepeatedly || troubles.length > 0 || stuckForMs(virtualServer, nowMs) !== null)
    return 'impaired';
  if (servers.some((server) => server.state === 'sick' || server.state === 'dead')) return 'impaired';
  if (servers.some((server) => certificateLevel(server, nowMs) === 'critical')) return 'impaired';
  return undecided ? 'starting' : 'well';
}

/** The worst of all. */
export function overall(report: Report): Level {
  const levels = new Set(report.virtualServers.map((server) => levelOf(server, report.atMs)));
  return LEVELS.find((level) => levels.has(level)) ?? 'starting';
}

/** The worst first, otherwise in the order of the report. */
export function worstFirst(report: Report): readonly VirtualServerReport[] {
  const rank = (server: VirtualServerReport): number => LEVELS.indexOf(levelOf(server, report.atMs));
  return report.virtualServers.toSorted((one, other) => rank(one) - rank(other));
}

export function certificateLevel(
  { certificateNotAfterMs }: ServerReport,
  nowMs: number,
): 'unknown' | 'fine' | 'warning' | 'critical' {
  if (certificateNotAfterMs === null) return 'unknown';
  const days = daysUntil(certificateNotAfterMs, nowMs);
  if (days < CERTIFICATE_CRITICAL_DAYS) return 'critical';
  return days < CERTIFICATE_WARNING_DAYS ? 'warning' : 'fine';
}

/** Whole days until then; negative for the past. */
export function daysUntil(atMs: number, nowMs: number): number {
  return Math.floor((atMs - nowMs) / DAY_MS);
}
