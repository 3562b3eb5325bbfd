import type { Endpoint } from '../core/endpoint.js';
import { desire, type TablePolicy } from '../core/desired.js';
import { step, unknownHealth } from '../core/health.js';
import { reconcile } from '../core/reconcile.js';
import { serviceSettings } from '../core/table.js';
import type { Leftovers, Removal, Reporter, Upkeep, VirtualServerTable } from './ports.js';
import { mendIfAmiss } from './reconciler.js';

interface OnceParts {
  readonly table: VirtualServerTable;
  readonly upkeeps: readonly Upkeep[];
  readonly reporter: Reporter;
}

const TRUSTING = { fall: 1, rise: 1, maxHoldMs: 0 };

/**
 * `--run-once`: sets up the virtual server with every real server in rotation, unprobed, and removes rows that are not
 * configured: nobody stays behind to end their drain. Resolves to whether all of it was done; rejects when the table
 * cannot be read.
 */
export async function setUpOnce(
  servers: readonly Endpoint[],
  policy: TablePolicy,
  parts: OnceParts,
): Promise<boolean> {
  const trusted = step(unknownHealth(0), { kind: 'ok', detail: 'taken on trust' }, 0, TRUSTING);
  const observed = await parts.table.read();
  const desired = desire(
    servers.map((server) => ({ server, health: trusted })),
    observed?.rows ?? [],
    new Map(),
    0,
    { ...policy, drainTimeoutMs: 0 },
  );
  const actions = reconcile(serviceSettings(policy.scheduler), desired, observed);
  const results = actions.length === 0 ? [] : await parts.table.apply(actions);
  parts.reporter.reconciled({ causes: ['start'], results, drift: false, lastResort: false, durationMs: 0 });
  let done = results.every(({ error }) => error === null);
  for (const upkeep of parts.upkeeps) done = (await mendIfAmiss(upkeep, parts.reporter)) && done;
  return done;
}

interface CleanParts extends Pick<OnceParts, 'table' | 'upkeeps'> {
  /** In the order in which they go. */
  readonly leftovers: readonly Leftovers[];
}

/** `--clean`: takes away the virtual server, every upkeep's work, and leftovers. What fails does not keep the rest. */
export async function cleanUp(virtualServer: Endpoint, parts: CleanParts): Promise<Removal> {
  const removal = { taken: [] as string[], left: [] as string[], failures: [] as Error[] };
  const attempt = async (take: () => Promise<void>): Promise<void> => {
    try {
      await take();
    } catch (error) {
      removal.failures.push(error as Error);
    }
  };
  // The way to the virtual server goes first, so that nobody is led to where nothing is any more.
  for (const upkeep of parts.upkeeps.toReversed()) {
    await attempt(async () => {
      const what = await upkeep.remove();
      if (what !== null) removal.taken.push(what);
    });
  }
  await attempt(async () => {
    if (await parts.table.remove()) removal.taken.push(`virtual server ${virtualServer.text}`);
  });
  for (const leftovers of parts.leftovers) {
    await attempt(async () => {
      const { taken, left, failures } = await leftovers.remove();
      removal.taken.push(...taken);
      removal.left.push(...left);
      removal.failures.push(...failures);
    });
  }
  return removal;
}
