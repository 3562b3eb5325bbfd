import type { Endpoint } from '../values/endpoint.js';
import type { Emit } from './events.js';
import type { ManualDrains } from './manual-drains.js';
import { Monitor, type MonitorParts, type MonitorPolicy } from './monitor.js';
import { WitnessPool } from './witness-pool.js';
import type { KernelChanges, VirtualServerProbe } from './ports.js';
import { Reachability } from './reachability.js';
import { Reconciler, type ReconcilerParts, type ReconcilerPolicy } from './reconciler.js';

export interface CarePolicy extends MonitorPolicy, ReconcilerPolicy {}

export interface CareParts extends MonitorParts, ReconcilerParts {
  readonly changes: KernelChanges;
  readonly manualDrains: ManualDrains;
  /** null: it is not known whether this node's clients should reach the virtual server. */
  readonly virtualServerProbe: VirtualServerProbe | null;
}

/** How long to wait before listening again after the notifications broke off. */
const LISTEN_AGAIN_MS = 1000;

/**
 * Takes care of one virtual server until the signal aborts: a monitor for each real server, one reconciler, one ear to
 * the kernel, one probe of the virtual server. When it resolves, nothing of it is running any more, and the kernel's table is as it was last made.
 */
export async function care(
  servers: readonly Endpoint[],
  policy: CarePolicy,
  { emit: emitOnly, ...others }: CareParts,
  signal: AbortSignal,
): Promise<void> {
  const { virtualServerProbe, clock, random } = others;
  const reachability =
    virtualServerProbe === null
      ? null
      : new Reachability(policy, { virtualServerProbe, clock, random, emit: emitOnly });
  const emit: Emit = (event) => {
    emitOnly(event);
    reachability?.observe(event);
  };
  const parts = { ...others, emit };
  const endings: AbortController[] = [];
  const end = (): void => {
    for (const ending of endings) ending.abort();
  };
  /** A signal for each part: of one that a thousand monitors listen to, Node would think that it leaks. */
  const ended = (): AbortSignal => {
    const ending = new AbortController();
    if (signal.aborted) ending.abort();
    endings.push(ending);
    return ending.signal;
  };
  signal.addEventListener('abort', end);

  const witnessPool = new WitnessPool(() => {
    reconciler.request('verdict');
  });
  const monitors = servers.map((server) => new Monitor(server, policy, parts, witnessPool));
  witnessPool.join(monitors);
  const { manualDrains } = parts;
  const reconciler = new Reconciler(policy, parts, () =>
    monitors.map(({ server, health }) => ({ server, health, drained: manualDrains.isDrained(server) })),
  );
  const stopFollowing = manualDrains.onChange(() => reconciler.settle());
  const notified = (): void => {
    reconciler.request('notification');
  };
  const running = [
    reconciler.run(ended()),
    listen(parts, notified, ended()),
    ...(reachability === null ? [] : [reachability.run(ended())]),
    ...monitors.map((monitor) => monitor.run(ended())),
  ];
  try {
    await Promise.all(running);
  } finally {
    // If one of them failed, which none should, the others are not left running without it.
    end();
    await Promise.allSettled(running);
    stopFollowing();
    signal.removeEventListener('abort', end);
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
