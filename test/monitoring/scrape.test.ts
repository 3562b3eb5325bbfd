// How Prometheus finds lvscare, as the files of manifests/monitoring/ say it.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { podManifest } from '../../src/manifest/pod.js';
import { typeFaults } from '../manifests/typed.js';
import { MONITORING, textOf } from './promtool.js';
import type { Labels, PodMonitor, Prometheus } from './scrape-types.js';

interface Pod {
  readonly metadata: { readonly namespace: string; readonly labels: Labels };
  readonly spec: { readonly containers: readonly { readonly name: string; readonly ports?: unknown }[] };
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
    const configs = scrape_configs[0]?.static_configs ?? [];
    assert.ok(configs.length > 0);
    for (const { targets, labels } of configs) {
      assert.ok(targets.length > 0);
      assert.notEqual(labels?.['node'] ?? '', '');
      for (const target of targets) assert.match(target, /:9288$/);
    }
  });
});

describe('the PodMonitor', () => {
  const { spec } = parse(textOf('pod-monitor.yaml')) as PodMonitor;
  const [endpoint] = spec.podMetricsEndpoints;
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
});
