// How Prometheus finds lvscare: the labels and the address that a target has in the end, as promtool works them out.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { MONITORING, promtool, textOf, withFile } from './promtool.js';
import type { Labels, PodMonitor, Prometheus } from './scrape-types.js';

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
  it('have rules, and a configuration, that Prometheus takes', async () => {
    for (const args of [
      ['check', 'rules', join(MONITORING, 'alerts.yaml')],
      ['check', 'config', join(MONITORING, 'prometheus.yaml')],
    ]) {
      const { status, output } = await promtool(...args);
      assert.equal(status, 0, output);
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
