// kube-proxy beside lvscare, in each of its modes and in each of ours.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { cleanUpKubeProxy, KubeProxy, type KubeProxyOptions } from '../../kubernetes/kube-proxy.js';
import { Stage } from '../../kubernetes/stage.js';
import type { Traffic } from '../../kubernetes/traffic.js';
import { NODE, VIP } from '../../lab/addresses.js';
import { until } from '../../lab/until.js';
import { ADMINISTRATOR } from '../../kubernetes/addresses.js';

const SERVICE_ADDRESS = '10.96.100.1';
const NODE_PORT = 30080;
const BACKEND_PORT = 8080;
const SPARED = [`${VIP.ipv4}/32`];

/** Our modes, by their options. */
const MODES: Readonly<Record<string, readonly string[]>> = {
  local: [],
  'local, --masquerade': ['--masquerade'],
  link: ['--mode=link'],
};

/** kube-proxy's, those that need nothing but what docs/kubeadm.md says. */
const PROXIES: Readonly<Record<string, KubeProxyOptions>> = {
  'ipvs, excludeCIDRs': { mode: 'ipvs', excludeCidrs: SPARED },
  'ipvs, excludeCIDRs, strictARP': { mode: 'ipvs', excludeCidrs: SPARED, strictArp: true },
  iptables: { mode: 'iptables' },
  nftables: { mode: 'nftables' },
};

describe('kube-proxy beside lvscare', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.create();
    await stage.startLvscare();
    const { administrator } = stage.cluster;
    administrator.spawn(process.execPath, [
      '-e',
      `require('node:http').createServer((_, answer) => answer.end('backend')).listen(${BACKEND_PORT})`,
    ]);
    await stage.cluster.kubectl(['apply', '-f', '-'], { input: SERVICE });
  });
  after(() => stage.close());

  for (const [mode, options] of Object.entries(MODES))
    describe(`lvscare in mode ${mode}`, () => {
      before(() => stage.startLvscare(...options));

      for (const [proxyMode, proxyOptions] of Object.entries(PROXIES))
        it(`fails no request beside kube-proxy in mode ${proxyMode}, whose Services and NodePorts work`, async () => {
          const { cluster, worker } = stage;
          const { failed, failures } = await stage.play(
            `kube-proxy (${proxyMode}) beside mode ${mode}`,
            async ({ requests }) => {
              const proxy = await KubeProxy.start(cluster, worker, proxyOptions);
              await servicesWork();
              await requests(20);
              await proxy.stop();
            },
          );
          await cleanUpKubeProxy(worker);
          assert.deepEqual({ failed, failures }, { failed: 0, failures: {} });
          await stage.serving();
        });
    });

  it('has its virtual server back, each time, when kube-proxy in ipvs mode is not configured to leave it alone', async () => {
    const { cluster, worker } = stage;
    await stage.startLvscare();
    await stage.play('kube-proxy (ipvs) without excludeCIDRs', async ({ requests, traffic }) => {
      const proxy = await KubeProxy.start(cluster, worker, { mode: 'ipvs' });
      await requests(100);
      assert.ok(deletions(traffic) > 0, 'kube-proxy never deleted it');
      const { stdout } = await worker.lvscare('doctor');
      assert.match(stdout, /excludeCIDRs/);
      await proxy.stop();
    });
    await stage.serving();
  });

  it('fails next to no request when kube-proxy --cleanup takes away what its modes made', async () => {
    const { failed } = await stage.play(
      'kube-proxy --cleanup removes what kube-proxy made',
      async ({ traffic }) => {
        await cleanUpKubeProxy(stage.worker);
        await traffic.serving(stage.endpoints);
      },
    );
    assert.ok(failed <= 12, `${failed} requests failed`);
  });

  /** How often the virtual server was missing, or had no real servers. */
  function deletions({ history }: Traffic): number {
    return history.filter(({ weights }) => Object.keys(weights).length === 0).length;
  }

  /** From the node to the Service's address, and from elsewhere to the node's port. */
  async function servicesWork(): Promise<void> {
    const asks = [
      [stage.worker.node, `http://${SERVICE_ADDRESS}/`],
      [stage.cluster.administrator, `http://${NODE.ipv4}:${NODE_PORT}/`],
    ] as const;
    for (const [client, url] of asks)
      await until(async () => (await client.exec('curl', ['-s', '-m', '2', url])).stdout === 'backend', {
        what: `${url} answers ${client.name}`,
        timeoutMs: 30_000,
        everyMs: 200,
      });
  }
});

const SERVICE = `apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  type: NodePort
  clusterIP: ${SERVICE_ADDRESS}
  ports: [{ port: 80, targetPort: ${BACKEND_PORT}, nodePort: ${NODE_PORT} }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ port: ${BACKEND_PORT} }]
endpoints: [{ addresses: [${ADMINISTRATOR.ipv4}] }]
`;
