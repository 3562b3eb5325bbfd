import type { Endpoint } from '../values/endpoint.js';
import { desire, type TablePolicy } from '../decisions/desired.js';
import { step, unknownHealth, type Health } from '../decisions/health.js';
import { reconcile } from '../decisions/reconcile.js';
import type { Evidence } from '../values/evidence.js';
import { serviceSettings } from '../values/table.js';
import type { Emit } from './events.js';
import { ManualDrains } from './manual-drains.js';
import type { Clock, Leftovers, Prober, Removal, HostResource, VirtualServerTable, Work } from './ports.js';
import { verifyAndRepair } from './host-resource-keeper.js';

interface OnceParts {
  readonly table: VirtualServerTable;
  readonly resources: readonly HostResource[];
  readonly emit: Emit;
}

interface ProbeOnceParts {
  readonly prober: Prober;
  readonly clock: Clock;
  readonly emit: Emit;
}

const ONE_PROBE = { fall: 1, rise: 1, maxHoldMs: 0 };

/** How long `--run-once` waits for all answers: kubeadm waits for it. */
const PROBES_MS = 2000;
const LATE: Evidence = { kind: 'slow', detail: `no answer within ${PROBES_MS} ms` };

/**
 * Probes each real server once, all at the same time, for 2 s at most. Resolves to those that answered as healthy servers do; without
 * a meaning if the signal has aborted.
 */
export async function probeOnce(
  servers: readonly Endpoint[],
  { prober, clock, emit }: ProbeOnceParts,
  signal: AbortSignal,
): Promise<readonly Endpoint[]> {
  const timeUp = new AbortController();
  const stopped = AbortSignal.any([signal, timeUp.signal]);
  void clock.sleep(PROBES_MS, stopped).then(() => {
    timeUp.abort();
  });
  const answers = await Promise.all(
    servers.map(async (server) => {
      const startMs = clock.now();
      const connection = prober.keepConnection(server, () => undefined);
      try {
        for await (const outcome of connection.probe({ fresh: true, hedged: false }, stopped)) {
          const about = { server, durationMs: clock.now() - startMs };
          if (outcome.kind !== 'inconclusive') {
            emit({ kind: 'probe', ...about, evidence: outcome });
            return outcome;
          }
          emit({ kind: 'probe-inconclusive', ...about, detail: outcome.detail });
          return null;
        }
        return LATE;
      } finally {
        connection.close();
      }
    }),
  );
  timeUp.abort();
  if (signal.aborted) return [];
  const before = unknownHealth(clock.now());
  servers.forEach((server, index) => {
    const evidence = answers[index] ?? null;
    if (evidence === null) return;
    emit({ kind: 'transition', server, before, after: step(before, evidence, clock.now(), ONE_PROBE) });
  });
  return servers.filter((_, index) => answers[index]?.kind === 'ok');
}

/**
 * `--run-once`: sets up the virtual server with the healthy real servers in rotation that are not drained by hand. Another one that is
 * configured keeps its connections, at weight 0, and is not added. Destinations that are not configured are removed: no lvscare stays
 * to end their drain. Resolves to whether all of it was done; rejects when the table cannot be read.
 *
 * @param healthy Those of `servers` that are taken for healthy. Default: all, and so if it is empty: before `kubeadm init` there is no
 * apiserver yet.
 */
export async function setUpOnce(
  servers: readonly Endpoint[],
  policy: TablePolicy,
  parts: OnceParts,
  manualDrains = new ManualDrains(),
  healthy = servers,
): Promise<boolean> {
  const healthOf = (kind: 'ok' | 'silent'): Health =>
    step(unknownHealth(0), { kind, detail: 'one probe' }, 0, ONE_PROBE);
  const inRotation = healthy.length === 0 ? servers : healthy;
  const observed = await parts.table.read();
  const desired = desire(
    servers.map((server) => ({
      server,
      // A silence without a witness: its connections are not cut, whatever the one probe found.
      health: healthOf(inRotation.includes(server) ? 'ok' : 'silent'),
      drained: manualDrains.isDrained(server),
      // No lvscare stays to give the others their weight when it fails.
      preferred: false,
      suspectSinceMs: null,
    })),
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
 * `--clean`: removes everything, last made first, so that no client is sent to what is gone; then what other programs
 * left, in the order given. A failure does not stop the rest.
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
