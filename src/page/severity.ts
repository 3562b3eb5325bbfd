/** How things stand, in a word, and what needs somebody's attention: what the page is sorted and coloured by. */
import { statusHint } from '../decisions/status-meaning.js';
import { overdueMs } from '../report/liveness.js';
import { durationInWords } from '../report/summary.js';
import type { Report, ServerReport, VirtualServerReport } from '../report/report.js';
import { daysUntil } from './times.js';

/** From the worst on. */
const LEVELS = ['down', 'impaired', 'starting', 'well'] as const;
export type Level = (typeof LEVELS)[number];

const CERTIFICATE_WARNING_DAYS = 30;
const CERTIFICATE_CRITICAL_DAYS = 7;

/** Something that is said of a server beside its state. */
interface Note {
  readonly kind: 'info' | 'warning';
  readonly words: string;
}

export interface Tally {
  readonly up: number;
  readonly all: number;
}

export function tally(servers: readonly ServerReport[]): Tally {
  return { up: servers.filter(({ state }) => state === 'up').length, all: servers.length };
}

export function levelOf(virtualServer: VirtualServerReport, nowMs: number): Level {
  const { servers, lastResort, deletedRepeatedly, troubles } = virtualServer;
  const { up, all } = tally(servers);
  const undecided = servers.some(({ state }) => state === 'unknown');
  if (lastResort || (up === 0 && !undecided && all > 0)) return 'down';
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

/** The worst first, else in their order. */
export function worstFirst(report: Report): readonly VirtualServerReport[] {
  const rank = new Map(
    report.virtualServers.map((server) => [server, LEVELS.indexOf(levelOf(server, report.atMs))]),
  );
  return report.virtualServers.toSorted((one, other) => (rank.get(one) ?? 0) - (rank.get(other) ?? 0));
}

/** For how long nothing was reconciled although it was time; null when all is well. */
export function stuckForMs({ lastPass, intervalMs }: VirtualServerReport, nowMs: number): number | null {
  return lastPass !== null && overdue(lastPass.atMs, intervalMs, nowMs) ? nowMs - lastPass.atMs : null;
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

/** What is to be said of a server beside its state. */
export function notesOf(server: ServerReport, { intervalMs }: VirtualServerReport, nowMs: number): Note[] {
  const { state, evidence, heldUntilMs, relapses, lastProbeMs, drained } = server;
  const notes: Note[] = [];
  const hint = statusHint(evidence?.status);
  if (hint !== null) notes.push({ kind: 'info', words: hint });
  if (drained !== null)
    notes.push({ kind: 'info', words: `drained by hand for ${durationInWords(nowMs - drained.sinceMs)}` });
  const fell = `it fell ${relapses === 1 ? 'once' : `${relapses} times in a row`} soon after it was back`;
  if (heldUntilMs !== null && state !== 'up')
    notes.push({
      kind: 'warning',
      words: `answers, and is held out for another ${durationInWords(heldUntilMs - nowMs)}: ${fell}`,
    });
  else if (relapses > 0) notes.push({ kind: 'warning', words: `flaps: ${fell}` });
  if (lastProbeMs !== null && overdue(lastProbeMs, intervalMs, nowMs))
    notes.push({ kind: 'warning', words: `not asked for ${durationInWords(nowMs - lastProbeMs)}` });
  return notes;
}

function overdue(atMs: number, intervalMs: number, nowMs: number): boolean {
  return nowMs - atMs > overdueMs(intervalMs);
}
