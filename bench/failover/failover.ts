/** The failover scenario: what befalls a master, and how long it takes a peer and its clients to get over it. */
import { setTimeout as delay } from 'node:timers/promises';
import { VIP, type Master } from '../../lab/index.js';
import { Arena, isWhole, withStage } from '../arena.js';
import { BenchClient } from '../client/bench-client.js';
import { nowMs } from '../clock.js';
import { cpuTicks, loadBetween } from '../cpu-load.js';
import type { Peer } from '../peers/peer.js';
import { BUSY_EVERY_MS, LIMITS, STREAM } from '../settings.js';
import { seededRandom, stratified } from '../statistics.js';
import { Cables, recover, strike, type EventName } from './events.js';
import { falseVerdicts } from './false-verdicts.js';
import { sampleOf, type EventSample } from './sample.js';

interface FailoverOptions {
  readonly events: readonly EventName[];
  readonly repeats: number;
  readonly seed: number;
}

/** Quiet before each event, on top of its phase. */
const SETTLE_MS = 1500;
/** A master is struck again no sooner after its recovery: one that fails too often is another matter, which some peers damp. */
const REST_MS = 15_000;
/** In the lab. */
const MASTERS = 3;
/** An event lasts at least so long: a shorter one would save clients that are about to fail. */
const LEAST_OUTAGE_MS = 2000;
/** After a peer has acted, the kept connection gets so long again to notice, within these bounds. */
const HOLD = { share: 1.1, leastMs: 1000, mostMs: 5000 };
/** Watching goes on so long after a recovery. */
const AFTERMATH_MS = 400;

interface Scene {
  readonly arena: Arena;
  readonly client: BenchClient;
  readonly cables: Cables;
}

/** All events and repeats with one peer. `tell` hears of each sample as it is made. */
export async function measureFailover(
  peer: Peer,
  { events, repeats, seed }: FailoverOptions,
  tell: (sample: EventSample) => Promise<void>,
): Promise<void> {
  // The same phases for every peer.
  const random = seededRandom(seed);
  const phases = new Map(events.map((event) => [event, stratified(repeats, random)]));
  await withStage(async (lab, stage) => {
    const arena = await Arena.open(peer, stage);
    const client = new BenchClient(lab.node);
    const cables = new Cables(lab.master(0).host.switchNamespace);
    try {
      let turn = 0;
      const backMs = new Map<Master, number>();
      for (let repeat = 0; repeat < repeats; repeat += 1) {
        for (const event of events) {
          // They take turns, and rest meanwhile.
          const master = lab.master(turn++ % lab.masters.length);
          const phaseMs = (phases.get(event)?.[repeat] ?? 0) * peer.intervalMs;
          await delay(Math.max(0, (backMs.get(master) ?? 0) + REST_MS - nowMs()));
          await tell(await measureEvent({ arena, client, cables }, event, master, phaseMs));
          backMs.set(master, nowMs());
        }
      }
    } finally {
      cables.close();
      await client.close();
      await arena.close();
    }
  });
}

async function measureEvent(
  { arena, client, cables }: Scene,
  event: EventName,
  master: Master,
  phaseMs: number,
): Promise<EventSample> {
  const { watch } = arena;
  const at = { host: VIP.ipv4, port: 6443 };
  const inRotation = (weights: Readonly<Record<string, number>>): boolean =>
    (weights[master.endpoint] ?? 0) > 0;

  await arena.whole();
  watch.forget();
  const before = cpuTicks();
  await client.remote.call('startStream', { ...at, ...STREAM });
  await client.remote.call('openBusy', { ...at, server: master.name, everyMs: BUSY_EVERY_MS });
  await settle(arena, SETTLE_MS + phaseMs);

  const struckMs = await strike(event, master, cables);
  const outMs = await watch.when((weights) => !inRotation(weights), struckMs, LIMITS.outMs);
  await hold(client, struckMs, outMs);
  const recoveredMs = await recover(event, master, cables);
  const backMs = await watch.when(
    (weights) => isWhole(weights, arena.stage.realServers),
    recoveredMs,
    LIMITS.backMs,
  );
  await delay(AFTERMATH_MS);
  const endedMs = nowMs();
  const busy = await client.remote.call('closeBusy');
  const stream = await client.remote.call('stopStream');
  const load = loadBetween(before, cpuTicks());
  const moments = { struckMs, outMs, recoveredMs, backMs, endedMs };
  const falsely = falseVerdicts(watch.sights, master.endpoint, moments);
  const circumstances = { event, master: master.name, phaseMs, falseVerdicts: falsely, load };
  return sampleOf(circumstances, moments, stream, busy);
}

/** Waits until the table has been whole for so long: some peers take healthy servers out on a busy machine. */
async function settle(arena: Arena, quietMs: number): Promise<void> {
  const lastMs = nowMs() + LIMITS.backMs;
  do {
    await arena.whole();
    const fromMs = nowMs();
    await delay(quietMs);
    if ((await arena.watch.when((weights) => !isWhole(weights, arena.stage.realServers), fromMs, 0)) === null)
      return;
  } while (nowMs() < lastMs);
  throw new Error(
    `the table was not whole for ${quietMs} ms within ${LIMITS.backMs} ms: ${arena.peer.name} takes healthy servers out`,
  );
}

/** Waits until the kept connection has got over it, if it does, before the server comes back. */
async function hold(client: BenchClient, struckMs: number, outMs: number | null): Promise<void> {
  const actedMs = outMs ?? nowMs();
  const patienceMs = Math.min(HOLD.mostMs, Math.max(HOLD.leastMs, (actedMs - struckMs) * HOLD.share));
  const leastMs = struckMs + LEAST_OUTAGE_MS;
  while (nowMs() < Math.max(leastMs, actedMs + patienceMs)) {
    await delay(100);
    if (nowMs() < leastMs) continue;
    const busy = await client.remote.call('busy');
    const forNow = nowMs();
    const lastMs = busy.ending?.atMs ?? busy.answersMs.at(-1) ?? 0;
    // Ended, or lively again.
    if (busy.ending !== null || forNow - lastMs < 2 * BUSY_EVERY_MS) return;
  }
}

/** Roughly how long a peer takes, in seconds. */
export function estimateFailover(peer: Peer, { events, repeats }: FailoverOptions): number {
  const overheadS = (SETTLE_MS + AFTERMATH_MS + peer.intervalMs / 2) / 1000 + 1;
  const perRound = events.map((event) => {
    const out = peer.expected[event];
    const held =
      event === '500' || event === 'kill' ? 0 : Math.min(HOLD.mostMs / 1000, Math.max(1, out * HOLD.share));
    return Math.max(LEAST_OUTAGE_MS / 1000, out + held) + peer.expected.back + overheadS;
  });
  const leastS = REST_MS / 1000 / MASTERS;
  return perRound.reduce((sum, each) => sum + Math.max(leastS, each), 0) * repeats + 10;
}
