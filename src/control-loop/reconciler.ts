import { desire, type Drains, type JudgedServer, type TablePolicy } from '../decisions/desired.js';
import { reconcile, type Action } from '../decisions/reconcile.js';
import { hasRival, recall, type Deletions } from '../decisions/deletion-contention.js';
import { serviceSettings, type Row } from '../values/table.js';
import type {
  ActionResult,
  Cause,
  ClientConnections,
  Clock,
  FoundConnections,
  Pass,
  Reporter,
  Upkeep,
  VirtualServerTable,
} from './ports.js';

export interface ReconcilerPolicy extends TablePolicy {
  /** Between passes that nothing but time asks for, in milliseconds. */
  readonly intervalMs: number;
}

export interface ReconcilerParts {
  readonly table: VirtualServerTable;
  readonly connections: ClientConnections;
  /** In the order in which they are checked. */
  readonly upkeeps: readonly Upkeep[];
  readonly clock: Clock;
  readonly reporter: Reporter;
}

/** The least time from one pass to the next that only notifications ask for: a storm of them must not keep us busy. */
const NOTIFICATION_GAP_MS = 50;
/** Between looks at a row that is to go when it is idle. */
const IDLE_CHECK_MS = 250;
/**
 * Between checks that the virtual server is still there: IPVS sends no notification of its deletion. With the pass that
 * follows, it is back within half a second.
 */
const SERVICE_CHECK_MS = 400;
/** The first wait after a pass that failed; it doubles up to the interval. */
const FIRST_RETRY_MS = 250;
/** How long upkeeps and ends of connections that are under way are waited for at the end. */
const LAST_WAIT_MS = 1000;
/** How long the removal of rows waits for the connections of their clients to be found. Their weight is 0 meanwhile. */
const MOST_FINDING_MS = 1000;
/** How often in a row a pass that raced with somebody is repeated at once. */
const MOST_RACES = 3;

interface Applied {
  readonly results: readonly ActionResult[];
  /** The connections of clients to servers whose rows went; null when the kernel counted none. */
  readonly finding: Promise<FoundConnections> | null;
}

/** Keeps the kernel as the verdicts want it: reads, compares, acts. Passes never overlap. */
export class Reconciler {
  readonly #policy: ReconcilerPolicy;
  readonly #parts: ReconcilerParts;
  readonly #judged: () => readonly JudgedServer[];
  readonly #causes = new Set<Cause>(['start']);
  #alarm = new AbortController();
  #drains: Drains = new Map();
  /** When these were looked at, in milliseconds of the monotonic clock. */
  #drainsMs = 0;
  /** A row goes as soon as nobody uses it, which nobody but the table tells. */
  #awaitsIdle = false;
  /** What the last pass without a failure wanted, to tell drift from change. */
  #settled: string | null = null;
  #deletions: Deletions = [];
  /** The last pass left the virtual server as it is to be: if it is not so any more, another program changed it. */
  #asWanted = false;
  #failures = 0;
  #races = 0;
  /** All upkeeps are to be looked at; a verdict alone is no reason to. */
  #upkeepsDue = false;
  /** When that came to be so the last time, in milliseconds of the monotonic clock: news may be all that passes are for. */
  #upkeepsDueMs = -Infinity;
  #upholding: Promise<void> | null = null;
  /** Those that notifications tell of are to be looked at, whatever becomes of the others. */
  #toldDue = false;
  /** All have been looked at in their order: the way is not to be there before what its clients need with it. */
  #lookedAtAll = false;
  #upholdingTold: Promise<void> | null = null;
  /** Connections that are being ended. */
  readonly #ending = new Set<Promise<void>>();
  /** Those that are being looked at: one look at a time at each. */
  readonly #looking = new Map<Upkeep, Promise<void>>();
  /** Those of which nothing good came the last time. */
  readonly #unwell = new Set<Upkeep>();
  /** The names of those that have been well. */
  readonly #stood = new Set<string>();
  /** Those who wait for the table to follow. */
  readonly #settling: (() => void)[] = [];
  /** Ends the wait for the upkeeps: a verdict, a notification or a drift came, or the end. */
  #onNews: (() => void) | null = null;

  constructor(policy: ReconcilerPolicy, parts: ReconcilerParts, judged: () => readonly JudgedServer[]) {
    this.#policy = policy;
    this.#parts = parts;
    this.#judged = judged;
  }

  /** Asks for a pass. One that is running does not count: it may have read too early. */
  request(cause: Cause): void {
    this.#causes.add(cause);
    this.#alarm.abort();
    if (isNews(cause)) this.#onNews?.();
  }

  /** Asks for a pass because of a verdict; resolves when it has brought the table to it, or has failed to. */
  settle(): Promise<void> {
    return new Promise((resolve) => {
      this.#settling.push(resolve);
      this.request('verdict');
    });
  }

  /** Runs passes until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => {
      this.#alarm.abort();
      this.#onNews?.();
    };
    signal.addEventListener('abort', onAbort);
    try {
      await Promise.all([this.#runPasses(signal), this.#watchService(signal)]);
      // What hangs is not to keep us from ending.
      await this.#briefly(Promise.all([...this.#underWay(), ...this.#ending]), LAST_WAIT_MS);
    } finally {
      signal.removeEventListener('abort', onAbort);
      for (const settled of this.#settling.splice(0)) settled();
    }
  }

  async #runPasses(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const causes = [...this.#causes];
      this.#causes.clear();
      const waitMs = await this.#pass(causes, signal);
      await this.#wait(waitMs, signal);
    }
  }

  /** Asks for a pass when another program deleted the virtual server or changed its settings. */
  async #watchService(signal: AbortSignal): Promise<void> {
    const { table, clock } = this.#parts;
    const settings = serviceSettings(this.#policy.scheduler);
    for (;;) {
      await clock.sleep(SERVICE_CHECK_MS, signal);
      if (signal.aborted) return;
      if (!this.#asWanted) continue;
      try {
        if (!(await table.hasSettings(settings))) this.request('drift');
      } catch {
        // The next pass says why, and is repeated ever less often.
        this.#asWanted = false;
      }
    }
  }

  /** Sleeps until something asks for a pass, or until it is time for one. */
  async #wait(timeMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const endedMs = clock.now();
    for (;;) {
      const untilMs = endedMs + this.#patience(timeMs);
      const leftMs = untilMs - clock.now();
      if (signal.aborted || leftMs <= 0) break;
      this.#alarm = new AbortController();
      await clock.sleep(leftMs, this.#alarm.signal);
    }
    if (this.#causes.size === 0) this.#causes.add(this.#failures > 0 ? 'retry' : 'timer');
  }

  #patience(timeMs: number): number {
    if (this.#causes.size === 0) return timeMs;
    const onlyNotified = this.#causes.size === 1 && this.#causes.has('notification');
    return onlyNotified ? Math.min(NOTIFICATION_GAP_MS, timeMs) : 0;
  }

  /** One pass. Resolves to the time until the next one that nothing else asks for, in milliseconds. */
  async #pass(causes: readonly Cause[], signal: AbortSignal): Promise<number> {
    const { clock, reporter } = this.#parts;
    const startMs = clock.now();
    const settling = this.#settling.splice(0);
    let results: readonly ActionResult[];
    try {
      results = await this.#bringTable(causes, startMs);
    } catch (error) {
      const retryInMs = this.#retryDelay();
      reporter.tableUnreadable(error as Error, retryInMs);
      return retryInMs;
    } finally {
      for (const settled of settling) settled();
    }
    if (causes.includes('notification')) this.#toldDue = true;
    if (!causes.every(isNews) || startMs - this.#upkeepsDueMs >= this.#policy.intervalMs) {
      this.#upkeepsDue = true;
      this.#upkeepsDueMs = startMs;
    }
    await this.#uphold(signal);
    if (this.#unwell.size === 0 && results.every(({ error }) => error === null)) {
      this.#failures = 0;
      this.#races = 0;
      return this.#untilDrainsMayEnd();
    }
    if (results.some(({ raced }) => raced) && this.#races < MOST_RACES) {
      this.#races += 1;
      return 0;
    }
    return this.#retryDelay();
  }

  async #bringTable(causes: readonly Cause[], startMs: number): Promise<readonly ActionResult[]> {
    const { table, clock, reporter } = this.#parts;
    this.#asWanted = false;
    const observed = await table.read();
    this.#drainsMs = clock.now();
    const desired = desire(this.#judged(), observed?.rows ?? [], this.#drains, this.#drainsMs, this.#policy);
    this.#drains = desired.drains;
    this.#awaitsIdle = desired.rows.some(({ intent }) => intent.kind === 'drain' && intent.untilIdle);
    const actions = reconcile(serviceSettings(this.#policy.scheduler), desired, observed);
    const { results, finding } = await this.#apply(actions, observed?.rows ?? []);

    const wanted = JSON.stringify(desired.rows);
    const drift = actions.length > 0 && wanted === this.#settled;
    const deleted = drift && results.some(({ action }) => action.kind === 'create-service');
    this.#deletions = recall(this.#deletions, deleted, this.#drainsMs);
    const pass: Pass = {
      causes,
      results,
      drift,
      lastResort: desired.lastResort,
      rival: hasRival(this.#deletions),
      durationMs: clock.now() - startMs,
    };
    this.#asWanted = results.every(({ error }) => error === null);
    this.#settled = this.#asWanted ? wanted : null;
    reporter.reconciled(pass);
    if (finding !== null) this.#endConnections(finding, results);
    return results;
  }

  /**
   * Carries out the actions. Rows that have connections are removed last: when the search for these has ended, or has taken too
   * long.
   */
  async #apply(actions: readonly Action[], rows: readonly Row[]): Promise<Applied> {
    const { table, connections } = this.#parts;
    if (actions.length === 0) return { results: [], finding: null };
    const removals = actions.filter((action) => action.kind === 'delete-row');
    const used = new Set(rows.filter(({ active }) => active > 0).map(({ server }) => server.text));
    const leaving = removals.map(({ server }) => server).filter(({ text }) => used.has(text));
    if (leaving.length === 0) return { results: await table.apply(actions), finding: null };
    const others = actions.filter((action) => action.kind !== 'delete-row');
    const open = new Set(rows.filter(({ weight }) => weight > 0).map(({ server }) => server.text));
    const closings = removals
      .filter(({ server }) => open.has(server.text))
      .map(({ server }): Action => ({ kind: 'update-row', server, weight: 0 }));
    const applied = await table.apply([...others, ...closings]);
    const finding = connections.find(leaving);
    // A look that is late may still have found some.
    await this.#briefly(finding, MOST_FINDING_MS);
    const removed = await table.apply(removals);
    return { results: [...applied.slice(0, others.length), ...removed], finding };
  }

  /** Ends what was found, as far as the rows are gone. No pass waits for it. */
  #endConnections(finding: Promise<FoundConnections>, results: readonly ActionResult[]): void {
    const { reporter } = this.#parts;
    // Somebody else was quicker where it raced: the row is gone all the same.
    const gone = results.flatMap(({ action, error, raced }) =>
      action.kind === 'delete-row' && (error === null || raced) ? [action.server] : [],
    );
    const ending = finding
      .then((found) => found.end(gone))
      .then(
        (count) => {
          reporter.connectionsEnded(gone, count, null);
        },
        (error: unknown) => {
          reporter.connectionsEnded(gone, 0, error as Error);
        },
      )
      .finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /**
   * Has the upkeeps looked at that are due, and waits for it; but not when there is news, nor for longer than the table may
   * go without being looked at: it is not to wait for a program that hangs, or for a kernel that loads a module. What is left
   * is waited for in the next pass.
   */
  async #uphold(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const ending = new AbortController();
    let timeUp = false;
    const late = clock.sleep(this.#untilDrainsMayEnd(), ending.signal).then(() => {
      timeUp = true;
    });
    const over = (): boolean => timeUp || signal.aborted || [...this.#causes].some(isNews);
    // Also with news already: where there are always some, it would never be done.
    this.#lookAtDue();
    while (!over()) {
      const upholding = this.#underWay();
      if (upholding.length === 0) break;
      const news = new Promise<void>((resolve) => (this.#onNews = resolve));
      await Promise.race([...upholding, news, late]);
      this.#lookAtDue();
    }
    this.#onNews = null;
    ending.abort();
  }

  /** Waits until this is settled, but not for longer than that. */
  async #briefly(work: Promise<unknown>, mostMs: number): Promise<void> {
    const settled = new AbortController();
    const over = (): void => {
      settled.abort();
    };
    work.then(over, over);
    await this.#parts.clock.sleep(mostMs, settled.signal);
  }

  #underWay(): Promise<void>[] {
    return [this.#upholding, this.#upholdingTold].filter((looking) => looking !== null);
  }

  /** Begins to look at what is due, as far as that is not under way. */
  #lookAtDue(): void {
    const { upkeeps } = this.#parts;
    if (this.#toldDue && this.#lookedAtAll && this.#upholdingTold === null) {
      this.#toldDue = false;
      const told = upkeeps.filter(({ isTold }) => isTold);
      this.#upholdingTold = this.#lookAtEach(told).finally(() => {
        this.#upholdingTold = null;
      });
    }
    if (this.#upkeepsDue && this.#upholding === null) {
      this.#upkeepsDue = false;
      this.#upholding = this.#lookAtEach(upkeeps).finally(() => {
        this.#upholding = null;
        this.#lookedAtAll = true;
      });
    }
  }

  /** Checks each upkeep and mends what is amiss; one that fails does not keep the others from it. */
  async #lookAtEach(upkeeps: readonly Upkeep[]): Promise<void> {
    for (const upkeep of upkeeps) {
      const before = this.#looking.get(upkeep) ?? Promise.resolve();
      const looking = before.then(() => this.#lookAt(upkeep));
      this.#looking.set(upkeep, looking);
      await looking;
    }
  }

  async #lookAt(upkeep: Upkeep): Promise<void> {
    if (await mendIfAmiss(upkeep, this.#parts.reporter, this.#stood)) this.#unwell.delete(upkeep);
    else this.#unwell.add(upkeep);
  }

  #retryDelay(): number {
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, this.#policy.intervalMs);
    this.#failures = Math.min(this.#failures + 1, 30);
    return delayMs;
  }

  #untilDrainsMayEnd(): number {
    const nowMs = this.#parts.clock.now();
    const ends = [...this.#drains.values()]
      .map((sinceMs) => sinceMs + this.#policy.drainTimeoutMs)
      // Those that were over by then have been seen to.
      .filter((endMs) => endMs > this.#drainsMs)
      .map((endMs) => endMs - nowMs);
    const upkeepsMs = this.#upkeepsDueMs + this.#policy.intervalMs - nowMs;
    const idleMs = this.#awaitsIdle ? IDLE_CHECK_MS : Infinity;
    return Math.max(0, Math.min(this.#policy.intervalMs, upkeepsMs, idleMs, ...ends));
  }
}

/** What is not to wait for upkeeps that others are to be looked at for. */
function isNews(cause: Cause): boolean {
  return cause === 'verdict' || cause === 'notification' || cause === 'drift';
}

/**
 * Resolves to whether all is well now.
 *
 * @param stood The names of what has been well before: what was not is made, not repaired. Kept current.
 */
export async function mendIfAmiss(
  upkeep: Upkeep,
  reporter: Reporter,
  stood = new Set<string>(),
): Promise<boolean> {
  let amiss: string | null;
  try {
    amiss = await upkeep.check();
  } catch (error) {
    reporter.uncheckable(upkeep.name, error as Error);
    return false;
  }
  if (amiss === null) {
    stood.add(upkeep.name);
    reporter.upheld(upkeep.name);
    return true;
  }
  try {
    await upkeep.mend();
  } catch (error) {
    reporter.mended(upkeep.name, amiss, error as Error);
    return false;
  }
  if (upkeep.isRemoval === true) reporter.removed(upkeep.name, amiss);
  else if (stood.has(upkeep.name)) reporter.mended(upkeep.name, amiss, null);
  else reporter.made(upkeep.name, amiss);
  stood.add(upkeep.name);
  return true;
}
