// How Prometheus finds lvscare: the labels and the address that a target has in the end, as promtool works them out.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { podManifest } from '../../src/manifest/pod.js';
import { typeFaults } from '../manifests/typed.js';
import { MONITORING, promtool, textOf, withFile } from './promtool.js';

type Labels = Readonly<Record<string, string>>;

interface ScrapeConfig {
  readonly job_name: string;
  readonly static_configs?: readonly { readonly targets: readonly string[]; readonly labels?: Labels }[];
  readonly kubernetes_sd_configs?: readonly { readonly role: string }[];
  readonly relabel_configs?: readonly object[];
}
interface Prometheus {
  readonly rule_files: readonly string[];
  readonly scrape_configs: readonly ScrapeConfig[];
}

interface Relabeling {
  readonly sourceLabels?: readonly string[];
  readonly targetLabel?: string;
  readonly regex?: string;
  readonly replacement?: string;
  readonly action?: string;
}
interface Pod {
  readonly metadata: { readonly namespace: string; readonly labels: Labels };
  readonly spec: { readonly containers: readonly { readonly name: string; readonly ports?: unknown }[] };
}
interface PodMonitor {
  readonly spec: {
    readonly jobLabel: string;
    readonly selector: { readonly matchLabels: Labels };
    readonly namespaceSelector: { readonly matchNames: readonly string[] };
    readonly podMetricsEndpoints: readonly {
      readonly path: string;
      readonly relabelings: readonly Relabeling[];
    }[];
  };
}

/** What becomes of a target that was discovered: its labels, its address among them; null if it is dropped. */
async function relabelled(
  relabel_configs: readonly object[],
  address: string,
  labels: Labels,
): Promise<Labels | null> {
  const scrape = { job_name: 'lvscare', static_configs: [{ targets: [address], labels }], relabel_configs };
  return withFile({ scrape_configs: [scrape] }, async (file) => {
    const { status, stdout, output } = await promtool(
      'check',
      'service-discovery',
      '--timeout=1s',
      file,
      'lvscare',
    );
    assert.equal(status, 0, output);
    const [found] = JSON.parse(stdout) as readonly { readonly labels: Labels | null }[];
    const kept = Object.entries(found?.labels ?? {}).filter(
      ([name]) => !name.startsWith('__') || name === '__address__',
    );
    return kept.length === 0 ? null : Object.fromEntries(kept);
  });
}

describe('the files of manifests/monitoring', () => {
  it('are all looked at', async () => {
    assert.deepEqual((await readdir(MONITORING)).toSorted(), [
      'alerts.yaml',
      'grafana-dashboard.json',
      'pod-monitor.yaml',
      'prometheus-kubernetes.yaml',
      'prometheus-rule.yaml',
      'prometheus.yaml',
    ]);
  });

  it('have rules, and a configuration, that Prometheus takes', async () => {
    for (const args of [
      ['check', 'rules', join(MONITORING, 'alerts.yaml')],
      ['check', 'config', join(MONITORING, 'prometheus.yaml')],
    ]) {
      const { status, output } = await promtool(...args);
      assert.equal(status, 0, output);
    }
  });

  it('have resources that the Prometheus operator takes', () => {
    const values = ['pod-monitor.yaml', 'prometheus-rule.yaml'].map((name) => {
      const value = parse(textOf(name)) as { kind: string };
      return { type: value.kind, value };
    });
    assert.deepEqual(typeFaults('test/monitoring/operator-types.ts', values), []);
  });
});

describe('the static targets', () => {
  it('have a node each, and the port of lvscare', () => {
    const { rule_files, scrape_configs } = parse(textOf('prometheus.yaml')) as Prometheus;
    assert.deepEqual(rule_files, ['alerts.yaml']);
    assert.deepEqual(
      scrape_configs.map(({ job_name }) => job_name),
      ['lvscare'],
    );
    for (const { targets, labels } of scrape_configs[0]?.static_configs ?? []) {
      assert.notEqual(labels?.['node'] ?? '', '');
      for (const target of targets) assert.match(target, /:9288$/);
    }
  });
});

describe('the targets by the nodes of the cluster', () => {
  const config = parse(textOf('prometheus-kubernetes.yaml')) as Prometheus;
  const [scrape] = config.scrape_configs;

  it('are a configuration', async () => {
    assert.deepEqual(scrape?.kubernetes_sd_configs, [{ role: 'node' }]);
    // Debian's promtool does not know Kubernetes.
    const known = {
      ...config,
      rule_files: [],
      scrape_configs: [{ ...scrape, kubernetes_sd_configs: undefined }],
    };
    const { status, output } = await withFile(known, (file) => promtool('check', 'config', file));
    assert.equal(status, 0, output);
  });

  for (const [discovered, address] of [
    ['192.168.0.21:10250', '192.168.0.21:9288'],
    ['[fd00::21]:10250', '[fd00::21]:9288'],
  ] as const)
    it(`${discovered} becomes ${address}`, async () => {
      const found = await relabelled(scrape?.relabel_configs ?? [], discovered, {
        __meta_kubernetes_node_name: 'worker-1',
      });
      assert.deepEqual(found, { __address__: address, instance: address, job: 'lvscare', node: 'worker-1' });
    });
});

describe('the PodMonitor', () => {
  const { spec } = parse(textOf('pod-monitor.yaml')) as PodMonitor;
  const [endpoint] = spec.podMetricsEndpoints;
  /** As the operator writes them for Prometheus. */
  const relabelings = (endpoint?.relabelings ?? []).map(({ sourceLabels, targetLabel, ...rest }) => ({
    ...(sourceLabels && { source_labels: sourceLabels }),
    ...(targetLabel !== undefined && { target_label: targetLabel }),
    ...rest,
  }));
  const pod = parse(
    podManifest({ name: 'lvscare', image: 'lvscare:1', args: ['care'], health: null, mounts: [] }),
  ) as Pod;

  it('selects the pods that lvscare manifest writes, which name no port', () => {
    const labels = pod.metadata.labels;
    for (const [name, value] of Object.entries(spec.selector.matchLabels)) assert.equal(labels[name], value);
    assert.deepEqual(spec.namespaceSelector.matchNames, [pod.metadata.namespace]);
    assert.equal(labels[spec.jobLabel], 'lvscare');
    assert.equal(endpoint?.path, '/metrics');
    assert.deepEqual(
      pod.spec.containers.map(({ name, ports }) => [name, ports]),
      [['lvscare', undefined]],
    );
  });

  for (const [ip, address] of [
    ['192.168.0.21', '192.168.0.21:9288'],
    ['fd00::21', '[fd00::21]:9288'],
  ] as const)
    it(`asks the pod of ${ip} at ${address}`, async () => {
      const found = await relabelled(relabelings, ip.includes(':') ? `[${ip}]` : ip, {
        __meta_kubernetes_pod_container_name: 'lvscare',
        __meta_kubernetes_pod_ip: ip,
        __meta_kubernetes_pod_node_name: 'worker-1',
      });
      assert.deepEqual(found, { __address__: address, instance: address, job: 'lvscare', node: 'worker-1' });
    });

  it('asks once, whatever other containers the pod has', async () => {
    const found = await relabelled(relabelings, '192.168.0.21:80', {
      __meta_kubernetes_pod_container_name: 'sidecar',
      __meta_kubernetes_pod_ip: '192.168.0.21',
      __meta_kubernetes_pod_node_name: 'worker-1',
    });
    assert.equal(found, null);
  });
});
