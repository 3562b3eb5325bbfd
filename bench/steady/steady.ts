/** The steady state: nothing happens, nobody asks. What it costs the node, an apiserver, and the wire between. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Master } from '../../lab/index.js';
import { must } from '../../lab/run.js';
import { Arena, withStage } from '../arena.js';
import { nowMs } from '../clock.js';
import type { Peer } from '../peers/peer.js';
import { usageOf, type Usage } from './processes.js';

/** All per minute, but memory. */
export interface SteadySample {
  readonly seconds: number;
  readonly cpuS: number;
  readonly rssKiB: number;
  readonly anonymousKiB: number;
  /** Of one apiserver, as it counted them itself. */
  readonly connections: number;
  readonly handshakes: number;
  readonly requests: number;
  /** In and out at one master. */
  readonly packets: number;
  /** Of one apiserver. */
  readonly apiserverCpuS: number;
}

/** A start is no steady state: compiling, first handshakes, tables. */
const WARM_UP_MS = 10_000;

export async function measureSteady(peer: Peer, seconds: number): Promise<SteadySample> {
  return await withStage(async (lab, stage) => {
    const arena = await Arena.open(peer, stage);
    try {
      // The observer is no part of it.
      await arena.watch.close();
      await delay(WARM_UP_MS);
      const master = lab.master(0);
      const pids = arena.running.processes.map(({ pid }) => pid);
      const before = await look(pids, master);
      await delay(seconds * 1000);
      const after = await look(pids, master);
      return difference(before, after);
    } finally {
      await arena.close();
    }
  });
}

export function estimateSteady(seconds: number): number {
  return seconds + WARM_UP_MS / 1000 + 10;
}

interface Sight {
  readonly atMs: number;
  readonly usage: Usage;
  readonly apiserver: Usage;
  readonly counted: Pick<SteadySample, 'connections' | 'handshakes' | 'requests' | 'packets'>;
}

async function look(pids: readonly number[], master: Master): Promise<Sight> {
  const stats = await master.stats();
  const requests = Object.values(stats.requests).reduce((sum, each) => sum + each, 0);
  const counted = {
    connections: stats.connections,
    handshakes: stats.handshakes,
    requests,
    packets: await packetsAt(master),
  };
  const [usage, apiserver] = await Promise.all([usageOf(pids), usageOf([master.pid])]);
  return { atMs: nowMs(), usage, apiserver, counted };
}

function difference(before: Sight, after: Sight): SteadySample {
  const minutes = (after.atMs - before.atMs) / 60_000;
  const { usage } = after;
  return {
    seconds: minutes * 60,
    cpuS: (usage.cpuS - before.usage.cpuS) / minutes,
    rssKiB: usage.rssKiB,
    anonymousKiB: usage.anonymousKiB,
    connections: (after.counted.connections - before.counted.connections) / minutes,
    handshakes: (after.counted.handshakes - before.counted.handshakes) / minutes,
    requests: (after.counted.requests - before.counted.requests) / minutes,
    packets: (after.counted.packets - before.counted.packets) / minutes,
    apiserverCpuS: (after.apiserver.cpuS - before.apiserver.cpuS) / minutes,
  };
}

interface LinkStatistics {
  readonly stats64: { readonly rx: { readonly packets: number }; readonly tx: { readonly packets: number } };
}

async function packetsAt(master: Master): Promise<number> {
  const text = await must('ip', ['-n', master.host.namespace, '-s', '-j', 'link', 'show', 'eth0']);
  const [link] = JSON.parse(text) as LinkStatistics[];
  return link === undefined ? 0 : link.stats64.rx.packets + link.stats64.tx.packets;
}
