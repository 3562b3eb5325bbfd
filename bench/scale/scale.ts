/** The scale scenario: many real servers, or many virtual servers, and what that costs and delays. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { endpoint, VIP } from '../../lab/index.js';
import { Arena, isWhole, withStage } from '../arena.js';
import { nowMs } from '../clock.js';
import { startLvscare } from '../peers/lvscare.js';
import { parseIpVs, type Weights } from '../../lab/ip-vs.js';
import { checkRunning, realServersOf, type Peer, type Stage } from '../peers/peer.js';
import { seededRandom, stratified } from '../statistics.js';
import { usageOf } from '../steady/processes.js';
import type { Services } from '../options.js';
import { Crowd } from './crowd.js';
import type { ScaleSample } from './scale-sample.js';

const HOOK = fileURLToPath(new URL('./loop-delay-hook.js', import.meta.url));

interface ScaleOptions {
  /** Numbers of real servers of one virtual server. */
  readonly sizes: readonly number[];
  /** Numbers of virtual servers, and of the real servers that each has of its own. */
  readonly services: readonly Services[];
}

interface ScaleCase {
  readonly what: string;
  readonly peer: Peer;
  readonly virtualServers: number;
  readonly realServers: number;
}

/** Who is measured. */
const PEERS: ReadonlySet<string> = new Set(['lvscare', 'keepalived-5s']);

/** For all to be in rotation after a start: there is one CPU for all processes. */
const START_LIMIT_MS = 90_000;
const START_LIMIT_OF_EACH_MS = 4000;
/** How often a table of many virtual servers is looked at. */
const LOOK_MS = 500;
const WARM_UP_MS = 8000;
const CPU_MS = 15_000;
const KILLS = 3;
const RELOADS = 3;
const NOTICE_LIMIT_MS = 30_000;
const FEW = 30;
/** A thousand rows are a long text: to read it so often takes 6 % of the guest's CPU. */
const OBSERVE_EVERY_MS = 10;
/** Of the run that is looked into: for a start, which counts nothing, and then. */
const INSIDE_START_MS = 8000;
const INSIDE_START_OF_EACH_MS = 100;
const INSIDE_MS = 12_000;

export function scaleCases(peers: readonly Peer[], { sizes, services }: ScaleOptions): ScaleCase[] {
  return peers
    .filter(({ name }) => PEERS.has(name))
    .flatMap((peer) => [
      ...sizes.map((realServers) => ({ peer, virtualServers: 1, realServers })),
      ...services.map((each) => ({ peer, ...each })),
    ])
    .map((scaled) => ({
      ...scaled,
      what: `${scaled.peer.name} with ${scaled.virtualServers} VS of ${scaled.realServers} RS`,
    }));
}

export function estimateScale(cases: readonly ScaleCase[]): number {
  const each = ({ peer, realServers, virtualServers }: ScaleCase): number =>
    12 +
    (WARM_UP_MS + CPU_MS) / 1000 +
    (virtualServers * realServers) / 40 +
    (RELOADS * peer.intervalMs) / 1000 +
    KILLS * (peer.expected.kill + peer.intervalMs / 2000 + (realServers < FEW ? peer.expected.back : 0)) +
    (INSIDE_START_MS + INSIDE_MS) / 1000;
  return cases.reduce((sum, scaled) => sum + each(scaled), 0);
}

export async function measureScale(scaled: ScaleCase): Promise<ScaleSample> {
  const { peer } = scaled;
  return await withStage(async (lab, plain) => {
    const { virtualServers: count, realServers: ofEach } = scaled;
    const crowd = await Crowd.start(lab, count * ofEach);
    try {
      const virtualServers = Array.from({ length: count }, (_, index) => endpoint(VIP.ipv4, 6443 + index));
      const ofIndex = (index: number): readonly string[] =>
        crowd.realServers.slice(index * ofEach, (index + 1) * ofEach);
      const further = Object.fromEntries(virtualServers.map((each, index) => [each, ofIndex(index)]));
      const stage = { ...plain, virtualServers, realServers: ofIndex(0), further };
      const measured = await measureWhole(peer, stage, crowd);
      const inside = peer.name === 'lvscare' ? await lookInside(stage) : NOTHING_INSIDE;
      return {
        peer: peer.name,
        virtualServers: scaled.virtualServers,
        realServers: scaled.realServers,
        ...measured,
        ...inside,
      };
    } finally {
      await crowd.stop();
    }
  });
}

/** Both from 0 to 1: of the interval, of all servers. */
interface Kill {
  readonly phase: number;
  readonly where: number;
}

type Outside = Omit<ScaleSample, 'peer' | 'virtualServers' | 'realServers' | keyof Inside>;
type Inside = Pick<ScaleSample, 'reconcileMs' | 'loopDelayMs'>;

/** How the files of the processes begin that tell how late their timers are. */
const DELAYS = 'loop-delay-';

const NOTHING_INSIDE: Inside = { reconcileMs: [], loopDelayMs: null };

async function measureWhole(peer: Peer, stage: Stage, crowd: Crowd): Promise<Outside> {
  const beganMs = nowMs();
  const arena = await Arena.start(peer, stage, OBSERVE_EVERY_MS);
  try {
    const wholeMs = await untilAllWhole(arena, beganMs);
    await delay(WARM_UP_MS);
    checkRunning(peer, arena.running);
    const pids = arena.running.processes.map(({ pid }) => pid);
    const before = { atMs: nowMs(), usage: await usageOf(pids) };
    await delay(CPU_MS);
    const after = { atMs: nowMs(), usage: await usageOf(pids) };
    const noticeMs: (number | null)[] = [];
    for (const [kill, phase] of stratified(KILLS, seededRandom(KILLS)).entries())
      noticeMs.push(await notice(arena, crowd, { phase, where: (kill + 0.5) / KILLS }));
    const reloads = await reloadTimes(arena, crowd);
    return {
      ...reloads,
      startMs: wholeMs === null ? null : wholeMs - beganMs,
      cpuS: ((after.usage.cpuS - before.usage.cpuS) * 60_000) / (after.atMs - before.atMs),
      rssKiB: after.usage.rssKiB,
      noticeMs,
    };
  } finally {
    await arena.close();
  }
}

/** When every virtual server had every real server in rotation, after a start; null if not all had within the limit. */
async function untilAllWhole(arena: Arena, beganMs: number): Promise<number | null> {
  const { node, virtualServers } = arena.stage;
  const limitMs = START_LIMIT_MS + START_LIMIT_OF_EACH_MS * (virtualServers.length - 1);
  const firstMs = await arena.untilWhole(beganMs, limitMs);
  if (firstMs === null || virtualServers.length === 1) return firstMs;
  while (nowMs() < beganMs + limitMs) {
    const text = await node.must('cat', ['/proc/net/ip_vs']);
    if (virtualServers.every((each) => isWhole(parseIpVs(text, each), realServersOf(arena.stage, each))))
      return nowMs();
    await delay(LOOK_MS);
  }
  return null;
}

/** Closes one, at a random phase of the peer's interval, and waits until it is out of rotation. */
async function notice(arena: Arena, crowd: Crowd, kill: Kill): Promise<number | null> {
  const { watch, stage } = arena;
  const index = Math.floor(kill.where * stage.realServers.length);
  const server = stage.realServers[index] ?? '';
  await delay(kill.phase * arena.peer.intervalMs);
  const served = (weights: Weights): boolean => (weights[server] ?? 0) > 0;
  if ((await watch.when(served, nowMs(), NOTICE_LIMIT_MS)) === null)
    throw new Error(`${arena.peer.name} does not have ${server} in rotation, though it is well`);
  const struckMs = await crowd.close(index);
  const outMs = await watch.when((weights) => !served(weights), struckMs, NOTICE_LIMIT_MS);
  await crowd.reopen(index);
  // Of a few, the next one is not to be the last.
  if (stage.realServers.length < FEW) await arena.untilWhole(nowMs(), NOTICE_LIMIT_MS);
  return outMs === null ? null : outMs - struckMs;
}

/** Takes one real server out of the configuration and in again, a few times. */
async function reloadTimes(
  arena: Arena,
  crowd: Crowd,
): Promise<Pick<ScaleSample, 'reloadMs' | 'longestPauseMs'>> {
  const { stage, running, watch, peer } = arena;
  const reloadMs: (number | null)[] = [];
  await crowd.watchRequests();
  const [server = ''] = stage.realServers;
  const without = stage.realServers.slice(1);
  const [virtualServer = ''] = stage.virtualServers;
  const changed = { ...stage, realServers: without, further: { ...stage.further, [virtualServer]: without } };
  for (let reload = 0; reload < RELOADS; reload += 1) {
    if ((await arena.untilWhole(nowMs(), NOTICE_LIMIT_MS)) === null)
      throw new Error(`${peer.name} has not put ${server} in rotation again`);
    const beganMs = nowMs();
    await running.reload?.(changed);
    const outMs = await watch.when((weights) => (weights[server] ?? 0) === 0, beganMs, NOTICE_LIMIT_MS);
    reloadMs.push(outMs === null ? null : outMs - beganMs);
    await running.reload?.(stage);
    await delay(peer.intervalMs);
  }
  return { reloadMs, longestPauseMs: await crowd.longestPause(0) };
}

/** A second run on the table that the first has left, which tells what it does, and with a hook in it. */
async function lookInside(stage: Stage): Promise<Inside> {
  const others = stage.virtualServers.length - 1;
  const startMs = INSIDE_START_MS + INSIDE_START_OF_EACH_MS * others;
  const { processes } = await startLvscare(stage, {
    extra: ['--log-level', 'debug'],
    nodeOptions: ['--import', HOOK],
    env: {
      ...process.env,
      BENCH_LOOP_DELAY_FILES: join(stage.directory, DELAYS),
      BENCH_LOOP_DELAY_AFTER_MS: String(startMs),
    },
  });
  const fromLine: number[] = [];
  try {
    await delay(startMs);
    // Who starts beside others reconciles slowly, and so does who has just begun; of one process all passes count.
    for (const { lines } of processes) fromLine.push(others === 0 ? 0 : lines.length);
    await delay(INSIDE_MS);
  } finally {
    await Promise.all(processes.map((process) => process.stop()));
  }
  const reconcileMs = processes.flatMap(({ lines }, index) =>
    lines.slice(fromLine[index]).flatMap(({ text }) => reconciledMs(text)),
  );
  return { reconcileMs, loopDelayMs: await worstDelays(stage.directory) };
}

/** Of all processes the one whose timers were latest. */
async function worstDelays(directory: string): Promise<ScaleSample['loopDelayMs']> {
  const files = (await readdir(directory)).filter((name) => name.startsWith(DELAYS));
  const texts = await Promise.all(files.map((name) => readFile(join(directory, name), 'utf8')));
  const delays = texts.map((text) => JSON.parse(text) as NonNullable<ScaleSample['loopDelayMs']>);
  return delays.toSorted((one, other) => other.p99 - one.p99)[0] ?? null;
}

/** How long a pass took, if this line of the log tells of one. */
function reconciledMs(line: string): number[] {
  if (!line.includes('"reconciled"')) return [];
  const { durationMs } = JSON.parse(line) as { durationMs?: number };
  return durationMs === undefined ? [] : [durationMs];
}
