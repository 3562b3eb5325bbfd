import type { Endpoint } from '../values/endpoint.js';
import { desire, type TablePolicy } from '../decisions/desired.js';
import { step, unknownHealth } from '../decisions/health.js';
import { reconcile } from '../decisions/reconcile.js';
import { serviceSettings } from '../values/table.js';
import type { Emit } from './events.js';
import { ManualDrains } from './manual-drains.js';
import type { Leftovers, Removal, HostResource, VirtualServerTable, Work } from './ports.js';
import { verifyAndRepair } from './host-resource-keeper.js';

interface OnceParts {
  readonly table: VirtualServerTable;
  readonly resources: readonly HostResource[];
  readonly emit: Emit;
}

const TRUSTING = { fall: 1, rise: 1, maxHoldMs: 0 };

/**
 * `--run-once`: sets up the virtual server with every real server in rotation that is not drained by hand, unprobed, and
 * removes destinations that are not configured: no daemon would end their drain. Resolves to whether all of it was done;
 * rejects when the table cannot be read.
 */
export async function setUpOnce(
  servers: readonly Endpoint[],
  policy: TablePolicy,
  parts: OnceParts,
  manualDrains = new ManualDrains(),
): Promise<boolean> {
  const trusted = step(unknownHealth(0), { kind: 'ok', detail: 'taken on trust' }, 0, TRUSTING);
  const observed = await parts.table.read();
  const desired = desire(
    servers.map((server) => ({ server, health: trusted, drained: manualDrains.isDrained(server) })),
    observed?.destinations ?? [],
    new Map(),
    0,
    { ...policy, drainTimeoutMs: 0 },
  );
  const actions = reconcile(serviceSettings(policy.scheduler), desired, observed);
  const results = actions.length === 0 ? [] : await parts.table.apply(actions);
  parts.emit({ kind: 'pass', causes: ['start'], results, drift: false, durationMs: 0 });
  if (desired.failOpen)
    parts.emit({ kind: 'fail-open', active: true, anyDrained: manualDrains.drained.size > 0 });
  let done = results.every(({ error }) => error === null);
  for (const resource of parts.resources) done = (await verifyAndRepair(resource, parts.emit)) && done;
  return done;
}

/**
 * `--clean`: takes everything away, last made first, so that nobody is led to where nothing is any more; then what other
 * programs left, in the order given. What cannot be taken away keeps nothing else from it.
 */
export async function cleanUp(works: readonly Work[], leftovers: readonly Leftovers[]): Promise<Removal> {
  const taken: string[] = [];
  const left: string[] = [];
  const failures: Error[] = [];
  for (const work of works.toReversed()) {
    try {
      const what = await work.remove();
      if (what !== null) taken.push(what);
    } catch (error) {
      failures.push(error as Error);
    }
  }
  for (const theirs of leftovers) {
    const removal = await theirs.remove();
    taken.push(...removal.taken);
    left.push(...removal.left);
    failures.push(...removal.failures);
  }
  return { taken, left, failures };
}
