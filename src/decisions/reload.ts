/** What a new configuration changes of what is running. The table of decisions is in docs/decisions.md. */
import type { Endpoint } from '../values/endpoint.js';

/** What one virtual server is to be. Values of an unknown type are compared by what they contain. */
export interface WantedVirtualServer {
  readonly virtualServer: Endpoint;
  readonly realServers: readonly Endpoint[];
  readonly policy: {
    readonly scheduler: string;
    readonly preferLocal: boolean;
    readonly weights: ReadonlyMap<string, number>;
    readonly drainTimeoutMs: number;
    readonly intervalMs: number;
    readonly fastIntervalMs: number;
    readonly handshakeIntervalMs: number;
    readonly fall: number;
    readonly rise: number;
    readonly maxHoldMs: number;
  };
  /** What is asked of each real server, and how. */
  readonly probe: unknown;
  readonly mode: string;
  readonly iface: string;
  readonly masquerade: boolean;
  readonly nodeAddress: unknown;
  readonly sysctl: boolean;
  readonly ipvsTcpTimeoutS: number | null;
  /** How the cluster's list is read. */
  readonly discovery: unknown;
}

/** What changes of one virtual server. What is not in it goes on untouched. */
export interface Change {
  /** Their probes begin. */
  readonly added: readonly Endpoint[];
  /** Their rows are drained, and their probes end when these have gone. */
  readonly removed: readonly Endpoint[];
  readonly reweighted: readonly Endpoint[];
  /** Every monitor goes on in another way or at another pace, with its health. */
  readonly probes: boolean;
  /** The service is edited in place. */
  readonly scheduler: boolean;
  /** The real server on this node is preferred from now on, or no longer. */
  readonly preferLocal: boolean;
  /** Drains end at another time. */
  readonly drainTimeout: boolean;
  /** The new way to the virtual server is made, then what it does not need is removed. */
  readonly host: boolean;
  /** The cluster's list is read in another way, or is not read, or servers are forgotten at another time. */
  readonly discovery: boolean;
}

export type ReloadAction<Wanted> =
  | { readonly kind: 'start'; readonly wanted: Wanted }
  | { readonly kind: 'update'; readonly wanted: Wanted; readonly change: Change }
  /** Its rows are drained, then everything of it is removed. */
  | { readonly kind: 'retire'; readonly virtualServer: Endpoint }
  /** It is left as it is. */
  | { readonly kind: 'leave'; readonly virtualServer: Endpoint };

/** What becomes of virtual servers that are no longer configured: `clean` retires them, `keep` leaves them. */
export type RemovedVirtualServers = 'clean' | 'keep';

/** New virtual servers come first, so that what an old one leaves behind is not removed and made again. */
export function planReload<Wanted extends WantedVirtualServer>(
  running: readonly WantedVirtualServer[],
  wanted: readonly Wanted[],
  removed: RemovedVirtualServers,
): readonly ReloadAction<Wanted>[] {
  const before = new Map(running.map((one) => [one.virtualServer.text, one]));
  const after = new Set(wanted.map(({ virtualServer }) => virtualServer.text));
  const starts: ReloadAction<Wanted>[] = [];
  const updates: ReloadAction<Wanted>[] = [];
  for (const one of wanted) {
    const found = before.get(one.virtualServer.text);
    if (found === undefined) starts.push({ kind: 'start', wanted: one });
    else {
      const change = changeBetween(found, one);
      if (change !== null) updates.push({ kind: 'update', wanted: one, change });
    }
  }
  const kind = removed === 'keep' ? 'leave' : 'retire';
  const gone = running
    .filter(({ virtualServer }) => !after.has(virtualServer.text))
    .map(({ virtualServer }): ReloadAction<Wanted> => ({ kind, virtualServer }));
  return [...starts, ...updates, ...gone];
}

/** null if nothing changes. */
export function changeBetween(before: WantedVirtualServer, after: WantedVirtualServer): Change | null {
  const [old, now] = [before.policy, after.policy];
  const isIn = (servers: readonly Endpoint[], { text }: Endpoint): boolean =>
    servers.some((server) => server.text === text);
  const added = after.realServers.filter((server) => !isIn(before.realServers, server));
  const removed = before.realServers.filter((server) => !isIn(after.realServers, server));
  const change: Change = {
    added,
    removed,
    reweighted: after.realServers.filter(
      (server) =>
        !isIn(added, server) && (old.weights.get(server.text) ?? 1) !== (now.weights.get(server.text) ?? 1),
    ),
    probes:
      !isSame(before.probe, after.probe) ||
      PACE.some((field) => old[field] !== now[field]) ||
      // Only then it is known that clients on this node should reach it.
      (before.mode === 'none') !== (after.mode === 'none'),
    scheduler: old.scheduler !== now.scheduler,
    preferLocal: old.preferLocal !== now.preferLocal,
    drainTimeout: old.drainTimeoutMs !== now.drainTimeoutMs,
    host: HOST.some((field) => !isSame(before[field], after[field])),
    discovery: !isSame(before.discovery, after.discovery),
  };
  const { probes, scheduler, preferLocal, drainTimeout, host, discovery, reweighted } = change;
  const changed = probes || scheduler || preferLocal || drainTimeout || host || discovery;
  return changed || added.length + removed.length + reweighted.length > 0 ? change : null;
}

const PACE = ['intervalMs', 'fastIntervalMs', 'handshakeIntervalMs', 'fall', 'rise', 'maxHoldMs'] as const;
const HOST = ['mode', 'iface', 'masquerade', 'nodeAddress', 'sysctl', 'ipvsTcpTimeoutS'] as const;

/** Whether two plain values contain the same. */
function isSame(one: unknown, other: unknown): boolean {
  if (one instanceof Set && other instanceof Set)
    return one.size === other.size && [...one].every((value) => other.has(value));
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null)
    return one === other;
  const [mine, theirs] = [one, other] as [Record<string, unknown>, Record<string, unknown>];
  const keys = Object.keys(mine);
  return keys.length === Object.keys(theirs).length && keys.every((key) => isSame(mine[key], theirs[key]));
}

/** What changes, a few words for each thing. */
export function changeInWords(change: Change): string {
  const { added, removed, reweighted } = change;
  const named = (servers: readonly Endpoint[], what: string): string[] =>
    servers.length === 0 ? [] : [`${namesOf(servers)} ${what}`];
  return [
    ...named(added, 'added'),
    ...named(removed, 'removed'),
    ...named(reweighted, 'with another weight'),
    ...(change.probes ? ['other probes'] : []),
    ...(change.scheduler ? ['another scheduler'] : []),
    ...(change.preferLocal ? ['another preference for this node'] : []),
    ...(change.drainTimeout ? ['another drain timeout'] : []),
    ...(change.host ? ['another way to reach it'] : []),
    ...(change.discovery ? ['another discovery'] : []),
  ].join('; ');
}

const MOST_NAMED = 8;

function namesOf(servers: readonly Endpoint[]): string {
  const names = servers.slice(0, MOST_NAMED).map(({ text }) => text);
  const more = servers.length - names.length;
  return names.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
