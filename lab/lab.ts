/** A lab: masters with apiservers, a node and, if wanted, clients elsewhere, on a switch of their own. Needs root and a kernel with IPVS. */
import { EXTERNAL, MAX_MASTERS, masterAddresses, NODE, POD } from './addresses.js';
import { Certificates } from './certificates.js';
import { LabClient } from './lab-client.js';
import { Master, masterCertificate } from './master.js';
import { Network, type Host } from './network.js';
import { LabNode } from './node.js';

/**
 * Where a client can be beside the node itself: in a pod of the node's, or on another host, whose way to the virtual
 * server is through the node.
 */
type Elsewhere = 'pod' | 'external';

interface LabOptions {
  /** How many masters, 1 to 8. Default 3. */
  readonly masters?: number;
  /** Clients beside the node's own. Default none. */
  readonly clients?: readonly Elsewhere[];
  /** Whether the node is a control-plane node: the first master is the node itself. Default no. */
  readonly nodeServes?: boolean;
}

/** Everything in it is gone when it is closed. */
export class Lab {
  readonly certificates: Certificates;
  readonly masters: readonly Master[];
  readonly node: LabNode;
  readonly #clients: ReadonlyMap<Elsewhere, LabClient>;
  readonly #network: Network;
  readonly #closers: Closers;

  private constructor(
    certificates: Certificates,
    masters: readonly Master[],
    node: LabNode,
    clients: ReadonlyMap<Elsewhere, LabClient>,
    network: Network,
    closers: Closers,
  ) {
    this.certificates = certificates;
    this.masters = masters;
    this.node = node;
    this.#clients = clients;
    this.#network = network;
    this.#closers = closers;
  }

  /** Builds a lab with every apiserver listening. If that fails, nothing is left of it. */
  static async create(options: LabOptions = {}): Promise<Lab> {
    const { masters: count = 3 } = options;
    if (!Number.isInteger(count) || count < 1 || count > MAX_MASTERS)
      throw new TypeError(`masters: expected 1 to ${MAX_MASTERS}, got ${count}`);
    const closers = new Closers();
    try {
      return await Lab.#build({ clients: [], nodeServes: false, ...options, masters: count }, closers);
    } catch (error) {
      await closers.close();
      throw error;
    }
  }

  static async #build(options: Required<LabOptions>, closers: Closers): Promise<Lab> {
    const network = new Network(nextPrefix());
    closers.add(() => network.close());
    const certificates = await Certificates.create();
    closers.add(() => certificates.close());
    await network.start();

    // The processes start while the rest is being built: that is what takes the time.
    const starting: Promise<void>[] = [];
    const start = (part: Master | LabClient): void => {
      closers.add(() => part.close());
      const started = part.start();
      started.catch(() => undefined);
      starting.push(started);
    };
    const node = new LabNode(await network.plug('node', NODE), network);
    start(node);
    const clients = new Map<Elsewhere, LabClient>();
    for (const where of options.clients) {
      const host = await plugs[where](network, node.host);
      const client = new LabClient(where, host);
      clients.set(where, client);
      start(client);
    }
    const masters: Master[] = [];
    for (let index = 0; index < options.masters; index++) {
      const name = `master${index}`;
      const onNode = options.nodeServes && index === 0;
      const host = onNode ? node.host : await network.plug(name, masterAddresses(index));
      const master = new Master(
        name,
        host,
        network,
        await masterCertificate(certificates, name, host.addresses),
        certificates.authority.certificateFile,
      );
      start(master);
      masters.push(master);
    }
    await Promise.all(starting);
    return new Lab(certificates, masters, node, clients, network, closers);
  }

  /** The master with this index; the first is 0. */
  master(index: number): Master {
    const master = this.masters[index];
    if (master === undefined) throw new RangeError(`this lab has no master ${index}`);
    return master;
  }

  /** The client there: the node's own, or one that the lab was made with. */
  client(where: 'node' | Elsewhere): LabClient {
    const client = where === 'node' ? this.node : this.#clients.get(where);
    if (client === undefined) throw new RangeError(`this lab has no client ${where}: make it with one`);
    return client;
  }

  /** A master's host as one more node, with a client of its own: lvscare runs on masters, too. */
  async nodeAt(index: number): Promise<LabNode> {
    const { name, host } = this.master(index);
    if (host === this.node.host) return this.node;
    const node = new LabNode(host, this.#network, name);
    this.#closers.add(() => node.close());
    await node.start();
    return node;
  }

  /** What `--health-ca` is given. */
  get caFile(): string {
    return this.certificates.authority.certificateFile;
  }

  /** Takes the lab away; twice is fine. */
  close(): Promise<void> {
    return this.#closers.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** How each client's host is plugged in. */
const plugs: Readonly<Record<Elsewhere, (network: Network, node: Host) => Promise<Host>>> = {
  pod: (network, node) => network.addPod('pod', POD, node),
  external: (network, node) => network.plugExternal('external', EXTERNAL, node),
};

/** What is to be taken away: last made, first gone. */
class Closers {
  readonly #closers: (() => Promise<void>)[] = [];

  add(closer: () => Promise<void>): void {
    this.#closers.push(closer);
  }

  /** All of them, even if one fails; the first failure is told. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop())
      await closer().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }
}

let labs = 0;

/** Unlike that of any other lab in this kernel. */
function nextPrefix(): string {
  return `lab${process.pid}.${labs++}`;
}
