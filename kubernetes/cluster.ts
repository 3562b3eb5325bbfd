/** A Kubernetes cluster in one kernel: etcd, masters and an administrator on a switch, and workers. Needs root and the test kernel. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { masterAddresses, NODE, POD, type Addresses } from '../lab/addresses.js';
import type { RequestResult } from '../lab/client-calls.js';
import { LabClient } from '../lab/lab-client.js';
import { LabNode } from '../lab/node.js';
import { Network, urlOf } from '../lab/network.js';
import { until } from '../lab/until.js';
import { ADMINISTRATOR, ETCD, OTHER_NODE } from './addresses.js';
import { Apiserver } from './apiserver.js';
import { Etcd } from './etcd.js';
import { Pki } from './pki.js';
import { program, programEnvironment } from './programs.js';
import { KUBELET_CONFIG, Worker } from './worker.js';

/** The token of the tests' clients. An apiserver accepts it without asking etcd, and allows everything. */
const TOKEN = 'lvscare-tests';
/** The token of a user without special rights: an overloaded apiserver rejects its requests. */
const READER_TOKEN = 'lvscare-reader';
export const AUTHORIZATION = { authorization: `Bearer ${TOKEN}` };

const MASTERS = 3;
/** So many names of masters are in the certificate of the apiservers: also of those that come later. */
const MOST_MASTERS = 7;

/** Everything in it is gone when it is closed. */
export class Cluster {
  readonly pki: Pki;
  readonly etcd: Etcd;
  /** Those of {@link addMaster}, too. */
  masters: readonly Apiserver[];
  readonly administrator: LabClient;
  /** The CA, or CAs, of the cluster, PEM. */
  ca: string;
  readonly #network: Network;
  readonly #home: string;
  readonly #workers: Worker[] = [];
  readonly #nodes: LabClient[] = [];
  /** How many masters there were so far. */
  #added = MASTERS;

  private constructor(
    network: Network,
    home: string,
    pki: Pki,
    etcd: Etcd,
    masters: readonly Apiserver[],
    administrator: LabClient,
    ca: string,
  ) {
    this.#network = network;
    this.#home = home;
    this.pki = pki;
    this.etcd = etcd;
    this.masters = masters;
    this.administrator = administrator;
    this.ca = ca;
  }

  /** A control plane of three masters whose apiservers are all ready. */
  static async create(): Promise<Cluster> {
    const home = await mkdtemp(`${process.env['TMPDIR'] ?? '/tmp'}/cluster.`);
    const network = new Network(nextPrefix());
    let cluster: Cluster;
    try {
      cluster = await Cluster.#build(home, network);
    } catch (error) {
      await network.close();
      await rm(home, { recursive: true, force: true });
      throw error;
    }
    try {
      await cluster.#start();
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  /** A cluster of which nothing runs yet. */
  static async #build(home: string, network: Network): Promise<Cluster> {
    await network.start();
    const etcd = new Etcd(await network.plug('etcd', ETCD), `${home}/etcd`);
    const pki = await Pki.create(`${home}/pki`, MOST_MASTERS, Etcd.url);
    const tokenFile = tokenFileIn(home);
    await writeFile(tokenFile, `${TOKEN},tester,tester,system:masters\n${READER_TOKEN},reader,reader\n`);
    const masters: Apiserver[] = [];
    for (let index = 0; index < MASTERS; index++) {
      const name = `master${index}`;
      masters.push(
        new Apiserver(name, await network.plug(name, masterAddresses(index)), network, pki, tokenFile),
      );
    }
    const administrator = new LabClient('administrator', await network.plug('administrator', ADMINISTRATOR));
    return new Cluster(network, home, pki, etcd, masters, administrator, await pki.read('ca.crt'));
  }

  async #start(): Promise<void> {
    await this.administrator.start();
    await this.etcd.start();
    // Together they race for etcd, and take longer.
    const [first, ...others] = this.masters;
    first?.start();
    await this.ready(this.masters.slice(0, 1));
    for (const other of others) other.start();
    await this.ready();
  }

  /** Starts one more master, at an address of its own, and waits until it is ready. */
  async addMaster(): Promise<Apiserver> {
    const index = this.#added++;
    if (index >= MOST_MASTERS) throw new RangeError(`a cluster has at most ${MOST_MASTERS} masters`);
    const name = `master${index}`;
    const host = await this.#network.plug(name, masterAddresses(index));
    const master = new Apiserver(name, host, this.#network, this.pki, tokenFileIn(this.#home));
    this.masters = [...this.masters, master];
    master.start();
    await this.ready([master]);
    return master;
  }

  /** Ends a master for good: its apiserver by SIGTERM, as kubelet does when its manifest is removed. */
  async removeMaster(master: Apiserver): Promise<void> {
    await master.terminate();
    this.masters = this.masters.filter((other) => other !== master);
  }

  /** From now on another CA signs; clients are to trust both. */
  async addAuthority(): Promise<void> {
    this.ca = await this.pki.addAuthority();
  }

  /** The master with this index among those that are there; the first is 0. */
  master(index: number): Apiserver {
    const master = this.masters[index];
    if (master === undefined) throw new RangeError(`this cluster has no master ${index}`);
    return master;
  }

  /** Waits until these apiservers are ready; all of them, if none are given. */
  async ready(masters: readonly Apiserver[] = this.masters): Promise<void> {
    for (const master of masters)
      await until(() => this.#isReady(master), {
        what: () => `${master.name} is ready; it wrote:\n${master.log}`,
        timeoutMs: 120_000,
        everyMs: 250,
      });
  }

  async #isReady(master: Apiserver): Promise<boolean> {
    const answer = await this.ask(master, '/readyz');
    return answer.ok && answer.status === 200;
  }

  /** Asks one apiserver, from the administrator's machine. */
  ask(master: Apiserver, path: string): Promise<RequestResult> {
    return this.administrator.request(urlOf(master.addresses.ipv4, path), { headers: AUTHORIZATION });
  }

  /** Asks an apiserver's /healthz as lvscare does, without credentials, until it is well; collects what it said. */
  async askUntilReady(master: Apiserver, answers: Set<string>): Promise<void> {
    await until(
      async () => {
        const answer = await this.#askAnonymously(master);
        answers.add(answer);
        return answer === '200';
      },
      { what: `${master.name} is well`, timeoutMs: 120_000, everyMs: 100 },
    );
  }

  /**
   * Takes all places for requests of an apiserver that has so many, by asking for something large and reading it slowly, until
   * the function that it resolves to is called.
   */
  async occupy(master: Apiserver, places: number): Promise<() => Promise<void>> {
    const url = urlOf(master.addresses.ipv4, '/openapi/v2');
    const args = [
      '-sk',
      '--http1.1',
      // One that found all places taken, by a request of another client, tries again.
      '--retry',
      '60',
      '--retry-delay',
      '1',
      '--limit-rate',
      '1k',
      '-o',
      '/dev/null',
      '-H',
      `Authorization: Bearer ${READER_TOKEN}`,
      url,
    ];
    const readers = Array.from({ length: places }, () => this.administrator.spawn('curl', args));
    await until(async () => (await this.#askAnonymously(master)) === '429', {
      what: `${master.name} is overloaded`,
      timeoutMs: 30_000,
    });
    return async () => {
      await Promise.all(readers.map((reader) => reader.kill()));
    };
  }

  /** The status, or the error's code. */
  async #askAnonymously(master: Apiserver): Promise<string> {
    const answer = await this.administrator.request(urlOf(master.addresses.ipv4, '/healthz'), {
      timeoutMs: 1000,
    });
    return answer.ok ? String(answer.status) : answer.code;
  }

  /** Runs kubectl on the administrator's machine, with every right; its stdout. @param at The apiserver that it asks. */
  kubectl(args: readonly string[], { input = '', at = this.master(0) } = {}): Promise<string> {
    const options = [
      '--kubeconfig',
      this.pki.adminFile,
      '--server',
      urlOf(at.addresses.ipv4, ''),
      '--request-timeout=20s',
    ];
    return this.administrator.must(program('kubectl'), [...options, ...args], {
      input,
      env: programEnvironment(),
    });
  }

  /** Whether the API has this pod of kube-system as ready. */
  async podIsReady(name: string): Promise<boolean> {
    const text = await this.kubectl([
      '-n',
      'kube-system',
      'get',
      'pod',
      name,
      '--ignore-not-found',
      '-o',
      'json',
    ]);
    if (text === '') return false;
    const { status } = JSON.parse(text) as Pod;
    return status.containerStatuses?.[0]?.ready === true;
  }

  /** Writes a kubeconfig of the administrator's that leads to one apiserver; its file. */
  async kubeconfigOf(master: Apiserver): Promise<string> {
    const text = await readFile(this.pki.adminFile, 'utf8');
    const file = `${this.#home}/${master.name}.conf`;
    await writeFile(file, text.replace(/server: .*/, `server: ${urlOf(master.addresses.ipv4, '')}`));
    return file;
  }

  /** Runs kubeadm on a worker, with the administrator's rights; its stdout. */
  async kubeadmOn(worker: Worker, ...phase: readonly string[]): Promise<string> {
    const home = '/run/kubeadm';
    await worker.write(`${home}/admin.conf`, await readFile(this.pki.adminFile, 'utf8'));
    // Workers have certificates in kubeadm's usual place.
    const config = (await readFile(this.pki.kubeadmFile, 'utf8')).replace(
      /^certificatesDir: .*$/m,
      'certificatesDir: /etc/kubernetes/pki',
    );
    await worker.write(`${home}/kubeadm.yaml`, `${config}---\n${KUBELET_CONFIG}`);
    return worker.must(program('kubeadm'), [
      ...phase,
      ...['--config', `${home}/kubeadm.yaml`, '--kubeconfig', `${home}/admin.conf`],
    ]);
  }

  /** A worker that has booted, with nothing on it. */
  async addWorker(name = 'worker0', addresses: Addresses = NODE): Promise<Worker> {
    const worker = await Worker.create(name, addresses, this.#network, `${this.#home}/${name}`);
    this.#workers.push(worker);
    return worker;
  }

  /** A node without kubelet. */
  async addNode(name: string): Promise<LabNode> {
    const node = new LabNode(await this.#network.plug(name, OTHER_NODE), this.#network, name);
    this.#nodes.push(node);
    await node.start();
    return node;
  }

  /** A pod on a worker, in the pod network, behind a bridge. */
  async addPod(worker: Worker): Promise<LabClient> {
    const pod = new LabClient('pod', await this.#network.addPod('pod', POD, worker.node.host));
    this.#nodes.push(pod);
    await pod.start();
    return pod;
  }

  /** Ends all that it started. */
  async close(): Promise<void> {
    for (const worker of this.#workers.splice(0)) await worker.close();
    for (const node of this.#nodes.splice(0)) await node.close();
    for (const master of this.masters) {
      master.cont();
      await master.kill();
    }
    await this.etcd.close();
    await this.administrator.close();
    await this.#network.close();
    await rm(this.#home, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function tokenFileIn(home: string): string {
  return `${home}/tokens.csv`;
}

let clusters = 0;

/** Unlike that of any other cluster in this kernel: one that was ended by force leaves its network behind. */
function nextPrefix(): string {
  return `kube${process.pid}.${clusters++}`;
}

interface Pod {
  readonly status: { readonly containerStatuses?: readonly { readonly ready: boolean }[] };
}
