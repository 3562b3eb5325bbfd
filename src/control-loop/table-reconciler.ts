import {
  desire,
  type Desired,
  type Drains,
  type JudgedServer,
  type TablePolicy,
} from '../decisions/desired.js';
import type { Health } from '../decisions/health.js';
import { isDeletedRepeatedly, recentDeletions, type Deletions } from '../decisions/deletion-contention.js';
import { reconcile, type Action } from '../decisions/reconcile.js';
import { sameSettings, serviceSettings, type Destination } from '../values/table.js';
import type { Endpoint } from '../values/endpoint.js';
import { briefly } from './briefly.js';
import type { Cause, Emit } from './events.js';
import type {
  ActionResult,
  ClientConnections,
  Clock,
  FoundConnections,
  VirtualServerTable,
} from './ports.js';

export interface TableParts {
  /** Hears how many connections the virtual server has had, as often as it is read. */
  readonly onConnections?: (count: bigint) => void;
  readonly table: VirtualServerTable;
  readonly connections: ClientConnections;
  /** Those of the servers that run on this node. */
  readonly ownServers: (servers: readonly Endpoint[]) => Promise<readonly Endpoint[]>;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** A server as its monitor and the operator judge it. */
export type KnownServer = Omit<JudgedServer, 'preferred'>;

/** The real servers, as a table reconciler learns of them. */
export interface KnownServers {
  /** Those that are configured, in their order. */
  configured(): readonly KnownServer[];
  /** The health of those that no longer are, by their text. */
  departing(): ReadonlyMap<string, Health>;
  /** Called after a pass with the servers that have a row, by their text. */
  onRows(servers: ReadonlySet<string>): void;
}

/** How long a removal waits for the search for clients' connections; the destination has weight 0 meanwhile. */
const MOST_FINDING_MS = 1000;
/** Between checks of a destination that is removed when it is idle. */
const IDLE_CHECK_MS = 250;

interface Applied {
  readonly results: readonly ActionResult[];
  /** The connections of clients to servers whose destinations went; null when the kernel counted none. */
  readonly finding: Promise<FoundConnections> | null;
}

/** The table could not be read: all that a pass may fail with, other than by a bug. */
export class TableUnreadable extends Error {
  readonly reason: Error;

  constructor(reason: Error) {
    super(reason.message, { cause: reason });
    this.reason = reason;
  }
}

/** Brings the kernel's table to what the verdicts want: reads, compares, acts. One pass at a time. */
export class TableReconciler {
  #policy: TablePolicy;
  readonly #parts: TableParts;
  readonly #known: KnownServers;
  /** Those that are preferred, by their text. */
  #ownServers: ReadonlySet<string> = new Set();
  #drains: Drains = new Map();
  /** When these were read, in milliseconds of the monotonic clock. */
  #drainsMs = 0;
  /** A destination goes as soon as it has no connection, which only the table shows. */
  #awaitsIdle = false;
  /** What the last good pass wanted: if the same is wanted now and actions are needed, another program interfered. */
  #settled: string | null = null;
  #deletions: Deletions = [];
  /** The last pass left the virtual server as wanted: if it is not so any more, another program changed it. */
  #asWanted = false;
  #failOpen = false;
  #preferred: readonly Endpoint[] = [];
  #deletedRepeatedly = false;
  /** Connections that are being ended. */
  readonly #ending = new Set<Promise<void>>();

  constructor(policy: TablePolicy, parts: TableParts, known: KnownServers) {
    this.#policy = policy;
    this.#parts = parts;
    this.#known = known;
  }

  /** The next pass follows another policy. */
  update(policy: TablePolicy): void {
    this.#policy = policy;
    // Another program has not caused the difference.
    this.#settled = null;
    this.#asWanted = false;
  }

  /** One pass. Rejects with a {@link TableUnreadable} when the table cannot be read. */
  async pass(causes: readonly Cause[]): Promise<readonly ActionResult[]> {
    const { table, clock, emit } = this.#parts;
    const startMs = clock.now();
    this.#asWanted = false;
    const observed = await table.read().catch((error: unknown) => {
      throw new TableUnreadable(error as Error);
    });
    await this.#findOwnServers(causes);
    this.#drainsMs = clock.now();
    const found = observed?.destinations ?? [];
    const judged = this.#known
      .configured()
      .map((one) => ({ ...one, preferred: this.#ownServers.has(one.server.text) }));
    const departing = this.#known.departing();
    const desired = desire(judged, found, this.#drains, this.#drainsMs, this.#policy, departing);
    this.#drains = desired.drains;
    this.#awaitsIdle = desired.destinations.some(({ intent }) => intent.kind === 'drain' && intent.untilIdle);
    const actions = reconcile(serviceSettings(this.#policy.scheduler), desired, observed);
    const { results, finding } = await this.#apply(actions, found);
    this.#known.onRows(rowsAfter(found, results));

    const wanted = JSON.stringify(desired.destinations);
    const drift = actions.length > 0 && wanted === this.#settled;
    const deleted =
      drift && results.some(({ action, outcome }) => action.kind === 'create-service' && outcome === 'ok');
    this.#deletions = recentDeletions(this.#deletions, deleted, this.#drainsMs);
    this.#asWanted = results.every(({ outcome }) => outcome === 'ok');
    this.#settled = this.#asWanted ? wanted : null;
    emit({ kind: 'pass', causes, results, drift, durationMs: clock.now() - startMs });
    this.#emitChanges(desired, isDeletedRepeatedly(this.#deletions), judged);
    if (finding !== null) this.#endConnections(finding, results);
    return results;
  }

  /** A verdict moves no server, so its pass does not wait for the kernel's routes. */
  async #findOwnServers(causes: readonly Cause[]): Promise<void> {
    if (this.#policy.preferLocal && causes.every((cause) => cause === 'verdict')) return;
    const servers = this.#policy.preferLocal ? this.#known.configured().map(({ server }) => server) : [];
    const own = servers.length === 0 ? [] : await this.#parts.ownServers(servers);
    this.#ownServers = new Set(own.map(({ text }) => text));
  }

  #emitChanges(
    { failOpen, preferred }: Desired,
    deletedRepeatedly: boolean,
    judged: readonly JudgedServer[],
  ): void {
    const { emit } = this.#parts;
    if (failOpen !== this.#failOpen) {
      const anyDrained = judged.some(({ drained }) => drained);
      emit({ kind: 'fail-open', active: failOpen, anyDrained });
    }
    if (deletedRepeatedly !== this.#deletedRepeatedly)
      emit({ kind: 'deleted-repeatedly', active: deletedRepeatedly });
    if (textOf(preferred) !== textOf(this.#preferred)) emit({ kind: 'local-preferred', servers: preferred });
    this.#preferred = preferred;
    this.#failOpen = failOpen;
    this.#deletedRepeatedly = deletedRepeatedly;
  }

  /** Whether another program deleted the virtual server, or changed its settings, since a pass that went well. */
  async hasDrifted(): Promise<boolean> {
    if (!this.#asWanted) return false;
    try {
      const found = await this.#parts.table.readService();
      if (found !== null) this.#parts.onConnections?.(found.connections);
      return found === null || !sameSettings(found, serviceSettings(this.#policy.scheduler));
    } catch {
      // The next pass says why, and is repeated ever less often.
      this.#asWanted = false;
      return false;
    }
  }

  /** How long until a drain may end, in milliseconds; Infinity when there is none. */
  untilDrainsMayEnd(nowMs: number): number {
    const ends = [...this.#drains.values()]
      .map((sinceMs) => sinceMs + this.#policy.drainTimeoutMs)
      // The last pass ended those that were over by then.
      .filter((endMs) => endMs > this.#drainsMs)
      .map((endMs) => endMs - nowMs);
    return Math.min(this.#awaitsIdle ? IDLE_CHECK_MS : Infinity, ...ends);
  }

  /** The ends of connections that are under way; none rejects. */
  get underWay(): readonly Promise<void>[] {
    return [...this.#ending];
  }

  /**
   * Carries out the actions. Rows that have connections are removed last: when the search for these has ended, or has taken too
   * long.
   */
  async #apply(actions: readonly Action[], destinations: readonly Destination[]): Promise<Applied> {
    const { table, connections, clock } = this.#parts;
    if (actions.length === 0) return { results: [], finding: null };
    const removals = actions.filter((action) => action.kind === 'remove-destination');
    const used = new Set(destinations.filter(({ active }) => active > 0).map(({ server }) => server.text));
    const leaving = removals.map(({ server }) => server).filter(({ text }) => used.has(text));
    if (leaving.length === 0) return { results: await table.apply(actions), finding: null };
    const others = actions.filter((action) => action.kind !== 'remove-destination');
    const open = new Set(destinations.filter(({ weight }) => weight > 0).map(({ server }) => server.text));
    const closings = removals
      .filter(({ server }) => open.has(server.text))
      .map(({ server }): Action => ({ kind: 'update-destination', server, weight: 0 }));
    const applied = await table.apply([...others, ...closings]);
    const finding = connections.find(leaving);
    // A search that is late may still have found some.
    await briefly(finding, MOST_FINDING_MS, clock);
    const removed = await table.apply(removals);
    return { results: [...applied.slice(0, others.length), ...removed], finding };
  }

  /** Ends what was found, as far as the destinations are gone. No pass waits for it. */
  #endConnections(finding: Promise<FoundConnections>, results: readonly ActionResult[]): void {
    const { emit } = this.#parts;
    // Where it raced, another program was quicker: the destination is gone all the same.
    const gone = results.flatMap(({ action, outcome }) =>
      action.kind === 'remove-destination' && (outcome === 'ok' || outcome === 'raced')
        ? [action.server]
        : [],
    );
    const ending = finding
      .then((found) => found.end(gone))
      .then(
        (count) => {
          emit({ kind: 'connections-ended', servers: gone, count });
        },
        (error: unknown) => {
          emit({ kind: 'connections-left', servers: gone, error: error as Error });
        },
      )
      .finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}

/** The servers that have a row, by their text. */
function rowsAfter(found: readonly Destination[], results: readonly ActionResult[]): ReadonlySet<string> {
  const rows = new Set(found.map(({ server }) => server.text));
  for (const { action, outcome } of results) {
    if (outcome !== 'ok' && outcome !== 'raced') continue;
    if (action.kind === 'add-destination') rows.add(action.server.text);
    if (action.kind === 'remove-destination') rows.delete(action.server.text);
  }
  return rows;
}

function textOf(servers: readonly Endpoint[]): string {
  return servers.map(({ text }) => text).join();
}
