/** What an operator should know of virtual and real servers, in the words that the status page and `lvscare status` share. */
import { exclusionOf } from '../decisions/deletion-contention.js';
import { failOpenInWords } from '../decisions/fail-open.js';
import type { MemberSource } from '../decisions/membership.js';
import { overdueMs } from './liveness.js';
import type { DiscoveryReport, ServerReport, VirtualServerReport } from './report.js';
import { durationInWords } from './summary.js';

const SOURCES: Readonly<Record<MemberSource, string>> = {
  seed: 'seed of --rs',
  discovered: 'discovered',
  'last good': 'from the saved list of apiservers',
};
/** A list is read each few minutes, and an apiserver may be restarting. */
const UNREAD_MS = 15 * 60_000;

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
    discovery,
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
  const unreadMs = unreadForMs(virtualServer, nowMs);
  if (unreadMs !== null)
    warn(
      `the list of apiservers was not read for ${durationInWords(unreadMs)}${discovery?.failure ? `: ${discovery.failure.message}` : ''}; the real servers stay as they are`,
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
  {
    state,
    heldUntilMs,
    relapses,
    lastProbeMs,
    drained,
    standby,
    suspect,
    lateClients,
    membership,
  }: ServerReport,
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
  if (lateClients > 0)
    warn(
      `${lateClients === 1 ? 'a client of this node waits' : `${lateClients} clients of this node wait`} for it for unusually long`,
    );
  if (membership !== null) found.push({ severity: 'info', words: SOURCES[membership.source] });
  if (membership !== null && membership.missingSinceMs !== null)
    warn(
      `the cluster does not list it, for ${durationInWords(nowMs - membership.missingSinceMs)}${membership.source === 'seed' ? '; if it was removed, take it out of --rs' : ''}`,
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

/** How long the list of apiservers has not been read, in milliseconds, if that is worth a word, else null. */
function unreadForMs({ discovery }: VirtualServerReport, nowMs: number): number | null {
  if (discovery?.failure === null || discovery === null) return null;
  const unreadMs = nowMs - (discovery.lastList?.atMs ?? discovery.failure.sinceMs);
  return unreadMs >= UNREAD_MS ? unreadMs : null;
}

/** `read 12 s ago from 10.0.0.1:6443 by poll`, for people. */
export function discoveryInWords({ lastList, failure }: DiscoveryReport, nowMs: number): string {
  if (lastList === null) return failure === null ? 'not read yet' : `not read yet: ${failure.message}`;
  const { atMs, from, by, servers } = lastList;
  return `${servers} ${servers === 1 ? 'apiserver' : 'apiservers'}, read ${durationInWords(nowMs - atMs)} ago from ${from} by ${by}`;
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

/** What to look at when a real server fails by such evidence; null where the status or the detail says it. */
export function remedyOf({ state, server, evidence }: ServerReport): string | null {
  if (state !== 'sick' && state !== 'dead') return null;
  switch (evidence?.kind) {
    case 'refused':
      return 'no program listens there: is kube-apiserver running on that host?';
    case 'silent':
      return 'is the host up, and does a firewall in between drop packets?';
    case 'slow':
      return 'is its CPU, its disk or etcd overloaded?';
    case 'tls':
    case 'broken':
      return `lvscare probe --rs ${server} says more`;
    default:
      return null;
  }
}
