import type { Endpoint } from '../values/endpoint.js';
import type { ClientSensor, Sensing } from './client-sensor.js';
import type { HealthState } from '../decisions/health.js';
import type { Emit } from './events.js';
import type { ManualDrains } from './manual-drains.js';
import { MonitorPool } from './monitor-pool.js';
import type { MonitorPolicy } from './monitor.js';
import type { HostResource, KernelChanges, Prober, VirtualServerProbe } from './ports.js';
import { Reachability } from './reachability.js';
import type { SharedMonitors } from './shared-monitors.js';
import { Reconciler, type ReconcilerParts, type ReconcilerPolicy } from './reconciler.js';

export interface CarePolicy extends MonitorPolicy, ReconcilerPolicy {}

interface CareParts extends Omit<ReconcilerParts, 'onConnections'> {
  readonly virtualServer: Endpoint;
  readonly prober: Prober;
  /** What the virtual servers of this process share. */
  readonly monitors: SharedMonitors;
  /** 0 to 1, evenly. */
  readonly random: () => number;
  readonly changes: KernelChanges;
  readonly manualDrains: ManualDrains;
  /** Watches the clients of all virtual servers of this process. */
  readonly clientSensor: Pick<ClientSensor, 'watch'>;
  /** null: it is not known whether this node's clients should reach the virtual server. */
  readonly virtualServerProbe: VirtualServerProbe | null;
}

/** What changes while the loop runs. */
interface Update {
  readonly servers: readonly Endpoint[];
  readonly policy: CarePolicy;
  /** To probe in another way or at another pace from now on; null to probe as before. */
  readonly probes: {
    readonly prober: Prober;
    readonly virtualServerProbe: VirtualServerProbe | null;
  } | null;
  /** null if they stay as they are. */
  readonly resources: readonly HostResource[] | null;
}

/** How long to wait before listening again after the notifications broke off. */
const LISTEN_AGAIN_MS = 1000;

interface RunningReachability {
  readonly reachability: Reachability;
  readonly ending: AbortController;
  readonly running: Promise<void>;
}

/**
 * Takes care of one virtual server: a monitor for each real server, which it may share, one reconciler, one ear to the kernel, one probe of the virtual
 * server.
 */
export class ControlLoop {
  #servers: readonly Endpoint[];
  #policy: CarePolicy;
  readonly #parts: CareParts;
  readonly #monitors: MonitorPool;
  readonly #reconciler: Reconciler;
  #virtualServerProbe: VirtualServerProbe | null;
  #reachability: RunningReachability | null = null;
  #isRunning = false;
  #sensing: Sensing | null = null;

  constructor(servers: readonly Endpoint[], policy: CarePolicy, { emit: emitOnly, ...others }: CareParts) {
    this.#servers = servers;
    this.#policy = policy;
    this.#virtualServerProbe = others.virtualServerProbe;
    const emit: Emit = (event) => {
      emitOnly(event);
      this.#reachability?.reachability.observe(event);
    };
    this.#parts = { ...others, emit };
    const { manualDrains } = others;
    this.#monitors = new MonitorPool(policy, this.#parts, () => {
      this.#reconciler.request('verdict');
    });
    const onConnections = (count: bigint): void => this.#sensing?.connections(count);
    this.#reconciler = new Reconciler(
      policy,
      { ...this.#parts, onConnections },
      {
        configured: () =>
          this.#monitors.monitors.map(({ server, health, suspicion }) => ({
            server,
            health,
            suspectSinceMs: suspicion.sinceMs,
            drained: manualDrains.isDrained(server),
          })),
        departing: () => this.#monitors.departing,
        onRows: (servers) => {
          this.#monitors.endDeparted(servers);
        },
      },
    );
  }

  stateOf({ text }: Endpoint): HealthState {
    return this.#monitors.find(text)?.health.state ?? 'unknown';
  }

  /** Runs until the signal aborts. When it resolves, nothing of it is running any more, and the kernel's table is as it was last made. */
  async run(signal: AbortSignal): Promise<void> {
    const ending = new AbortController();
    const end = (): void => {
      ending.abort();
    };
    if (signal.aborted) end();
    signal.addEventListener('abort', end);
    const stopFollowing = this.#parts.manualDrains.onChange(() => this.#reconciler.settle());
    const notified = (): void => {
      this.#reconciler.request('notification');
    };
    this.#isRunning = true;
    this.#startReachability();
    this.#monitors.setServers(this.#servers);
    const { clientSensor, virtualServer, emit } = this.#parts;
    const sensing = clientSensor.watch({ virtualServer, monitors: () => this.#monitors.monitors, emit });
    this.#sensing = sensing;
    const running = [
      this.#reconciler.run(ending.signal),
      listen(this.#parts, notified, ending.signal),
      this.#monitors.run(ending.signal),
    ];
    try {
      await Promise.all(running);
    } finally {
      // If one of them failed, which none should, the others are not left running without it.
      end();
      this.#isRunning = false;
      sensing.end();
      await Promise.allSettled([...running, this.#endReachability()]);
      stopFollowing();
      signal.removeEventListener('abort', end);
    }
  }

  /** Goes on with other settings. Resolves when the table was brought to them, or could not be. */
  async update({ servers, policy, probes, resources }: Update): Promise<void> {
    this.#servers = servers;
    this.#policy = policy;
    if (probes !== null) {
      this.#virtualServerProbe = probes.virtualServerProbe;
      this.#monitors.renew(policy, probes.prober);
      void this.#endReachability();
      this.#startReachability();
    }
    if (this.#isRunning) this.#monitors.setServers(servers);
    await this.#reconciler.update(policy, resources);
  }

  #startReachability(): void {
    const virtualServerProbe = this.#virtualServerProbe;
    if (!this.#isRunning || virtualServerProbe === null) return;
    const { clock, random, emit } = this.#parts;
    const reachability = new Reachability(this.#policy, { virtualServerProbe, clock, random, emit });
    const ending = new AbortController();
    this.#reachability = { reachability, ending, running: reachability.run(ending.signal) };
  }

  async #endReachability(): Promise<void> {
    const ended = this.#reachability;
    this.#reachability = null;
    ended?.ending.abort();
    await ended?.running;
  }
}

async function listen(
  parts: Pick<CareParts, 'changes' | 'clock' | 'emit'>,
  onChange: () => void,
  signal: AbortSignal,
): Promise<void> {
  const ended = (): boolean => signal.aborted;
  while (!ended()) {
    try {
      for await (const _change of parts.changes(signal)) onChange();
    } catch (error) {
      if (!ended())
        parts.emit({ kind: 'notifications-lost', error: error as Error, retryInMs: LISTEN_AGAIN_MS });
    }
    await parts.clock.sleep(LISTEN_AGAIN_MS, signal);
    // Changes without a notification are found now.
    onChange();
  }
}
