/** What is compared: a program with settings, that keeps a virtual server pointed at the healthy. */
import type { LabNode, LabProcess } from '../../lab/index.js';
import type { EventName } from '../failover/events.js';
import type { Source } from '../observe/observer-calls.js';

/** Where a peer works. */
export interface Stage {
  readonly node: LabNode;
  /** The authority of the apiservers' certificates. */
  readonly caFile: string;
  /** For configuration files, sockets and the like; gone afterwards. */
  readonly directory: string;
  /** `10.103.97.2:6443`, all at one address. */
  readonly virtualServers: readonly string[];
  /** `10.103.97.200:6443`, ...: those of the first virtual server. */
  readonly realServers: readonly string[];
  /** Those of each further virtual server. Absent: all of them have the same. */
  readonly further?: Readonly<Record<string, readonly string[]>>;
}

export function realServersOf({ realServers, further }: Stage, virtualServer: string): readonly string[] {
  return further?.[virtualServer] ?? realServers;
}

/** A peer that has been started. */
export interface Running {
  /** Its processes; each may have children. */
  readonly processes: readonly LabProcess[];
  /** What tells who is in rotation at the first virtual server. */
  readonly source: Source;
  /** Has it go on with the real servers of another stage, without a restart. Absent if that is not measured. */
  readonly reload?: (changed: Stage) => Promise<void>;
}

export interface Peer {
  readonly name: string;
  /** How it is set, in a line. */
  readonly recipe: string;
  /** A program that has to be on this machine. */
  readonly program: string;
  /** Between two checks, in ms: the event comes at a random point of it. */
  readonly intervalMs: number;
  /** Roughly how long it takes, in seconds, for the estimate of a run. */
  readonly expected: Readonly<Record<EventName | 'back', number>>;
  start(stage: Stage): Promise<Running>;
}

/** Takes part in the comparison only if all of its processes still run. */
export function checkRunning(peer: Peer, { processes }: Running): void {
  for (const process of processes) {
    const { exitCode, signalCode } = process.child;
    if (exitCode === null && signalCode === null) continue;
    const words = process.text().trim().split('\n').slice(-5).join('\n');
    throw new Error(`${peer.name} ended (${signalCode ?? `status ${exitCode}`}):\n${words}`);
  }
}
