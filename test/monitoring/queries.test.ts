// Every query of the alerts, the dashboard and docs/monitoring.md: about metrics and labels that there are.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { declareFamilies, declareProcessFamilies } from '../../src/metrics/families.js';
import { alerts, docs, queries } from './all-queries.js';
import { dashboard, panels, placeholders, variables } from './dashboard.js';
import { namedIn } from './promql.js';

/** What a target has besides the labels of its metrics. */
const OF_TARGETS = ['job', 'instance', 'node', 'cluster'];

interface Family {
  readonly name: string;
  readonly type: string;
  readonly labelNames: readonly string[];
}

/** Each series that there may be, with its labels. */
function declaredSeries(): Map<string, ReadonlySet<string>> {
  const registry = new Registry();
  declareFamilies(registry);
  declareProcessFamilies(registry);
  // Its types leave the labels out.
  const families = registry.getMetricsAsArray() as unknown as readonly Family[];
  const all = families.flatMap(({ name, type, labelNames }) =>
    type === 'histogram'
      ? ([
          [`${name}_bucket`, [...labelNames, 'le']],
          [`${name}_sum`, labelNames],
          [`${name}_count`, labelNames],
        ] as const)
      : ([[name, labelNames]] as const),
  );
  return new Map([
    ['up', new Set(OF_TARGETS)],
    // Of kube-state-metrics.
    ['kube_node_info', new Set(OF_TARGETS)],
    ['kube_node_role', new Set([...OF_TARGETS, 'role'])],
    ...all.map(([name, labels]) => [name, new Set([...labels, ...OF_TARGETS])] as const),
  ]);
}

const SERIES = declaredSeries();

/** What an expression names that there is not; `also` are labels that it is to have in the end. */
function unknownIn(expression: string, also: readonly string[] = []): string[] {
  const { metrics, labels } = namedIn(expression);
  const known = new Set(metrics.flatMap(({ name }) => [...(SERIES.get(name) ?? [])]));
  return [
    ...(metrics.length === 0 ? ['no metric'] : []),
    ...metrics.filter(({ name }) => !SERIES.has(name)).map(({ name }) => name),
    ...metrics.flatMap(({ name, labels: own }) =>
      own.filter((label) => SERIES.get(name)?.has(label) === false).map((label) => `${name}{${label}}`),
    ),
    ...[...labels, ...also].filter((label) => !known.has(label)),
  ];
}

describe('the queries of the alerts, the dashboard and the docs', () => {
  it('are found', () => {
    assert.ok(alerts.length >= 20 && panels.length >= 40 && docs.length >= 1);
    assert.equal(variables.length, 3);
  });

  for (const { where, expr, shown } of queries)
    it(`${where}: metrics and labels that there are`, () => {
      assert.deepEqual(unknownIn(expr, shown), [], expr);
    });

  const wrong: readonly (readonly [expr: string, unknown: readonly string[]])[] = [
    ['lvscare_real_server_upp == 0', ['lvscare_real_server_upp']],
    ['lvscare_real_server_up{state="up"}', ['lvscare_real_server_up{state}']],
    ['sum by (phase, node) (rate(lvscare_probe_duration_seconds_bucket[5m]))', ['phase']],
    ['rate(lvscare_probe_duration_seconds[5m])', ['lvscare_probe_duration_seconds']],
    ['lvscare_ready_count > 1', ['lvscare_ready_count']],
    ['lvscare_alive == 0 and on (remote_address) lvscare_ready', ['remote_address']],
    ['histogram_quantile(0.9, sum by (le) (rate(lvscare_probe_duration_seconds_sum[5m])))', ['le']],
    ['vector(1)', ['no metric']],
  ];
  for (const [expr, unknown] of wrong)
    it(`would be found in ${expr}`, () => {
      assert.deepEqual(unknownIn(expr), unknown);
    });
});

describe('the dashboard', () => {
  const drawn = dashboard.panels.filter(({ type }) => type !== 'row');

  it('asks the data source that is chosen', () => {
    assert.ok(
      dashboard.templating.list.some(({ name, type }) => name === 'datasource' && type === 'datasource'),
    );
    for (const { title, datasource, targets = [] } of drawn) {
      assert.ok(targets.length > 0, title);
      for (const one of [datasource, ...targets.map((target) => target.datasource)])
        assert.equal(one?.uid, '${datasource}', title);
    }
  });

  it('uses the same range at each step of it', () => {
    const ranges = dashboard.panels.flatMap(({ targets = [] }) =>
      targets.flatMap(({ expr }) => expr.match(/\[\$__range\](?: @ end\(\))?/g) ?? []),
    );
    assert.ok(ranges.length > 0);
    assert.deepEqual(new Set(ranges), new Set(['[$__range] @ end()']));
  });

  it('has no variable that there is not', () => {
    const known = new Set(dashboard.templating.list.map(({ name }) => name));
    for (const { where, expr } of [...panels, ...variables])
      for (const name of placeholders(expr, /\$\{?(\w+)/g)) assert.ok(known.has(name), `${where}: $${name}`);
  });

  it('has panels with a number, a title and a description each, none over another', () => {
    assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
    for (const { title, description = '' } of drawn) assert.ok(title !== '' && description !== '', title);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    );
    assert.equal(new Set(cells).size, cells.length);
    assert.ok(dashboard.panels.every(({ gridPos: { x, w } }) => x + w <= 24));
  });
});
