/** What an operator should know of virtual and real servers, in the words that the status page and `lvscare status` share. */
import { exclusionOf } from '../decisions/deletion-contention.js';
import { failOpenInWords } from '../decisions/fail-open.js';
import { overdueMs } from './liveness.js';
import type { ServerReport, VirtualServerReport } from './report.js';
import { durationInWords } from './summary.js';

export interface Condition {
  readonly severity: 'critical' | 'warning' | 'info';
  readonly words: string;
}

/** Of the virtual server as a whole. */
export function virtualServerConditions(virtualServer: VirtualServerReport, nowMs: number): Condition[] {
  const {
    virtualServer: name,
    servers,
    failOpen,
    deletedRepeatedly,
    troubles,
    lastPass,
    reachability,
  } = virtualServer;
  const found: Condition[] = [];
  const critical = (words: string): unknown => found.push({ severity: 'critical', words });
  const warn = (words: string): unknown => found.push({ severity: 'warning', words });

  if (failOpen) critical(failOpenInWords(servers.some(({ drained }) => drained !== null)));
  else if (servers.length > 0 && servers.every(({ state }) => state === 'sick' || state === 'dead'))
    critical(`no real server is up${lastPass?.error === null ? ': the kernel refuses clients at once' : ''}`);
  if (reachability !== null && reachability.reason !== null)
    critical(
      `clients on this node do not reach ${name}: ${reachability.reason}, for ${durationInWords(nowMs - reachability.sinceMs)}; run lvscare doctor`,
    );
  const stuckMs = stuckForMs(virtualServer, nowMs);
  if (stuckMs !== null)
    critical(
      `nothing was reconciled for ${durationInWords(stuckMs)}: this may be out of date; restart lvscare if it lasts`,
    );
  if (deletedRepeatedly)
    warn(
      `something keeps deleting ${name}: if it is kube-proxy in ipvs mode, set ${exclusionOf(addressOf(name))} in its configuration`,
    );
  for (const { what, message, sinceMs } of troubles)
    warn(`${what}: ${message}, for ${durationInWords(nowMs - sinceMs)}`);
  return found;
}

/** Of one real server, beside its state. */
export function serverConditions(
  { state, heldUntilMs, relapses, lastProbeMs, drained, standby, suspect }: ServerReport,
  intervalMs: number,
  nowMs: number,
): Condition[] {
  const found: Condition[] = [];
  const warn = (words: string): unknown => found.push({ severity: 'warning', words });
  if (drained !== null) found.push({ severity: 'info', words: drainedInWords(drained.sinceMs, nowMs) });
  if (standby) found.push({ severity: 'info', words: "standby: this node's own real server is preferred" });
  if (suspect !== null)
    warn(
      `suspect for ${durationInWords(nowMs - suspect.sinceMs)}: clients wait for it, and it does not answer`,
    );
  const failed = `it failed ${relapses === 1 ? 'once' : `${relapses} times in a row`} soon after it recovered`;
  if (heldUntilMs !== null && state !== 'up')
    warn(`answers, but is held out for another ${durationInWords(heldUntilMs - nowMs)}: ${failed}`);
  else if (relapses > 0) warn(`flaps: ${failed}`);
  if (lastProbeMs !== null && nowMs - lastProbeMs > overdueMs(intervalMs))
    warn(`not probed for ${durationInWords(nowMs - lastProbeMs)}`);
  return found;
}

export function drainedInWords(sinceMs: number, nowMs: number): string {
  return `drained by hand ${durationInWords(nowMs - sinceMs)} ago`;
}

/** How long ago the last pass of an overdue reconciler was, in milliseconds, or null if it is not overdue. */
export function stuckForMs({ lastPass, intervalMs }: VirtualServerReport, nowMs: number): number | null {
  if (lastPass === null || nowMs - lastPass.atMs <= overdueMs(intervalMs)) return null;
  return nowMs - lastPass.atMs;
}

/** Of `10.103.97.2:6443` or `[fd00::2]:6443`. */
function addressOf(endpoint: string): string {
  return endpoint.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}
