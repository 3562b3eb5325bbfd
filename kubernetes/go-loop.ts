/** The loop of the Go lvscare, emulated (bench/peers/go-loop-emulation.ts), on a node of its own, for comparison. */
import { fileURLToPath } from 'node:url';
import type { GoLoopOptions } from '../bench/peers/go-loop-emulation.js';
import { GO_LOOP } from '../bench/settings.js';
import { endpoint, VIP } from '../lab/addresses.js';
import type { LabNode } from '../lab/node.js';
import { until } from '../lab/until.js';
import { AUTHORIZATION, type Cluster } from './cluster.js';
import { Traffic, type Outcome } from './traffic.js';

const PROGRAM = fileURLToPath(new URL('../bench/peers/go-loop-emulation.js', import.meta.url));

export class GoLoop {
  readonly #cluster: Cluster;
  readonly #node: LabNode;
  readonly #pid: number;

  private constructor(cluster: Cluster, node: LabNode, pid: number) {
    this.#cluster = cluster;
    this.#node = node;
    this.#pid = pid;
  }

  /** Starts it on a node of its own, with the settings of the Go program: every 5 s, time limit 10 s. */
  static async start(cluster: Cluster, realServers: readonly string[]): Promise<GoLoop> {
    const node = await cluster.addNode('go-node');
    await node.ip(`route replace local ${VIP.ipv4} dev lo table local src ${node.addresses.ipv4}`);
    const options: GoLoopOptions = { virtualServer: endpoint(VIP.ipv4), realServers, ...GO_LOOP };
    const { pid } = node.spawn(process.execPath, [PROGRAM, JSON.stringify(options)]);
    await until(async () => Object.keys((await node.weights()) ?? {}).length === realServers.length, {
      what: 'the loop of the Go program has added all real servers',
    });
    return new GoLoop(cluster, node, pid);
  }

  /** What its clients see while `act` goes on. */
  async traffic(act: () => Promise<void>): Promise<Outcome> {
    const options = { headers: AUTHORIZATION, ca: this.#cluster.ca };
    const traffic = await Traffic.start(this.#node, this.#pid, options);
    try {
      await act();
    } finally {
      await traffic.end();
    }
    return traffic.outcome;
  }
}
