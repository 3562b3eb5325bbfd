/** The node of a lab: the host that lvscare runs on, and its clients. */
import { fileURLToPath } from 'node:url';
import { endpoint, VIP, type Addresses } from './addresses.js';
import type {
  ClientCalls,
  ClientEvent,
  Ending,
  RequestOptions,
  RequestResult,
  SteadyOptions,
} from './client-calls.js';
import { LabConnection, SteadyClient } from './client-handles.js';
import { parseTable, type VirtualServerRow } from './ipvsadm.js';
import { inside, urlOf, type Host, type Impairment, type Network } from './network.js';
import { LabProcess, type StartOptions } from './process.js';
import { Remote } from './remote.js';
import { must, run, type Result, type RunOptions } from './run.js';

const PROGRAM = fileURLToPath(new URL('./client.js', import.meta.url));

/** An object of `ip -j`. */
type IpObject = Readonly<Record<string, unknown>>;

/** The node. */
export class LabNode {
  readonly addresses: Addresses;
  readonly host: Host;
  readonly #network: Network;
  readonly #started: LabProcess[] = [];
  readonly #endings = new Map<number, PromiseWithResolvers<Ending>>();
  readonly #steadies = new Map<number, SteadyClient>();
  #client: { readonly process: LabProcess; readonly remote: Remote<ClientCalls, ClientEvent> } | null = null;

  constructor(host: Host, network: Network) {
    this.host = host;
    this.#network = network;
    this.addresses = host.addresses;
  }

  /** Starts the client process; resolves when it is ready. */
  async start(): Promise<void> {
    const args = inside(this.host.namespace, process.execPath, [PROGRAM]);
    const started = new LabProcess('ip', args, { ipc: true });
    await new Promise<void>((resolve, reject) => {
      const remote = new Remote<ClientCalls, ClientEvent>(started.child, (event) => {
        if (event.kind === 'ready') resolve();
        else this.#hear(event);
      });
      this.#client = { process: started, remote };
      started.exited.then((status) => {
        reject(new Error(`the node's client ended with status ${status}:\n${started.text()}`));
      }, reject);
    });
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

  /** Runs a program on the node to its end. */
  exec(command: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Result> {
    return run('ip', inside(this.host.namespace, command, args), options);
  }

  /** Runs a program on the node that has to succeed; its stdout. */
  must(command: string, args: readonly string[] = [], options: RunOptions = {}): Promise<string> {
    return must('ip', inside(this.host.namespace, command, args), options);
  }

  /** Starts a program on the node that runs on. The lab ends it, if nobody did, when it closes. */
  spawn(command: string, args: readonly string[] = [], options: StartOptions = {}): LabProcess {
    const started = new LabProcess('ip', inside(this.host.namespace, command, args), options);
    this.#started.push(started);
    return started;
  }

  /** Asks from the node, over a connection of its own. Default: who answers at the VIP. */
  request(url = this.vipUrl('/whoami'), options: RequestOptions = {}): Promise<RequestResult> {
    return this.#remote.call('request', url, options);
  }

  /** Opens a long-lived connection. Default: to the VIP. Rejects with the code as the error's message. */
  async open(url = this.vipUrl('/'), options: RequestOptions = {}): Promise<LabConnection> {
    const number = await this.#remote.call('open', url, options);
    return new LabConnection(this.#remote, number, url, this.#ending(number).promise);
  }

  /** Starts a steady client. Default: it asks the VIP who answers. */
  async steady(options: Omit<SteadyOptions, 'url'> & { url?: string }): Promise<SteadyClient> {
    const number = await this.#remote.call('startSteady', { url: this.vipUrl('/whoami'), ...options });
    return this.#steady(number);
  }

  /** A URL at the VIP. */
  vipUrl(path: string, family: keyof Addresses = 'ipv4'): string {
    return urlOf(VIP[family], path);
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

  /** Ends what was started on the node. */
  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    const left = this.#started.splice(0);
    await Promise.allSettled([...left.map((started) => started.kill()), client?.process.kill()]);
  }

  get #remote(): Remote<ClientCalls, ClientEvent> {
    if (this.#client === null) throw new Error("the node's client does not run");
    return this.#client.remote;
  }

  #hear(event: Exclude<ClientEvent, { kind: 'ready' }>): void {
    switch (event.kind) {
      case 'ended':
        this.#ending(event.connection).resolve(event.ending);
        break;
      case 'sample':
        this.#steady(event.steady).take(event.sample);
        break;
    }
  }

  /** An event may come before the answer that tells its number. */
  #ending(number: number): PromiseWithResolvers<Ending> {
    let ending = this.#endings.get(number);
    if (ending === undefined) {
      ending = withResolvers<Ending>();
      this.#endings.set(number, ending);
    }
    return ending;
  }

  #steady(number: number): SteadyClient {
    let steady = this.#steadies.get(number);
    if (steady === undefined) {
      steady = new SteadyClient(this.#remote, number);
      this.#steadies.set(number, steady);
    }
    return steady;
  }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((resolver) => (resolve = resolver));
  return { promise, resolve };
}
