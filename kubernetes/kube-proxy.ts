/** kube-proxy on a worker, in one of its modes. */
import type { Cluster } from './cluster.js';
import { POD_SUBNET } from './pki.js';
import { program } from './programs.js';
import type { Worker, WorkerProcess } from './worker.js';
import { until } from '../lab/until.js';

export interface KubeProxyOptions {
  readonly mode: 'iptables' | 'ipvs' | 'nftables';
  /** Addresses that its ipvs mode leaves alone. Default none. */
  readonly excludeCidrs?: readonly string[];
  /** Default no. */
  readonly strictArp?: boolean;
}

const CONFIG = '/var/lib/kube-proxy/config.yaml';
const KUBECONFIG = '/var/lib/kube-proxy/kubeconfig.conf';

export class KubeProxy {
  readonly #worker: Worker;
  readonly #process: WorkerProcess;

  private constructor(worker: Worker, process: WorkerProcess) {
    this.#worker = worker;
    this.#process = process;
  }

  /** Starts it; resolves when it has written its rules. */
  static async start(cluster: Cluster, worker: Worker, options: KubeProxyOptions): Promise<KubeProxy> {
    await worker.write(KUBECONFIG, await cluster.pki.kubeconfig('system:kube-proxy', 'system:masters'));
    await worker.write(CONFIG, config(worker.name, options));
    const process = await worker.spawn(program('kube-proxy'), ['--config', CONFIG, '--v=2']);
    const proxy = new KubeProxy(worker, process);
    await until(() => proxy.#isSynced(), {
      what: () => `kube-proxy has synced; it wrote:\n${process.text()}`,
      timeoutMs: 60_000,
    });
    return proxy;
  }

  async #isSynced(): Promise<boolean> {
    const { status, stdout } = await this.#worker.exec('curl', [
      '-sf',
      '-m',
      '2',
      'http://127.0.0.1:10249/metrics',
    ]);
    const last = /^kubeproxy_sync_proxy_rules_last_timestamp_seconds\S* (\S+)$/m.exec(stdout);
    return status === 0 && Number(last?.[1] ?? 0) > 0;
  }

  /** Ends it; its rules stay. */
  async stop(): Promise<void> {
    await this.#process.stop();
  }
}

/**
 * `kube-proxy --cleanup`: takes the rules of all modes away. It ends with status 1 where iptables keeps a chain because a rule
 * still leads to it.
 */
export async function cleanUpKubeProxy(worker: Worker): Promise<void> {
  await worker.exec(program('kube-proxy'), ['--cleanup', '--config', CONFIG]);
}

function config(name: string, { mode, excludeCidrs = [], strictArp = false }: KubeProxyOptions): string {
  return `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: { kubeconfig: ${KUBECONFIG} }
clusterCIDR: ${POD_SUBNET}
hostnameOverride: ${name}
metricsBindAddress: 127.0.0.1:10249
mode: ${mode}
conntrack: { maxPerCore: 0 }
ipvs: { excludeCIDRs: ${JSON.stringify(excludeCidrs)}, strictARP: ${strictArp}, syncPeriod: 5s }
iptables: { syncPeriod: 5s }
nftables: { syncPeriod: 5s }
`;
}
