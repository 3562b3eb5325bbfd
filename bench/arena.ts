/** Where one peer is measured: a lab of its own, fresh, so that nothing of the peer before is left in its kernel tables. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endpoint, Lab, VIP } from '../lab/index.js';
import { nowMs } from './clock.js';
import type { Weights } from '../lab/ip-vs.js';
import { Watch } from './observe/watch.js';
import { checkRunning, type Peer, type Running, type Stage } from './peers/peer.js';
import { LIMITS } from './settings.js';

const VIRTUAL_SERVER = endpoint(VIP.ipv4);

/** Builds a lab of three masters and a place for files, has `use` work there, and takes them away. */
export async function withStage<T>(use: (lab: Lab, stage: Stage) => Promise<T>): Promise<T> {
  await using lab = await Lab.create();
  // Loads the module, so that the observer finds its file.
  await lab.node.ipvsadmText();
  const directory = await mkdtemp(join(tmpdir(), 'bench-'));
  try {
    return await use(lab, {
      node: lab.node,
      caFile: lab.caFile,
      directory,
      virtualServers: [VIRTUAL_SERVER],
      realServers: lab.masters.map((master) => master.endpoint),
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A peer at work. */
export class Arena {
  readonly peer: Peer;
  readonly stage: Stage;
  readonly #running: Running;
  readonly #watch: Watch;

  private constructor(peer: Peer, stage: Stage, running: Running, watch: Watch) {
    this.peer = peer;
    this.stage = stage;
    this.#running = running;
    this.#watch = watch;
  }

  /** Starts the peer, and an observer. */
  static async start(peer: Peer, stage: Stage, everyMs?: number): Promise<Arena> {
    const running = await peer.start(stage);
    return new Arena(peer, stage, running, new Watch(stage.node, running.source, everyMs));
  }

  /** The same, and waits until every real server is in rotation. */
  static async open(peer: Peer, stage: Stage): Promise<Arena> {
    const arena = await Arena.start(peer, stage);
    try {
      await arena.whole();
      return arena;
    } catch (error) {
      await arena.close();
      throw error;
    }
  }

  get running(): Running {
    return this.#running;
  }

  get watch(): Watch {
    return this.#watch;
  }

  /** When, from a moment on, every real server was in rotation; null if that was not within the limit. */
  async untilWhole(fromMs: number, limitMs: number): Promise<number | null> {
    const sinceMs = await this.watch.when(
      (weights) => isWhole(weights, this.stage.realServers),
      fromMs,
      limitMs,
    );
    checkRunning(this.peer, this.#running);
    return sinceMs;
  }

  /** Waits until every real server is in rotation. */
  async whole(): Promise<void> {
    if ((await this.untilWhole(nowMs(), LIMITS.backMs)) !== null) return;
    const seen = JSON.stringify(this.watch.weights).slice(0, 300);
    const words = this.#running.processes.map((process) => process.text().slice(-1500)).join('\n');
    throw new Error(
      `${this.peer.name} has not put every real server in rotation within ${LIMITS.backMs} ms: ${seen}\n${words}`,
    );
  }

  /** Ends the peer's processes. What it left in the kernel goes with the lab. */
  async close(): Promise<void> {
    await Promise.all(this.#running.processes.map((process) => process.stop()));
    await this.#watch.close();
  }
}

/** Whether a table has each of these in rotation. */
export function isWhole(weights: Weights, realServers: readonly string[]): boolean {
  return realServers.every((server) => (weights[server] ?? 0) > 0);
}
