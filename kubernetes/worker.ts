/**
 * A worker of a cluster: a machine of its own as far as namespaces can make one (network, processes, mounts, control
 * groups, host name), with containerd and kubelet, as kubeadm leaves it. Its files survive a reboot.
 */
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { endpoint, VIP, type Addresses } from '../lab/addresses.js';
import type { Network } from '../lab/network.js';
import { LabNode } from '../lab/node.js';
import { LabProcess } from '../lab/process.js';
import { must, run, type Result, type RunOptions } from '../lab/run.js';
import { until } from '../lab/until.js';
import { LVSCARE_IMAGE, SANDBOX_IMAGE } from './images.js';
import { CONTROL_PLANE_NAME, type Pki } from './pki.js';
import { IMAGES, program, programEnvironment } from './programs.js';
import { PROGRAM } from '../lab/program.js';

/** Of lvscare's static pod. */
export const MANIFEST = '/etc/kubernetes/manifests/lvscare.yaml';

/** The credential of kubelet. */
export const KUBELET_CONF = '/etc/kubernetes/kubelet.conf';

/** A script, which the compiler leaves where it is. */
const WORKER_INIT = fileURLToPath(new URL('../../kubernetes/worker-init', import.meta.url));

/** A running program on a worker. */
export class WorkerProcess {
  readonly #worker: Worker;
  readonly #process: LabProcess;
  /** As the worker has it. */
  readonly #pid: string;

  constructor(worker: Worker, process: LabProcess, pid: string) {
    this.#worker = worker;
    this.#process = process;
    this.#pid = pid;
  }

  /** Resolves when it is gone: its status as a shell would tell. */
  get exited(): Promise<number> {
    return this.#process.exited;
  }

  /** Everything it wrote. */
  text(): string {
    return this.#process.text();
  }

  /** Asks it to end by SIGTERM; resolves when it has. */
  async stop(): Promise<void> {
    await this.#worker.must('kill', ['-TERM', this.#pid]);
    await this.#process.exited;
  }
}

export class Worker {
  readonly name: string;
  readonly addresses: Addresses;
  /** The worker as the lab knows nodes: its tables and its clients. Another one after each boot. */
  node: LabNode;
  /** The process id of its first process. */
  pid = 0;
  containerd: WorkerProcess | null = null;
  kubelet: WorkerProcess | null = null;
  readonly #network: Network;
  readonly #disk: string;
  #init: LabProcess | null = null;

  private constructor(name: string, addresses: Addresses, network: Network, disk: string, node: LabNode) {
    this.name = name;
    this.addresses = addresses;
    this.#network = network;
    this.#disk = disk;
    this.node = node;
  }

  /** A worker that has booted, with nothing on it. @param disk Where its files are kept; on a tmpfs. */
  static async create(name: string, addresses: Addresses, network: Network, disk: string): Promise<Worker> {
    await mkdir(disk, { recursive: true });
    const node = new LabNode(await network.plug(name, addresses), network, name);
    const worker = new Worker(name, addresses, network, disk, node);
    try {
      await worker.#boot();
      return worker;
    } catch (error) {
      await worker.close();
      throw error;
    }
  }

  async #boot(): Promise<void> {
    const { namespace } = this.node.host;
    const init = new LabProcess('nsenter', [
      `--net=/run/netns/${namespace}`,
      ...[
        'unshare',
        '--mount',
        '--uts',
        '--cgroup',
        '--pid',
        '--fork',
        '--kill-child',
        '--propagation',
        'private',
      ],
      ...[WORKER_INIT, this.#disk, this.name],
    ]);
    this.#init = init;
    const { text } = await init.waitForLine(/^ready \d+$/);
    this.pid = Number(text.split(' ')[1]);
    await this.node.start();
  }

  /** The arguments of nsenter that lead into it. */
  get into(): string[] {
    return ['-t', String(this.pid), '--mount', '--uts', '--cgroup', '--pid', '--net', '--root', '--wdns=/'];
  }

  /** Runs a program on the worker to its end. */
  exec(command: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Result> {
    return run('nsenter', [...this.into, command, ...args], { env: programEnvironment(), ...options });
  }

  /** Runs a program that has to succeed; its stdout. */
  must(command: string, args: readonly string[] = [], options: RunOptions = {}): Promise<string> {
    return must('nsenter', [...this.into, command, ...args], { env: programEnvironment(), ...options });
  }

  /** Starts a program on the worker that runs on, until the worker is switched off. */
  async spawn(command: string, args: readonly string[] = []): Promise<WorkerProcess> {
    // nsenter is its parent, and passes no signals on.
    const shell = ['sh', '-c', 'cd /; echo "process $$"; exec "$@"', 'sh', command, ...args];
    const started = new LabProcess('nsenter', [...this.into, ...shell], { env: programEnvironment() });
    const { text } = await started.waitForLine(/^process \d+$/);
    return new WorkerProcess(this, started, text.split(' ')[1] ?? '');
  }

  /** Writes a file on it, readable for its owner only. */
  async write(path: string, text: string): Promise<void> {
    await this.must(
      'sh',
      ['-c', 'umask 077; mkdir -p "$(dirname "$1")" && cat >"$1.new" && mv "$1.new" "$1"', 'sh', path],
      {
        input: text,
      },
    );
  }

  /** Changes what is in a file that is there: a container that has it mounted sees the change. */
  async overwrite(path: string, text: string): Promise<void> {
    await this.must('sh', ['-c', 'cat >"$1"', 'sh', path], { input: text });
  }

  async read(path: string): Promise<string> {
    return this.must('cat', [path]);
  }

  /** Starts containerd; resolves when it answers. */
  async startContainerd(): Promise<void> {
    await this.write('/etc/containerd/config.toml', CONTAINERD_CONFIG);
    this.containerd = await this.spawn(program('containerd'), [
      '--config',
      '/etc/containerd/config.toml',
      '--log-level',
      'warn',
    ]);
    await until(() => this.ctr('version'), { what: 'containerd answers', timeoutMs: 30_000 });
  }

  /** `ctr` in kubelet's namespace; its stdout. */
  ctr(...args: readonly string[]): Promise<string> {
    return this.must(program('ctr'), ['-n', 'k8s.io', ...args], { timeoutMs: 180_000 });
  }

  /** Starts containerd, and has it take the images of lvscare and of the sandbox. */
  async installImages(): Promise<void> {
    await this.startContainerd();
    for (const name of ['pause', 'lvscare']) await this.importImage(`${IMAGES}/${name}.tar`);
  }

  /** Takes an image from a file that write-archives.ts wrote. */
  async importImage(path: string): Promise<void> {
    await this.ctr('images', 'import', '--snapshotter', 'overlayfs', path);
  }

  /** Starts kubelet as kubeadm's unit does; does not wait for it to be ready. */
  async startKubelet(extra: readonly string[] = []): Promise<void> {
    this.kubelet = await this.spawn(program('kubelet'), [
      `--kubeconfig=${KUBELET_CONF}`,
      '--config=/var/lib/kubelet/config.yaml',
      `--node-ip=${this.addresses.ipv4}`,
      `--hostname-override=${this.name}`,
      ...extra,
    ]);
  }

  /** What kubelet needs beside manifests: the hosts file, the CA, a credential of its own, its configuration. */
  async configureKubelet(pki: Pki): Promise<void> {
    await this.writeHosts();
    await this.write('/etc/kubernetes/pki/ca.crt', await pki.read('ca.crt'));
    const kubeconfig = await pki.kubeconfig(`system:node:${this.name}`, 'system:nodes');
    await this.write(KUBELET_CONF, kubeconfig);
    await this.write('/var/lib/kubelet/config.yaml', KUBELET_CONFIG + KUBELET_CONFIG_OF_KUBEADM);
  }

  /** Has the control plane's name lead to the virtual server. */
  async writeHosts(): Promise<void> {
    await this.write('/etc/hosts', HOSTS);
  }

  /** Puts the static pod's manifest where kubelet looks for it, in place of an earlier one. */
  async writeManifest(...options: readonly string[]): Promise<void> {
    await this.must(process.execPath, [
      PROGRAM,
      'manifest',
      '--image',
      LVSCARE_IMAGE,
      '--vs',
      endpoint(VIP.ipv4),
      ...options,
      '--write',
      '--replace',
    ]);
  }

  /** Runs a command of lvscare on the worker, as if it were installed there. */
  lvscare(...args: readonly string[]): Promise<Result> {
    return this.exec(process.execPath, [PROGRAM, ...args]);
  }

  /** What lvscare's containers have logged, the earlier ones first. */
  podLog(): Promise<string> {
    return this.must('sh', [
      '-c',
      'cat /var/log/pods/kube-system_lvscare-*/lvscare/*.log 2>/dev/null || true',
    ]);
  }

  /** All of its processes are gone, with its network and /run; its files stay, and nothing is started again. */
  async powerOff(): Promise<void> {
    await this.node.close();
    await this.#init?.kill();
    this.#init = null;
    await Promise.allSettled([this.containerd?.exited, this.kubelet?.exited]);
    this.containerd = null;
    this.kubelet = null;
    await this.#network.unplug(this.node.host);
  }

  /** Switches it on again after {@link powerOff}. */
  async powerOn(): Promise<void> {
    this.node = new LabNode(await this.#network.plug(this.name, this.addresses), this.#network, this.name);
    await this.#boot();
  }

  async close(): Promise<void> {
    if (this.#init !== null) await this.powerOff();
  }
}

const HOSTS = `127.0.0.1 localhost\n::1 localhost\n${VIP.ipv4} ${CONTROL_PLANE_NAME}\n`;

/** What kubelet needs without systemd, swap accounting and a disk, in addition to what kubeadm writes. */
export const KUBELET_CONFIG = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
evictionHard: { memory.available: '0%', nodefs.available: '0%', imagefs.available: '0%' }
failSwapOn: false
localStorageCapacityIsolation: false
volumePluginDir: /var/lib/kubelet/volume-plugins
`;

/** As kubeadm writes it. */
const KUBELET_CONFIG_OF_KUBEADM = `authentication:
  anonymous: { enabled: false }
  webhook: { enabled: true }
  x509: { clientCAFile: /etc/kubernetes/pki/ca.crt }
authorization: { mode: Webhook }
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
rotateCertificates: true
staticPodPath: /etc/kubernetes/manifests
`;

const CONTAINERD_CONFIG = `version = 2
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${SANDBOX_IMAGE}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`;
