import type { Endpoint } from '../values/endpoint.js';
import type { Health, HealthState } from './health.js';
import { failOpenRank } from './fail-open.js';
import { believedSuspects } from './suspicion.js';
import { skipsWeightZero, type Destination } from '../values/table.js';

/** What is wanted of one real server's destination. */
export type Intent =
  /** There, with this weight. */
  | { readonly kind: 'serve'; readonly weight: number }
  /** Up, while a preferred one serves: there with weight 0, so that live connections finish and no new ones come. */
  | { readonly kind: 'standby' }
  /** As it was found: not enough is known to touch it. */
  | { readonly kind: 'keep' }
  /**
   * Weight 0 if it is there, so that live connections finish and no new ones come; never added for it. `untilIdle`: it
   * goes as soon as it has none.
   */
  | { readonly kind: 'drain'; readonly untilIdle: boolean }
  /**
   * Drained by hand, well and held out, suspect, or silent without a witness: weight 0 if it is there, for as long as it takes;
   * never added for it.
   */
  | { readonly kind: 'rest' }
  | { readonly kind: 'remove' };

export interface WantedDestination {
  readonly server: Endpoint;
  readonly intent: Intent;
}

/** A configured real server, and what we know of it. */
export interface JudgedServer {
  readonly server: Endpoint;
  readonly health: Health;
  /** An operator took it out by hand. */
  readonly drained: boolean;
  /** While it is up and not drained, servers that are not preferred get no new connections. */
  readonly preferred: boolean;
  /** Since when it is suspect, in milliseconds of the monotonic clock; null if it is not. */
  readonly suspectSinceMs: number | null;
}

export interface TablePolicy {
  readonly scheduler: string;
  /** Whether real servers that run on this node are preferred. */
  readonly preferLocal: boolean;
  /** The weights of servers that serve, by the server's text; one that is not among them has 1. */
  readonly weights: ReadonlyMap<string, number>;
  /** How long a destination may stay at weight 0 before it is removed, in milliseconds. */
  readonly drainTimeoutMs: number;
}

/** When each destination that is being drained began to be, by the server's text, in milliseconds of the monotonic clock. */
export type Drains = ReadonlyMap<string, number>;

export interface Desired {
  /** Configured servers in their order, then destinations that the kernel has and the options do not name. */
  readonly destinations: readonly WantedDestination[];
  readonly drains: Drains;
  /** No server is up that is not drained by hand, and those most likely to answer serve. */
  readonly failOpen: boolean;
  /** The preferred servers that serve, and all others do not. Empty while none of them is up. */
  readonly preferred: readonly Endpoint[];
}

/**
 * From verdicts to the wanted table. The table of decisions is in docs/decisions.md.
 *
 * @param departing The health of servers that are no longer configured, as far as it is known, by the server's text.
 */
export function desire(
  servers: readonly JudgedServer[],
  found: readonly Destination[],
  drains: Drains,
  nowMs: number,
  policy: Omit<TablePolicy, 'preferLocal'>,
  departing: ReadonlyMap<string, Health> = new Map(),
): Desired {
  const suspects = suspectsOf(servers, policy);
  const trusted = servers.filter((judged) => !suspects.has(judged));
  const pool = assessPool(trusted);
  const foundDestinations = new Map(found.map((destination) => [destination.server.text, destination]));
  const wanted = servers.map((judged) => ({
    server: judged.server,
    intent: suspects.has(judged)
      ? REST
      : intentFor(
          judged,
          foundDestinations.get(judged.server.text),
          pool,
          policy.weights.get(judged.server.text) ?? 1,
        ),
  }));

  const configured = new Set(servers.map(({ server }) => server.text));
  const unwanted = found
    .filter((destination) => !configured.has(destination.server.text))
    .map((destination) => ({
      server: destination.server,
      intent: departureIntent(destination, departing.get(destination.server.text)),
    }));

  const nextDrains = new Map<string, number>();
  const destinations = [...wanted, ...unwanted].map((destination) => {
    if (destination.intent.kind === 'standby' && !skipsWeightZero(policy.scheduler))
      return { ...destination, intent: REMOVE };
    // What is not there has nothing to drain.
    if (!isOnItsWayOut(destination.intent) || !foundDestinations.has(destination.server.text))
      return destination;
    if (!skipsWeightZero(policy.scheduler)) return { ...destination, intent: REMOVE };
    // An operator ends a drain by hand, and clients of a server that answers are served.
    if (destination.intent.kind === 'rest') return destination;
    const sinceMs = drains.get(destination.server.text) ?? nowMs;
    nextDrains.set(destination.server.text, sinceMs);
    return nowMs - sinceMs >= policy.drainTimeoutMs ? { ...destination, intent: REMOVE } : destination;
  });
  const preferred = trusted.filter(isPreferredAndUp).map(({ server }) => server);
  return { destinations, drains: nextDrains, failOpen: isFailOpen(pool), preferred };
}

function isOnItsWayOut({ kind }: Intent): boolean {
  return kind === 'drain' || kind === 'rest';
}

const STANDBY: Intent = { kind: 'standby' };
const KEEP: Intent = { kind: 'keep' };
const DRAIN: Intent = { kind: 'drain', untilIdle: false };
const DRAIN_UNTIL_IDLE: Intent = { kind: 'drain', untilIdle: true };
const REST: Intent = { kind: 'rest' };
const REMOVE: Intent = { kind: 'remove' };

/** How the servers stand together. */
interface PoolState {
  /** None is up, and some may yet turn out to be. */
  readonly undecided: boolean;
  /** The best rank of all: servers with this rank serve. 0 when all refuse connections. */
  readonly bestRank: number;
  /** Whether only drained servers have it: these serve only where no other server would serve as well. */
  readonly drainedServe: boolean;
  /** Whether a preferred server serves: then only preferred ones do. */
  readonly preferredServe: boolean;
}

/** Better than whatever is down. */
const UP_RANK = Infinity;

function assessPool(servers: readonly JudgedServer[]): PoolState {
  const drained = servers.filter((judged) => judged.drained);
  const others = servers.filter((judged) => !judged.drained);
  const decisive = [others, drained].find((group) => group.some(isIn('up')) || group.some(isIn('unknown')));
  const bestRank = servers.reduce((best, judged) => Math.max(best, rankOf(judged)), 0);
  return {
    undecided: decisive?.some(isIn('up')) === false,
    bestRank,
    drainedServe: !others.some((judged) => rankOf(judged) === bestRank),
    preferredServe: servers.some(isPreferredAndUp),
  };
}

function isFailOpen({ undecided, bestRank, drainedServe }: PoolState): boolean {
  return !undecided && bestRank > 0 && (bestRank < UP_RANK || drainedServe);
}

function isPreferredAndUp({ health, drained, preferred }: JudgedServer): boolean {
  return preferred && !drained && health.state === 'up';
}

function rankOf({ health }: JudgedServer): number {
  return health.state === 'up' ? UP_RANK : failOpenRank(health);
}

/** Those that get no new connections because they are suspect. */
function suspectsOf(
  servers: readonly JudgedServer[],
  { scheduler }: Pick<TablePolicy, 'scheduler'>,
): ReadonlySet<JudgedServer> {
  // Only a removal would take them out, and that would reset their connections.
  if (!skipsWeightZero(scheduler)) return new Set();
  const serving = servers.filter(({ health, drained }) => health.state === 'up' && !drained);
  return believedSuspects(new Map(serving.map((judged) => [judged, judged.suspectSinceMs])));
}

function isIn(state: HealthState): (judged: JudgedServer) => boolean {
  return ({ health }) => health.state === state;
}

function intentFor(
  judged: JudgedServer,
  destination: Destination | undefined,
  pool: PoolState,
  weight: number,
): Intent {
  const { health, drained, preferred } = judged;
  const { undecided, bestRank, drainedServe, preferredServe } = pool;
  const isPassedOver = preferredServe && !preferred;
  if (health.state === 'unknown') return isPassedOver || (drained && !undecided) ? REST : KEEP;
  const rank = rankOf(judged);
  if (rank === 0) return leave(destination);
  if (undecided) return KEEP;
  if (rank === bestRank) {
    if (drained !== drainedServe) return REST;
    return isPassedOver ? STANDBY : { kind: 'serve', weight };
  }
  // It answers, and is not trusted yet, or it is drained by hand: its clients need not notice.
  if (health.state === 'up' || health.okSinceMs !== null) return REST;
  if (health.state === 'sick') return DRAIN;
  if (health.silence?.sure !== true) return leave(destination);
  // Its clients wait for a reset, which only its removal gives them. But if it is this node that is cut off, they would
  // rather wait for the cable: nothing is torn down on the word of silence alone.
  return health.silence.witnessed ? REMOVE : REST;
}

/** Of a server that is not configured: it never serves, and its row goes once it is idle. */
function departureIntent(destination: Destination, health: Health | undefined): Intent {
  if (destination.weight === 0 && destination.connections === 0) return REMOVE;
  if (health?.state !== 'sick' && health?.state !== 'dead') return DRAIN_UNTIL_IDLE;
  if (failOpenRank(health) === 0) return leave(destination);
  // As above.
  return health.silence?.sure === true && health.silence.witnessed ? REMOVE : DRAIN_UNTIL_IDLE;
}

/**
 * Out, but not before its last connection. Its host answers, and resets what it does not know by itself; and a server
 * that stops gracefully closes its listener first, and finishes its answers then.
 */
function leave(destination: Destination | undefined): Intent {
  return destination === undefined || destination.active === 0 ? REMOVE : DRAIN_UNTIL_IDLE;
}
