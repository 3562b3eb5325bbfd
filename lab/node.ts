/** The node of a lab: the host that lvscare runs on, and its clients. */
import { endpoint, VIP, type Addresses } from './addresses.js';
import { parseTable, type VirtualServerRow } from './ipvsadm.js';
import { LabClient } from './lab-client.js';
import type { Host, Impairment, Network } from './network.js';
import { must } from './run.js';

/** An object of `ip -j`. */
type IpObject = Readonly<Record<string, unknown>>;

/** The node. */
export class LabNode extends LabClient {
  readonly #network: Network;

  constructor(host: Host, network: Network, name = 'node') {
    super(name, host);
    this.#network = network;
  }

  /** Pulls the node's own cable: to the node it looks as if everybody else were gone. */
  cut(): Promise<void> {
    return this.#network.cut(this.host);
  }

  /** From now on what the node sends is delayed, and some of it lost. */
  impair(impairment: Impairment): Promise<void> {
    return this.#network.impair(this.host, impairment);
  }

  /** Puts the node's cable right again; resolves when packets pass. */
  mend(): Promise<void> {
    return this.#network.mend(this.host);
  }

  /** `ipvsadm -Ln`, as it is. */
  ipvsadmText(): Promise<string> {
    return this.must('ipvsadm', ['-Ln']);
  }

  /** `ipvsadm` with arguments as one would type them. */
  async ipvsadm(commandLine: string): Promise<string> {
    return this.must('ipvsadm', commandLine.split(' '));
  }

  /** The table that `ipvsadm -Ln` shows. */
  async table(): Promise<VirtualServerRow[]> {
    return parseTable(await this.ipvsadmText());
  }

  /** The virtual server's rows, by endpoint, with their weights; null if there is no such virtual server. */
  async weights(virtualServer = endpoint(VIP.ipv4)): Promise<Record<string, number> | null> {
    const row = (await this.table()).find(
      ({ protocol, endpoint: at }) => protocol === 'TCP' && at === virtualServer,
    );
    if (row === undefined) return null;
    return Object.fromEntries(row.realServers.map((server) => [server.endpoint, server.weight]));
  }

  /** `ip -j` with arguments as one would type them. */
  async ipJson(commandLine: string): Promise<IpObject[]> {
    const text = await must('ip', ['-n', this.host.namespace, '-j', ...commandLine.split(' ')]);
    return text.trim() === '' ? [] : (JSON.parse(text) as IpObject[]);
  }

  /** `ip` with arguments as one would type them. */
  ip(commandLine: string): Promise<string> {
    return must('ip', ['-n', this.host.namespace, ...commandLine.split(' ')]);
  }

  /** The routes of a table. */
  routes(table = 'main', family: keyof Addresses = 'ipv4'): Promise<IpObject[]> {
    return this.ipJson(`${family === 'ipv6' ? '-6' : '-4'} route show table ${table}`);
  }

  /** Reads a sysctl of the node, such as `net.ipv4.vs.expire_nodest_conn`; sets it first if a value is given. */
  async sysctl(name: string, value?: string | number): Promise<string> {
    const file = `/proc/sys/${name.replaceAll('.', '/')}`;
    if (value !== undefined) await this.must('tee', [file], { input: `${value}\n` });
    return (await this.must('cat', [file])).trim();
  }
}
