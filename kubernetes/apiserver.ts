/** A master of a cluster: a host with a kube-apiserver on it, run as kubeadm has it run, and the faults it can have. */
import { endpoint, type Addresses } from '../lab/addresses.js';
import { inside, type Host, type Impairment, type Network } from '../lab/network.js';
import { LabProcess } from '../lab/process.js';
import { Etcd } from './etcd.js';
import { SERVICE_SUBNET, type Pki } from './pki.js';
import { program } from './programs.js';

export class Apiserver {
  readonly name: string;
  readonly host: Host;
  readonly addresses: Addresses;
  readonly #network: Network;
  readonly #pki: Pki;
  readonly #tokenFile: string;
  #stopped = false;
  #process: LabProcess | null = null;
  /** The one that was started last, which may have ended. */
  #last: LabProcess | null = null;
  #extra: readonly string[] = [];

  constructor(name: string, host: Host, network: Network, pki: Pki, tokenFile: string) {
    this.name = name;
    this.host = host;
    this.addresses = host.addresses;
    this.#network = network;
    this.#pki = pki;
    this.#tokenFile = tokenFile;
  }

  /** `10.103.97.200:6443` */
  get endpoint(): string {
    return endpoint(this.addresses.ipv4);
  }

  get running(): boolean {
    return this.#process !== null;
  }

  /** It runs, and is not stopped. */
  get answers(): boolean {
    return this.running && !this.#stopped;
  }

  /** What it wrote since it was started, for a test that fails. */
  get log(): string {
    return this.#last?.text() ?? '';
  }

  /**
   * Starts the process; does not wait for it to be ready.
   *
   * @param extra Options beside those of kubeadm; the same as before if none are given.
   */
  start(extra: readonly string[] = this.#extra): void {
    if (this.#process !== null) throw new Error(`${this.name} runs already`);
    this.#extra = extra;
    const started = new LabProcess(
      'ip',
      inside(this.host.namespace, program('kube-apiserver'), this.#options(extra)),
    );
    this.#process = started;
    this.#last = started;
    void started.exited.then(() => {
      if (this.#process === started) this.#process = null;
    });
  }

  /** As the OOM killer or a panic would: the kernel closes its connections. */
  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = null;
    await running?.kill();
  }

  /** As kubelet ends it: resolves when it is gone, however long it takes. */
  async terminate(): Promise<void> {
    this.#process?.signal('SIGTERM');
    await this.#process?.exited;
    this.#process = null;
  }

  /** Stops it by SIGSTOP: the kernel still accepts connections, the process does not answer. */
  stop(): void {
    this.#stopped = true;
    this.#process?.signal('SIGSTOP');
  }

  cont(): void {
    this.#stopped = false;
    this.#process?.signal('SIGCONT');
  }

  /** Pulls the host's cable. */
  cut(): Promise<void> {
    return this.#network.cut(this.host);
  }

  /** From now on the host's cable is a bad one. */
  impair(impairment: Impairment): Promise<void> {
    return this.#network.impair(this.host, impairment);
  }

  /** Repairs the host's cable. */
  mend(): Promise<void> {
    return this.#network.mend(this.host);
  }

  #options(extra: readonly string[]): string[] {
    const pki = (name: string): string => this.#pki.file(name);
    return [
      `--advertise-address=${this.addresses.ipv4}`,
      '--allow-privileged=true',
      '--authorization-mode=Node,RBAC',
      `--client-ca-file=${pki('ca.crt')}`,
      '--enable-admission-plugins=NodeRestriction',
      '--enable-bootstrap-token-auth=true',
      `--etcd-servers=${Etcd.url}`,
      `--kubelet-client-certificate=${pki('apiserver-kubelet-client.crt')}`,
      `--kubelet-client-key=${pki('apiserver-kubelet-client.key')}`,
      '--secure-port=6443',
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      `--service-account-key-file=${pki('sa.pub')}`,
      `--service-account-signing-key-file=${pki('sa.key')}`,
      `--service-cluster-ip-range=${SERVICE_SUBNET}`,
      `--tls-cert-file=${pki('apiserver.crt')}`,
      `--tls-private-key-file=${pki('apiserver.key')}`,
      // Beside kubeadm's: a token for the clients of the tests, which an apiserver accepts without asking etcd.
      `--token-auth-file=${this.#tokenFile}`,
      // By default a terminated apiserver waits 60 s for clients that keep their connections.
      '--request-timeout=15s',
      ...extra,
    ];
  }
}
