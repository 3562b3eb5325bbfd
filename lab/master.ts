/** One master of a lab: a host with an apiserver on it, and everything that can befall it. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { APISERVER_PORT, endpoint, VIP, type Addresses } from './addresses.js';
import type {
  ApiserverCalls,
  ApiserverEvent,
  ApiserverOptions,
  ApiserverStats,
  Credentials,
  Greeting,
  HealthBehaviour,
  Manners,
} from './apiserver-calls.js';
import { APISERVER_NAMES, type Certificate, type Certificates } from './certificates.js';
import { inside, type Host, type Impairment, type Network } from './network.js';
import { LabProcess } from './process.js';
import { Remote } from './remote.js';
import { run, type Result, type RunOptions } from './run.js';
import { until } from './until.js';

const PROGRAM = fileURLToPath(new URL('./apiserver.js', import.meta.url));

interface Apiserver {
  readonly process: LabProcess;
  readonly remote: Remote<ApiserverCalls, ApiserverEvent>;
}

/** A master. What its methods promise is so when they resolve. */
export class Master {
  /** As `/whoami` tells it. */
  readonly name: string;
  readonly addresses: Addresses;
  readonly host: Host;
  readonly #network: Network;
  readonly #clientCaFile: string;
  #certificate: Certificate;
  #apiserver: Apiserver | null = null;

  constructor(name: string, host: Host, network: Network, certificate: Certificate, clientCaFile: string) {
    this.name = name;
    this.host = host;
    this.addresses = host.addresses;
    this.#network = network;
    this.#certificate = certificate;
    this.#clientCaFile = clientCaFile;
  }

  /** `10.103.97.200:6443` */
  get endpoint(): string {
    return endpoint(this.addresses.ipv4);
  }

  /** `[fd00:10:103:97::200]:6443` */
  get endpoint6(): string {
    return endpoint(this.addresses.ipv6);
  }

  /** The apiserver's process id, while it runs. */
  get pid(): number {
    return this.#running.process.pid;
  }

  /** Starts the apiserver, healthy; resolves when it listens. */
  async start(): Promise<void> {
    if (this.#apiserver !== null) throw new Error(`${this.name} runs already`);
    const { certificateFile, keyFile } = this.#certificate;
    const options: ApiserverOptions = {
      name: this.name,
      port: APISERVER_PORT,
      clientCaFile: this.#clientCaFile,
      certificateFile,
      keyFile,
    };
    const args = inside(this.host.namespace, process.execPath, [PROGRAM, JSON.stringify(options)]);
    const started = new LabProcess('ip', args, { ipc: true });
    await new Promise<void>((resolve, reject) => {
      const remote = new Remote<ApiserverCalls, ApiserverEvent>(started.child, (event) => {
        if (event.kind === 'listening') resolve();
        else reject(new Error(`${this.name}: ${event.why}`));
      });
      this.#apiserver = { process: started, remote };
      started.exited.then((status) => {
        reject(new Error(`${this.name} ended with status ${status}:\n${started.text()}`));
      }, reject);
    });
  }

  /** Kills the process: the kernel closes its connections. */
  async kill(): Promise<void> {
    const { process: running } = this.#running;
    this.#apiserver = null;
    await running.kill();
  }

  /** Ends the process in good order; fine if it does not run. */
  async close(): Promise<void> {
    const running = this.#apiserver;
    this.#apiserver = null;
    await running?.process.stop();
  }

  /** Ends it in good order and starts it again. */
  async restart(): Promise<void> {
    await this.close();
    await this.start();
  }

  /** Stops the process by SIGSTOP: the kernel still accepts connections, nobody answers. */
  async stop(): Promise<void> {
    this.#running.process.signal('SIGSTOP');
    await this.#untilState((state) => state === 'T', 'stopped');
  }

  /** Lets a stopped process go on. */
  async cont(): Promise<void> {
    this.#running.process.signal('SIGCONT');
    await this.#untilState((state) => state !== 'T', 'running');
  }

  /** Pulls the host's cable, as if its power were gone: no packet gets there or comes from there. */
  cut(): Promise<void> {
    return this.#network.cut(this.host);
  }

  /** From now on who sends to the apiserver's port is told by ICMP that it is prohibited, as by a firewall. */
  prohibit(): Promise<void> {
    return this.#network.prohibit(this.host);
  }

  /** From now on what the host sends is delayed, and some of it lost. */
  impair(impairment: Impairment): Promise<void> {
    return this.#network.impair(this.host, impairment);
  }

  /** Puts the host's cable and its firewall right again; resolves when packets pass. */
  mend(): Promise<void> {
    return this.#network.mend(this.host);
  }

  /** From now on the health paths answer like this; other requests are answered as ever. */
  behave(health: HealthBehaviour): Promise<void> {
    return this.#running.remote.call('behave', health);
  }

  /** From now on health answers with this status. */
  fail(status = 500): Promise<void> {
    return this.behave({ kind: 'status', status });
  }

  /** From now on health is not answered: the connection is accepted, the request is read, nothing comes. */
  hang(): Promise<void> {
    return this.behave({ kind: 'hang' });
  }

  /** From now on every new connection is met like this, whoever's it is; those that stand go on. */
  greet(greeting: Greeting): Promise<void> {
    return this.#running.remote.call('greet', greeting);
  }

  /** From now on new handshakes show this certificate; those that are done stay done. */
  present(certificate: Certificate): Promise<void> {
    return this.#running.remote.call('present', certificate);
  }

  /** From the next answer on connections are kept and closed like this. */
  mind(manners: Manners): Promise<void> {
    return this.#running.remote.call('mind', manners);
  }

  /** From now on health is told only to whom has one of these. */
  demand(credentials: Credentials): Promise<void> {
    return this.#running.remote.call('demand', credentials);
  }

  /** From now on it lists apiservers at these addresses. Clients may watch, unless they may only do what a kubelet may. */
  list(addresses: readonly string[], { mayWatch = true } = {}): Promise<void> {
    return this.#running.remote.call('list', addresses, mayWatch);
  }

  /** The process lives, its connections go on, and new ones are refused. */
  closePort(): Promise<void> {
    return this.#running.remote.call('closePort');
  }

  openPort(): Promise<void> {
    return this.#running.remote.call('openPort');
  }

  /**
   * Ends as a kube-apiserver does on SIGTERM: readyz fails for so long; then it listens no more, closes idle
   * connections, answers what it was asked, and is gone.
   */
  async shutDown({ unreadyMs }: { readonly unreadyMs: number }): Promise<void> {
    const { process: running, remote } = this.#running;
    await remote.call('shutDown', unreadyMs);
    const status = await running.exited;
    this.#apiserver = null;
    if (status !== 0) throw new Error(`${this.name} ended with status ${status}:\n${running.text()}`);
  }

  /** Everything about the process is as it was at its start. Requests that hang go on hanging. */
  heal(): Promise<void> {
    return this.#running.remote.call('heal');
  }

  /** What the apiserver counted since it started. */
  stats(): Promise<ApiserverStats> {
    return this.#running.remote.call('stats');
  }

  /** What the apiserver shows, from its next start on. */
  get certificate(): Certificate {
    return this.#certificate;
  }

  /** Has the apiserver use another certificate from its next start on. */
  useCertificate(certificate: Certificate): void {
    this.#certificate = certificate;
  }

  /** Runs a program on this master. */
  exec(command: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Result> {
    return run('ip', inside(this.host.namespace, command, args), options);
  }

  get #running(): Apiserver {
    if (this.#apiserver === null) throw new Error(`the apiserver of ${this.name} does not run`);
    return this.#apiserver;
  }

  async #untilState(right: (state: string) => boolean, what: string): Promise<void> {
    const file = `/proc/${this.pid}/stat`;
    await until(
      async () => {
        // "PID (name) STATE ...": the name may hold anything.
        const state = /.*\) (\S)/.exec(await readFile(file, 'utf8'))?.[1] ?? '';
        return right(state);
      },
      { everyMs: 2, what: `${this.name} is ${what}` },
    );
  }
}

/** The certificate that a master's apiserver has unless told otherwise: for its addresses, the VIP and the usual names. */
export function masterCertificate(
  certificates: Certificates,
  name: string,
  addresses: Addresses,
): Promise<Certificate> {
  const hosts = [addresses, VIP, { ipv4: '127.0.0.1', ipv6: '::1' }];
  return certificates.create(name, {
    name: 'kube-apiserver',
    alternativeNames: [
      ...hosts.flatMap(({ ipv4, ipv6 }) => [`IP:${ipv4}`, `IP:${ipv6}`]),
      ...[name, ...APISERVER_NAMES].map((dns) => `DNS:${dns}`),
    ],
  });
}
