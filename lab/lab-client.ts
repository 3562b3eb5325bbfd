/** A host of a lab that asks the virtual server: its client process, and whatever else is run there. */
import { fileURLToPath } from 'node:url';
import { VIP, type Addresses } from './addresses.js';
import type {
  ClientCalls,
  ClientEvent,
  Ending,
  RequestOptions,
  RequestResult,
  SteadyOptions,
} from './client-calls.js';
import { LabConnection, SteadyClient } from './client-handles.js';
import { inside, urlOf, type Host } from './network.js';
import { LabProcess, type StartOptions } from './process.js';
import { Remote } from './remote.js';
import { must, run, type Result, type RunOptions } from './run.js';

const PROGRAM = fileURLToPath(new URL('./client.js', import.meta.url));

/** A client: the node's own, a pod's, or one on another host. */
export class LabClient {
  readonly name: string;
  readonly host: Host;
  readonly addresses: Addresses;
  readonly #started: LabProcess[] = [];
  readonly #endings = new Map<number, PromiseWithResolvers<Ending>>();
  readonly #steadies = new Map<number, SteadyClient>();
  #client: { readonly process: LabProcess; readonly remote: Remote<ClientCalls, ClientEvent> } | null = null;

  constructor(name: string, host: Host) {
    this.name = name;
    this.host = host;
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
        reject(new Error(`the client of ${this.name} ended with status ${status}:\n${started.text()}`));
      }, reject);
    });
  }

  /** Runs a program here to its end. */
  exec(command: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Result> {
    return run('ip', inside(this.host.namespace, command, args), options);
  }

  /** Runs a program here that has to succeed; its stdout. */
  must(command: string, args: readonly string[] = [], options: RunOptions = {}): Promise<string> {
    return must('ip', inside(this.host.namespace, command, args), options);
  }

  /** Starts a program here that runs on. The lab ends it, if nobody did, when it closes. */
  spawn(command: string, args: readonly string[] = [], options: StartOptions = {}): LabProcess {
    const started = new LabProcess('ip', inside(this.host.namespace, command, args), options);
    this.#started.push(started);
    return started;
  }

  /** Asks from here, over a connection of its own. Default: who answers at the VIP. */
  request(url = this.vipUrl('/whoami'), options: RequestOptions = {}): Promise<RequestResult> {
    return this.#remote.call('request', url, options);
  }

  /** The source address that the server saw a request from here come from; the error's code when none answered. */
  async seenAs(url = this.vipUrl('/whoami'), options: RequestOptions = {}): Promise<string> {
    const result = await this.request(url, options);
    return result.ok ? (result.whoami?.remoteAddress ?? `status ${result.status}`) : result.code;
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

  /** Ends what was started here. */
  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    const left = this.#started.splice(0);
    await Promise.allSettled([...left.map((started) => started.kill()), client?.process.kill()]);
  }

  get #remote(): Remote<ClientCalls, ClientEvent> {
    if (this.#client === null) throw new Error(`the client of ${this.name} does not run`);
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
