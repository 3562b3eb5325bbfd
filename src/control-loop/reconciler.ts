import type { TablePolicy } from '../decisions/desired.js';
import { briefly } from './briefly.js';
import { HostResourceKeeper } from './host-resource-keeper.js';
import type { Cause } from './events.js';
import type { ActionResult, HostResource } from './ports.js';
import { TableReconciler, TableUnreadable, type KnownServers, type TableParts } from './table-reconciler.js';

export interface ReconcilerPolicy extends TablePolicy {
  /** Between routine passes, in milliseconds. */
  readonly intervalMs: number;
}

export interface ReconcilerParts extends TableParts {
  /** In the order in which they are checked. */
  readonly resources: readonly HostResource[];
}

/** The least time from one pass to the next that only notifications ask for: a storm of them must not keep us busy. */
const NOTIFICATION_GAP_MS = 50;
/**
 * Between checks that the virtual server is still there: IPVS sends no notification of its deletion. With the pass that
 * follows, it is back within half a second.
 */
const SERVICE_CHECK_MS = 400;
/** The first wait after a pass that failed; it doubles up to the interval. */
const FIRST_RETRY_MS = 250;
/** How long checks of host resources and ends of connections that are under way are waited for at the end. */
const LAST_WAIT_MS = 1000;
/** How often in a row a pass that raced with another program is repeated at once. */
const MOST_RACES = 3;

/**
 * Decides when a pass runs: each brings the table to what the verdicts want, and has the host resources checked that are
 * due. Passes never overlap.
 */
export class Reconciler {
  #policy: ReconcilerPolicy;
  readonly #parts: ReconcilerParts;
  readonly #table: TableReconciler;
  #resources: HostResourceKeeper;
  readonly #causes = new Set<Cause>(['start']);
  #alarm = new AbortController();
  /** How often the table, and the host resources, have failed in a row. */
  readonly #failures = { table: 0, resources: 0 };
  #races = 0;
  #hasEnded = false;
  /** When all host resources were last due, in milliseconds of the monotonic clock: passes for news do not check all. */
  #resourcesDueMs = -Infinity;
  /** Called when the next pass has ended. */
  readonly #settling: (() => void)[] = [];
  /** Ends the wait for host resources: a verdict, a notification or a drift came, or the end. */
  #onNews: (() => void) | null = null;

  constructor(policy: ReconcilerPolicy, parts: ReconcilerParts, known: KnownServers) {
    this.#policy = policy;
    this.#parts = parts;
    this.#table = new TableReconciler(policy, parts, known);
    this.#resources = new HostResourceKeeper(parts.resources, parts.emit);
  }

  /** Asks for a pass. One that is running does not count: it may have read too early. */
  request(cause: Cause): void {
    this.#causes.add(cause);
    this.#alarm.abort();
    if (isUrgent(cause)) this.#onNews?.();
  }

  /** Asks for a pass because of a verdict; resolves when it has brought the table to it, or has failed to. */
  settle(): Promise<void> {
    return new Promise((resolve) => {
      this.#settling.push(resolve);
      this.request('verdict');
    });
  }

  /**
   * Goes on with other settings. Resolves when the table was brought to them, or could not be.
   *
   * @param resources null if they stay as they are.
   */
  async update(policy: ReconcilerPolicy, resources: readonly HostResource[] | null): Promise<void> {
    this.#policy = policy;
    this.#table.update(policy);
    if (resources !== null) {
      const before = this.#resources;
      // A check under way must not change what the new ones have checked.
      before.end();
      await briefly(Promise.all(before.underWay), LAST_WAIT_MS, this.#parts.clock);
      this.#resources = new HostResourceKeeper(resources, this.#parts.emit);
    }
    if (this.#hasEnded) return;
    await new Promise<void>((resolve) => {
      this.#settling.push(resolve);
      this.request('configuration');
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
      // What hangs must not keep the process from ending.
      const underWay = Promise.all([...this.#resources.underWay, ...this.#table.underWay]);
      await briefly(underWay, LAST_WAIT_MS, this.#parts.clock);
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#hasEnded = true;
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
    for (;;) {
      await this.#parts.clock.sleep(SERVICE_CHECK_MS, signal);
      if (signal.aborted) return;
      if (await this.#table.hasDrifted()) this.request('drift');
    }
  }

  /** Sleeps until something asks for a pass, or until it is time for one. */
  async #wait(timeMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const endedMs = clock.now();
    for (;;) {
      const untilMs = endedMs + this.#delayMs(timeMs);
      const leftMs = untilMs - clock.now();
      if (signal.aborted || leftMs <= 0) break;
      this.#alarm = new AbortController();
      await clock.sleep(leftMs, this.#alarm.signal);
    }
    if (this.#causes.size === 0) {
      const { table, resources } = this.#failures;
      this.#causes.add(table + resources + this.#races > 0 ? 'retry' : 'timer');
    }
  }

  #delayMs(timeMs: number): number {
    if (this.#causes.size === 0) return timeMs;
    const onlyNotified = this.#causes.size === 1 && this.#causes.has('notification');
    return onlyNotified ? Math.min(NOTIFICATION_GAP_MS, timeMs) : 0;
  }

  /** One pass. Resolves to the time until the next one that nothing else asks for, in milliseconds. */
  async #pass(causes: readonly Cause[], signal: AbortSignal): Promise<number> {
    const { clock, emit } = this.#parts;
    const startMs = clock.now();
    const settling = this.#settling.splice(0);
    // Before the table is read: a notification must not be lost with a pass that fails.
    if (causes.includes('notification')) this.#resources.checkNotified();
    let results: readonly ActionResult[];
    try {
      results = await this.#table.pass(causes);
    } catch (error) {
      const retryInMs = this.#retryDelay('table');
      if (error instanceof TableUnreadable)
        emit({ kind: 'table-unreadable', error: error.reason, retryInMs });
      else emit({ kind: 'fault', where: 'pass of the reconciler', error: error as Error });
      return retryInMs;
    } finally {
      for (const settled of settling) settled();
    }
    if (!causes.every(isNews) || startMs - this.#resourcesDueMs >= this.#policy.intervalMs) {
      this.#resources.checkAll();
      this.#resourcesDueMs = startMs;
    }
    await this.#checkResources(signal);
    if (results.every(({ error }) => error === null)) {
      this.#failures.table = 0;
      this.#races = 0;
      if (!this.#resources.allWell) return Math.min(this.#retryDelay('resources'), this.#untilNextPass());
      this.#failures.resources = 0;
      return this.#untilNextPass();
    }
    if (results.some(({ outcome }) => outcome === 'raced') && this.#races < MOST_RACES) {
      this.#races += 1;
      return 0;
    }
    return this.#retryDelay('table');
  }

  /**
   * Has the host resources checked that are due, and waits for it; but not when there is news, nor for longer than the table may
   * go unread: a program may hang, or the kernel may load a module. The next pass waits for the rest.
   */
  async #checkResources(signal: AbortSignal): Promise<void> {
    const ending = new AbortController();
    let timeUp = false;
    const late = this.#parts.clock.sleep(this.#untilNextPass(), ending.signal).then(() => {
      timeUp = true;
    });
    const isInterrupted = (): boolean => timeUp || signal.aborted || [...this.#causes].some(isUrgent);
    // Also when there is news already, or constant news would starve these checks.
    this.#resources.begin();
    while (!isInterrupted()) {
      const checking = this.#resources.underWay;
      if (checking.length === 0) break;
      const news = new Promise<void>((resolve) => (this.#onNews = resolve));
      await Promise.race([...checking, news, late]);
      this.#resources.begin();
    }
    this.#onNews = null;
    ending.abort();
  }

  #retryDelay(of: 'table' | 'resources'): number {
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures[of], this.#policy.intervalMs);
    this.#failures[of] = Math.min(this.#failures[of] + 1, 30);
    return delayMs;
  }

  #untilNextPass(): number {
    const { intervalMs } = this.#policy;
    const nowMs = this.#parts.clock.now();
    const resourcesMs = this.#resourcesDueMs + intervalMs - nowMs;
    return Math.max(0, Math.min(intervalMs, resourcesMs, this.#table.untilDrainsMayEnd(nowMs)));
  }
}

/** Causes whose pass must not wait for checks of host resources. */
function isUrgent(cause: Cause): boolean {
  return isNews(cause) || cause === 'configuration';
}

/** Causes whose pass of the table must not wait for checks of host resources. */
function isNews(cause: Cause): boolean {
  return cause === 'verdict' || cause === 'notification' || cause === 'drift';
}
