import type { Semaphore } from '../async/semaphore.js';
import type { Endpoint } from '../values/endpoint.js';
import type { Emit } from './events.js';
import {
  Monitor,
  type Knowledge,
  type MonitorParts,
  type MonitorPolicy,
  type PeerMonitor,
  type Peers,
} from './monitor.js';
import type { Health } from '../decisions/health.js';
import type { Prober } from './ports.js';

/** How servers are probed, and at which pace. */
export interface Probing {
  readonly prober: Prober;
  readonly policy: MonitorPolicy;
}

/** A virtual server that uses monitors. */
export interface MonitorUser {
  readonly emit: Emit;
  readonly peers: Peers;
  /** Called when a monitor ended by a bug. */
  readonly onFailure: (error: unknown) => void;
}

/** What a new monitor goes on with: another one probed its server before. */
interface Predecessor {
  readonly known: Knowledge;
  /** The new one begins when this resolves: a virtual server has a real server probed by one at a time. */
  readonly ended: Promise<void>;
}

/** The use of a monitor by one virtual server. */
export interface MonitorUse {
  readonly monitor: Monitor;
  readonly probing: Probing;
  /** Resolves at once while another virtual server uses the monitor, and otherwise when nothing of it is running any more. Never rejects. */
  end(): Promise<void>;
}

type Parts = Pick<MonitorParts, 'clock' | 'random'>;

/** Monitors that probe in the same way and at the same pace, by the text of the server. */
interface Group {
  readonly probing: Probing;
  readonly monitors: Map<string, SharedMonitor>;
}

/**
 * The monitors of all virtual servers of this process. Virtual servers that have the same real server, and probe it in the same way and
 * at the same pace, share its monitor: one kept connection, one probe at a time, one health.
 */
export class SharedMonitors {
  readonly #parts: Parts;
  readonly #groups = new Set<Group>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Monitors a server from now on, by the monitor of another virtual server if there is one.
   *
   * @param before Matters only for a new monitor.
   */
  use(server: Endpoint, probing: Probing, user: MonitorUser, before: Predecessor | null = null): MonitorUse {
    const group = this.#groupOf(probing);
    let shared = group.monitors.get(server.text);
    if (shared === undefined) {
      shared = new SharedMonitor(server, this.#parts, probing, user.peers.firstProbes, before?.known);
      group.monitors.set(server.text, shared);
      shared.begin(before?.ended ?? null);
    }
    const used = shared;
    used.users.add(user);
    return {
      monitor: used.monitor,
      probing,
      end: () => {
        used.users.delete(user);
        if (used.users.size > 0) return Promise.resolve();
        group.monitors.delete(server.text);
        if (group.monitors.size === 0) this.#groups.delete(group);
        return used.end();
      },
    };
  }

  #groupOf(probing: Probing): Group {
    for (const group of this.#groups) if (isSameProbing(group.probing, probing)) return group;
    const group: Group = { probing, monitors: new Map() };
    this.#groups.add(group);
    return group;
  }
}

const PACE = ['intervalMs', 'fastIntervalMs', 'handshakeIntervalMs', 'fall', 'rise', 'maxHoldMs'] as const;

export function isSameProbing(one: Probing, other: Probing): boolean {
  return one.prober === other.prober && PACE.every((field) => one.policy[field] === other.policy[field]);
}

/** A monitor and the virtual servers that use it: each gets its events, and the servers of each are witnesses. */
class SharedMonitor implements Peers {
  readonly monitor: Monitor;
  readonly firstProbes: Semaphore;
  readonly users = new Set<MonitorUser>();
  readonly #ending = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(
    server: Endpoint,
    parts: Parts,
    { prober, policy }: Probing,
    firstProbes: Semaphore,
    known?: Knowledge,
  ) {
    this.firstProbes = firstProbes;
    const emit: Emit = (event) => {
      for (const user of this.users) user.emit(event);
    };
    this.monitor = new Monitor(server, policy, { ...parts, prober, emit }, this, known);
  }

  begin(after: Promise<void> | null): void {
    const run = (): Promise<void> => this.monitor.run(this.#ending.signal);
    this.#running = (after === null ? run() : after.then(run)).catch((error: unknown) => {
      for (const user of this.users) user.onFailure(error);
    });
  }

  end(): Promise<void> {
    this.#ending.abort();
    return this.#running;
  }

  witnessedMs(silent: PeerMonitor): number | null {
    const times = [...this.users].flatMap(({ peers }) => peers.witnessedMs(silent) ?? []);
    return times.length === 0 ? null : Math.min(...times);
  }

  askWitness(late: PeerMonitor): Promise<void> | null {
    const asked = [...this.users].flatMap(({ peers }) => peers.askWitness(late) ?? []);
    return asked.length === 0 ? null : Promise.race(asked);
  }

  judged(monitor: PeerMonitor, before: Health, after: Health): void {
    for (const { peers } of this.users) peers.judged(monitor, before, after);
  }

  suspected(): void {
    for (const { peers } of this.users) peers.suspected();
  }
}
