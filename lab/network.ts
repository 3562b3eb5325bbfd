/** The wires of a lab: a switch, and hosts that are plugged into it, each a network namespace. */
import { rm, stat } from 'node:fs/promises';
import { APISERVER_PORT, endpoint, POD_GATEWAY, VIP, type Addresses } from './addresses.js';
import { must, run } from './run.js';
import { until } from './until.js';

/** What hosts are plugged into: a bridge, in a namespace. */
interface Switch {
  readonly namespace: string;
  readonly bridge: string;
}

/** The bridge of a node that its pods are plugged into. */
const POD_BRIDGE = 'cni0';

/** A host on a switch: its namespace, the switch's, and the switch's port that its cable ends in. */
export interface Host {
  readonly namespace: string;
  readonly switchNamespace: string;
  readonly port: string;
  readonly addresses: Addresses;
}

/** What is wrong with a cable. */
export interface Impairment {
  readonly delayMs: number;
  readonly lossPercent: number;
}

/** A switch with hosts. Nothing of it is in the namespace of the one who made it. */
export class Network {
  readonly #switch: string;
  readonly #prefix: string;
  readonly #namespaces: string[] = [];
  readonly #prohibited = new Set<Host>();
  readonly #impaired = new Set<Host>();

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.#switch = `${prefix}-switch`;
  }

  async start(): Promise<void> {
    await this.#addNamespace(this.#switch);
    await inNamespace(this.#switch, ['link set lo up', 'link add switch type bridge', 'link set switch up']);
  }

  /** Plugs a host in. When it resolves, packets pass, and the kernel adds no more addresses and routes by itself. */
  plug(name: string, addresses: Addresses): Promise<Host> {
    return this.#plug(name, addresses, { namespace: this.#switch, bridge: 'switch' });
  }

  /** Plugs in a host whose way to the virtual server is through the node, as an administrator's own machine might. */
  async plugExternal(name: string, addresses: Addresses, node: Host): Promise<Host> {
    const host = await this.#plug(name, addresses, { namespace: this.#switch, bridge: 'switch' });
    await forward(node);
    await inNamespace(host.namespace, [
      `route add ${VIP.ipv4}/32 via ${node.addresses.ipv4}`,
      `route add ${VIP.ipv6}/128 via ${node.addresses.ipv6}`,
    ]);
    return host;
  }

  /** A pod on the node: behind a bridge, in a network that nobody but the node knows. */
  async addPod(name: string, addresses: Addresses, node: Host): Promise<Host> {
    await inNamespace(node.namespace, [
      `link add ${POD_BRIDGE} type bridge`,
      `address add ${POD_GATEWAY.ipv4}/24 dev ${POD_BRIDGE}`,
      `address add ${POD_GATEWAY.ipv6}/64 dev ${POD_BRIDGE} nodad`,
      `link set ${POD_BRIDGE} up`,
    ]);
    await forward(node);
    const pod = await this.#plug(name, addresses, { namespace: node.namespace, bridge: POD_BRIDGE });
    await inNamespace(pod.namespace, [
      `route add default via ${POD_GATEWAY.ipv4}`,
      `route add ::/0 via ${POD_GATEWAY.ipv6}`,
    ]);
    return pod;
  }

  async #plug(name: string, addresses: Addresses, into: Switch): Promise<Host> {
    const namespace = `${this.#prefix}-${name}`;
    const host = { namespace, switchNamespace: into.namespace, port: name, addresses };
    await this.#addNamespace(host.namespace);
    await inNamespace(into.namespace, [
      `link add name ${host.port} master ${into.bridge} type veth peer name eth0 netns ${host.namespace}`,
      `link set ${host.port} up`,
    ]);
    await inNamespace(host.namespace, [
      'link set lo up',
      `address add ${addresses.ipv4}/24 dev eth0`,
      `address add ${addresses.ipv6}/64 dev eth0 nodad`,
      'link set eth0 up',
    ]);
    await this.#untilPassing(host);
    return host;
  }

  /** Pulls the host's cable, without a word to anybody. */
  async cut(host: Host): Promise<void> {
    await inNamespace(host.switchNamespace, [`link set ${host.port} down`]);
  }

  /**
   * From now on the host's port answers with ICMP that it is prohibited, as a firewall would; other ports, and what the
   * host itself sends, are let pass. IPv4.
   */
  async prohibit(host: Host): Promise<void> {
    // A rule that comes before the one that delivers to local addresses. Only one who forwards tells the sender.
    await must('ip', inside(host.namespace, 'tee', ['/proc/sys/net/ipv4/conf/eth0/forwarding']), {
      input: '1\n',
    });
    await inNamespace(host.namespace, [
      'rule add pref 2 lookup local',
      `rule add pref 1 iif eth0 ipproto tcp dport ${APISERVER_PORT} prohibit`,
      'rule delete pref 0',
    ]);
    this.#prohibited.add(host);
  }

  /**
   * From now on the host's cable is a bad one: what the host sends is delayed by so much, and so many percent of it are
   * lost.
   */
  async impair(host: Host, { delayMs, lossPercent }: Impairment): Promise<void> {
    const netem = ['netem', 'delay', `${delayMs}ms`, 'loss', `${lossPercent}%`, 'limit', '10000'];
    await must('tc', ['-n', host.namespace, 'qdisc', 'replace', 'dev', 'eth0', 'root', ...netem]);
    this.#impaired.add(host);
  }

  /** Puts everything right again between the host and the others; resolves when packets pass. */
  async mend(host: Host): Promise<void> {
    if (this.#prohibited.delete(host))
      await inNamespace(host.namespace, [
        'rule add pref 0 lookup local',
        'rule delete pref 1',
        'rule delete pref 2',
      ]);
    if (this.#impaired.delete(host))
      await must('tc', ['-n', host.namespace, 'qdisc', 'delete', 'dev', 'eth0', 'root']);
    await inNamespace(host.switchNamespace, [`link set ${host.port} up`]);
    await this.#untilPassing(host);
  }

  /** Takes a host away, with all of its network. */
  async unplug(host: Host): Promise<void> {
    this.#namespaces.splice(this.#namespaces.indexOf(host.namespace), 1);
    await this.#delete(host.namespace);
  }

  /** Takes everything away that was made, as far as it was. */
  async close(): Promise<void> {
    const names = this.#namespaces.splice(0);
    await Promise.all(names.map((name) => this.#delete(name)));
  }

  /** With lvscare's record of it: the kernel gives a later namespace the same number. */
  async #delete(name: string): Promise<void> {
    const made = await stat(`/run/netns/${name}`).catch(() => null);
    await run('ip', ['netns', 'delete', name]);
    if (made !== null) await rm(`/run/lvscare/${made.ino}`, { recursive: true, force: true });
  }

  async #addNamespace(name: string): Promise<void> {
    this.#namespaces.push(name);
    await must('ip', ['netns', 'add', name]);
    // The link-local addresses that the kernel makes up by itself: nobody looks for duplicates of them either.
    await must('ip', inside(name, 'tee', ['/proc/sys/net/ipv6/conf/default/accept_dad']), { input: '0\n' });
  }

  async #untilPassing(host: Host): Promise<void> {
    await until(
      async () => {
        const port = await must('ip', ['-n', host.switchNamespace, '-d', 'link', 'show', host.port]);
        if (!port.includes('state UP') || !port.includes('state forwarding')) return false;
        const shown = await must('ip', ['-n', host.namespace, 'address', 'show', 'dev', 'eth0']);
        return shown.includes('state UP') && !shown.includes(' tentative');
      },
      { what: `${host.port} is up and forwarding, and eth0 has its addresses` },
    );
  }
}

/** The arguments that run a command in a namespace, for `ip`. */
export function inside(namespace: string, command: string, args: readonly string[]): string[] {
  return ['netns', 'exec', namespace, command, ...args];
}

/** Has a host pass packets on between others, as every Kubernetes node does. */
async function forward({ namespace }: Host): Promise<void> {
  const files = ['/proc/sys/net/ipv4/ip_forward', '/proc/sys/net/ipv6/conf/all/forwarding'];
  await must('ip', inside(namespace, 'tee', files), { input: '1\n' });
}

/** One `ip` for many commands. */
async function inNamespace(namespace: string, commands: readonly string[]): Promise<void> {
  await must('ip', ['-n', namespace, '-batch', '-'], { input: `${commands.join('\n')}\n` });
}

/** `https://10.103.97.200:6443/whoami` */
export function urlOf(address: string, path: string, port = APISERVER_PORT): string {
  return `https://${endpoint(address, port)}${path}`;
}
