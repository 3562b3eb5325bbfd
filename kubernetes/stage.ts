/** A cluster with a worker whose kubelet runs lvscare as a static pod from the image: where the scenarios are played. */
import { appendFile } from 'node:fs/promises';
import { until } from '../lab/until.js';
import type { LabClient } from '../lab/lab-client.js';
import type { Apiserver } from './apiserver.js';
import { AUTHORIZATION, Cluster } from './cluster.js';
import { KUBERNETES_VERSION } from './programs.js';
import { Traffic, type Outcome } from './traffic.js';
import { MANIFEST, type Worker } from './worker.js';

/** Requests before a fault and after everything is well again: so that a scenario shows what is usual, too. */
const USUAL_REQUESTS = 15;

/** What a scenario came to. */
interface Played extends Outcome {
  /** From the fault to when the server ceased to serve, by the kernel's table, in ms; null for never. */
  readonly outMs: number | null;
  /** From the fault to when it served again, in ms; null for never. */
  readonly backMs: number | null;
}

/** What a scenario works with. */
export interface Scene {
  readonly traffic: Traffic;
  /** Says that the fault of this server begins now: the times of the report are counted from here. */
  readonly faultOf: (server: Apiserver) => void;
  /** Waits until so many further requests have ended. */
  readonly requests: (count: number) => Promise<void>;
}

export class Stage {
  readonly cluster: Cluster;
  readonly worker: Worker;

  private constructor(cluster: Cluster, worker: Worker) {
    this.cluster = cluster;
    this.worker = worker;
  }

  /** With the worker's kubelet not yet started. */
  static async create(): Promise<Stage> {
    const cluster = await Cluster.create();
    try {
      const worker = await cluster.addWorker();
      await worker.installImages();
      await worker.configureKubelet(cluster.pki);
      return new Stage(cluster, worker);
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  /** `--rs` for each master. */
  get realServers(): string[] {
    return this.cluster.masters.map((master) => `--rs=${master.endpoint}`);
  }

  get endpoints(): string[] {
    return this.cluster.masters.map((master) => master.endpoint);
  }

  /** The endpoints of all masters but this one. */
  allBut(master: Apiserver): string[] {
    return this.endpoints.filter((endpoint) => endpoint !== master.endpoint);
  }

  /** Has kubelet run lvscare with these options, and waits until it does, and serves all masters. */
  async startLvscare(...options: readonly string[]): Promise<void> {
    const { worker } = this;
    const before = await this.container();
    const manifest = before === null ? '' : await worker.read(MANIFEST);
    await worker.writeManifest(...this.realServers, ...options);
    if (worker.kubelet === null) await worker.startKubelet();
    if ((await worker.read(MANIFEST)) !== manifest) await this.containerAfter(before);
    await this.serving();
  }

  /** Waits until exactly these masters serve, by the kernel's table; all, if none are given. */
  async serving(masters: readonly Apiserver[] = this.cluster.masters): Promise<void> {
    const wanted = masters.map(({ endpoint }) => endpoint).sort();
    await until(
      async () => {
        const weights = (await this.worker.node.weights()) ?? {};
        const serving = Object.keys(weights).filter((server) => weights[server] !== 0);
        return serving.sort().join() === wanted.join();
      },
      { what: `${wanted.join() || 'no server'} serves`, timeoutMs: 90_000, everyMs: 200 },
    );
  }

  /** Undoes all faults of masters and etcd, and waits until all masters serve. */
  async heal(): Promise<void> {
    const { cluster } = this;
    cluster.etcd.cont();
    for (const master of cluster.masters) {
      master.cont();
      await master.mend();
      if (!master.running) master.start();
    }
    await cluster.ready();
    await this.serving();
  }

  /** The running container of lvscare; null if there is none. */
  async container(): Promise<Container | null> {
    const ours = (await this.worker.ctr('containers', 'list', '--quiet', 'image~=lvscare')).split('\n');
    const tasks = (await this.worker.ctr('tasks', 'list')).split('\n').map((line) => line.split(/ +/));
    const task = tasks.find(([id = '', , status]) => status === 'RUNNING' && ours.includes(id));
    return task === undefined ? null : { id: task[0] ?? '', pid: Number(task[1]) };
  }

  /** Waits for another container than this one, and until its lvscare has finished a pass. */
  async containerAfter(before: Container | null): Promise<void> {
    await until(
      async () => {
        const now = await this.container();
        return now !== null && now.id !== before?.id && (await this.#isReady());
      },
      { what: 'another container of lvscare is ready', timeoutMs: 90_000, everyMs: 250 },
    );
  }

  async #isReady(): Promise<boolean> {
    const url = `http://${this.worker.addresses.ipv4}:9288/readyz`;
    return (await this.worker.exec('curl', ['-sf', '-m', '2', url])).status === 0;
  }

  /** Waits until kubelet has renewed the lease of its node, from now on: it reaches the cluster. */
  async leaseIsRenewed(): Promise<void> {
    const get = [
      '-n',
      'kube-node-lease',
      'get',
      'lease',
      this.worker.name,
      '-o',
      'jsonpath={.spec.renewTime}',
    ];
    const sinceMs = Date.now();
    await until(async () => Date.parse(await this.cluster.kubectl(get)) > sinceMs, {
      what: 'kubelet has renewed its lease',
      timeoutMs: 90_000,
      everyMs: 500,
    });
  }

  /** How lvscare judges each real server. */
  async states(): Promise<string[]> {
    const { stdout } = await this.worker.lvscare('status', '--json');
    const { virtualServers } = JSON.parse(stdout) as Status;
    return virtualServers.flatMap(({ care }) => care.servers.map(({ state }) => state));
  }

  /**
   * Ends each apiserver by SIGTERM and starts it again with these options, one after the other: the next one when this one
   * is ready, and serves.
   */
  async restartEach(options: readonly string[]): Promise<void> {
    for (const master of this.cluster.masters) {
      await master.terminate();
      master.start(options);
      await this.cluster.ready([master]);
      await this.serving();
    }
  }

  /** Plays a scenario under traffic, prints what clients saw, and keeps it as a row of the table in docs/kubernetes.md. */
  async play(
    title: string,
    act: (scene: Scene) => Promise<void>,
    client: LabClient = this.worker.node,
  ): Promise<Played> {
    const options = { headers: AUTHORIZATION, ca: this.cluster.ca };
    const traffic = await Traffic.start(client, this.worker.pid, options);
    const requests = async (count: number): Promise<void> => {
      const wanted = traffic.outcome.requests + count;
      await until(() => traffic.outcome.requests >= wanted, {
        timeoutMs: 120_000,
        what: `${count} requests`,
      });
    };
    let fault: { readonly server: Apiserver; readonly atMs: number } | null = null;
    const faultOf = (server: Apiserver): void => {
      fault = { server, atMs: Date.now() };
    };
    try {
      await requests(USUAL_REQUESTS);
      await act({ traffic, faultOf, requests });
      await requests(USUAL_REQUESTS);
    } finally {
      await traffic.end();
    }
    const played = { ...traffic.outcome, ...timesOf(traffic, fault) };
    await this.record(title, played);
    return played;
  }

  /** Prints what clients saw, and keeps it as a row of the table in docs/kubernetes.md. */
  async record(title: string, played: Played): Promise<void> {
    const { requests, failed, failures, slow, watchesEnded, outMs, backMs } = played;
    const why = Object.entries(failures).map(([code, count]) => `${code} ${count}`);
    const seconds = (ms: number | null): string => (ms === null ? 'never' : `${(ms / 1000).toFixed(1)} s`);
    const parts = [
      `${title}: ${requests} requests, ${failed} failed${why.length > 0 ? ` (${why.join(', ')})` : ''}, ${slow} slow`,
      `the watch ended ${watchesEnded} times`,
      ...(outMs === null && backMs === null
        ? []
        : [`out after ${seconds(outMs)}, back after ${seconds(backMs)}`]),
    ];
    process.stdout.write(`${parts.join('; ')}\n`);
    const file = process.env['KUBERNETES_RESULTS'];
    if (file !== undefined)
      await appendFile(file, `${JSON.stringify({ version: KUBERNETES_VERSION, title, ...played })}\n`);
  }

  close(): Promise<void> {
    return this.cluster.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

interface Container {
  readonly id: string;
  /** As the worker has it. */
  readonly pid: number;
}

/** Of `lvscare status --json`. */
interface Status {
  readonly virtualServers: readonly {
    readonly care: { readonly servers: readonly { readonly state: string }[] };
  }[];
}

function timesOf(
  traffic: Traffic,
  fault: { readonly server: Apiserver; readonly atMs: number } | null,
): Pick<Played, 'outMs' | 'backMs'> {
  return fault === null
    ? { outMs: null, backMs: null }
    : traffic.outAndBack(fault.server.endpoint, fault.atMs);
}
