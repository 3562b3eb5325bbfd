/** The image's root file system, run by crun on a lab's node as the pod's container would be. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until, type Lab } from '../../lab/index.js';
import { LabProcess } from '../../lab/process.js';
import { must, run, type Result } from '../../lab/run.js';
import { ociConfig, type RuntimeSpec } from './oci.js';
import type { Pod } from './pod.js';
import { runtimeDefault } from './seccomp.js';

const ROOT = new URL('../../../', import.meta.url);

/** What `scripts/image rootfs` made. */
export const ROOTFS = fileURLToPath(new URL('.cache/image/rootfs', ROOT));

const CGROUPS = '/sys/fs/cgroup';

/** Control groups are a guest's own; on this machine's kernel they are somebody's. */
const LIMITS = process.env['WITH_IPVS'] !== 'host';

const CRUN = ['--cgroup-manager', LIMITS ? 'cgroupfs' : 'disabled'];

interface RunOptions {
  /** In place of the manifest's. */
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  /** Files or directories beside the manifest's volumes: from here to there, read-only. */
  readonly mounts?: readonly (readonly [string, string])[];
}

/** A container that runs. */
export class Container {
  readonly process: LabProcess;
  readonly #id: string;
  readonly #pidFile: string;

  constructor(id: string, bundle: string) {
    this.#id = id;
    this.#pidFile = join(bundle, 'pid');
    const options = ['--bundle', bundle, '--pid-file', this.#pidFile];
    this.process = new LabProcess('crun', [...CRUN, 'run', ...options, id]);
  }

  /** The id of its process, as the node sees it. */
  pid(): Promise<number> {
    return until(async () => Number(await readFile(this.#pidFile, 'utf8')) || null, {
      what: 'crun has started it',
    });
  }

  /** Runs a program beside it, as `kubectl exec` does. */
  async exec(words: readonly string[]): Promise<Result> {
    await this.pid();
    return run('crun', [...CRUN, 'exec', this.#id, ...words]);
  }

  /** Sends its process a signal, if it runs; resolves to the container's exit status, which is crun's. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number> {
    const ended = this.process.exited.then(() => null);
    const pid = await Promise.race([this.pid(), ended]);
    if (pid !== null) await run('crun', [...CRUN, 'kill', this.#id, signal]);
    return this.process.exited;
  }
}

/** Runs containers of one pod on a lab's node. */
export class PodRunner {
  readonly #lab: Lab;
  readonly #pod: Pod;
  readonly #directory: string;
  readonly #spec: RuntimeSpec;
  readonly #running = new Set<Container>();
  readonly #mounted: string[] = [];
  #count = 0;

  private constructor(lab: Lab, pod: Pod, directory: string, spec: RuntimeSpec) {
    this.#lab = lab;
    this.#pod = pod;
    this.#directory = directory;
    this.#spec = spec;
  }

  static async create(lab: Lab, pod: Pod): Promise<PodRunner> {
    if (!existsSync(ROOTFS)) throw new Error(`no ${ROOTFS}: scripts/image rootfs makes it`);
    const directory = await mkdtemp(join(tmpdir(), 'image-'));
    // crun wants to see them in any case.
    if (!existsSync(`${CGROUPS}/cgroup.controllers`))
      await must('mount', ['-t', 'cgroup2', 'cgroup2', CGROUPS]);
    await must('crun', ['spec'], { cwd: directory });
    const spec = JSON.parse(await readFile(join(directory, 'config.json'), 'utf8')) as RuntimeSpec;
    await writeFile(join(directory, 'hosts'), `${lab.node.addresses.ipv4} lvscare.node.ip\n`);
    return new PodRunner(lab, pod, directory, spec);
  }

  /** Starts the pod's container. */
  async start({ command, args, mounts = [] }: RunOptions = {}): Promise<Container> {
    const [manifest] = this.#pod.spec.containers;
    const words = [...(command ?? manifest.command ?? []), ...(args ?? manifest.args ?? [])];
    this.#count += 1;
    const bundle = join(this.#directory, String(this.#count));
    const rootfs = join(bundle, 'rootfs');
    await this.#mountRoot(bundle, rootfs);
    for (const { hostPath } of this.#pod.spec.volumes ?? [])
      if (hostPath?.type === 'DirectoryOrCreate') await mkdir(hostPath.path, { recursive: true });
    const config = ociConfig(this.#pod, words, this.#spec, {
      rootfs,
      networkNamespace: `/run/netns/${this.#lab.node.host.namespace}`,
      imageEnv: [await imagePath()],
      hostPath: (path) => (path === '/etc/kubernetes/pki/ca.crt' ? this.#lab.caFile : path),
      // As kubelet does for each container.
      extraMounts: [[join(this.#directory, 'hosts'), '/etc/hosts'], ...mounts],
      nodeAddress: this.#lab.node.addresses.ipv4,
      cgroups: LIMITS,
      seccomp: runtimeDefault,
    });
    await writeFile(join(bundle, 'config.json'), JSON.stringify(config));
    const container = new Container(`lvscare-${process.pid}-${this.#count}`, bundle);
    this.#running.add(container);
    void container.process.exited.then(
      () => this.#running.delete(container),
      () => this.#running.delete(container),
    );
    return container;
  }

  /** Runs it to its end. */
  async run(options: RunOptions): Promise<Result> {
    const { process } = await this.start(options);
    const status = await process.exited;
    return { status, stdout: process.text('stdout'), stderr: process.text('stderr') };
  }

  /** Ends what still runs, and takes everything away. */
  async close(): Promise<void> {
    for (const container of this.#running) await container.end('SIGKILL');
    for (const place of this.#mounted.splice(0)) await run('umount', ['-l', place]);
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** As engines do: the image below, what is the container's own above it. The runtime makes places to mount things in. */
  async #mountRoot(bundle: string, rootfs: string): Promise<void> {
    const [upper, work] = [join(bundle, 'upper'), join(bundle, 'work')];
    for (const directory of [rootfs, upper, work]) await mkdir(directory, { recursive: true });
    const options = `lowerdir=${ROOTFS},upperdir=${upper},workdir=${work}`;
    await must('mount', ['-t', 'overlay', 'overlay', '-o', options, rootfs]);
    this.#mounted.push(rootfs);
  }
}

/** The image's own `PATH=...`. */
async function imagePath(): Promise<string> {
  const dockerfile = await readFile(new URL('Dockerfile', ROOT), 'utf8');
  const [, setting] = /^ENV (PATH=\S+)$/m.exec(dockerfile) ?? [];
  if (setting === undefined) throw new Error('the Dockerfile sets no PATH');
  return setting;
}
