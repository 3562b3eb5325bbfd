// Every query of the alerts, the dashboard and docs/monitoring.md: PromQL, and about metrics and labels that there are.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { parse } from 'yaml';
import { declareFamilies, declareServerFamilies } from '../../src/metrics/families.js';
import { chosen, dashboard, panels, placeholders, variables, type Query } from './dashboard.js';
import { always, fleet, MASTERS, type Changes } from './fleet.js';
import { promtool, textOf, withFile, type Rules } from './promtool.js';
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
  declareServerFamilies(registry);
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

const alerts: Query[] = (parse(textOf('alerts.yaml')) as Rules).groups
  .flatMap(({ rules }) => rules)
  .map(({ alert, expr, annotations }) => ({
    where: alert,
    expr,
    shown: placeholders(Object.values(annotations).join('\n'), /\$labels\.(\w+)/g),
  }));

const page = readFileSync(new URL('../../../docs/monitoring.md', import.meta.url), 'utf8');
const docs: Query[] = [...page.matchAll(/```promql\n([\s\S]*?)```/g)]
  .flatMap(([, block = '']) => block.trim().split(/\n(?=\S)/))
  .map((expr) => ({ where: 'docs/monitoring.md', expr, shown: [] }));

const all = [...alerts, ...panels, ...variables, ...docs];

describe('the queries of the alerts, the dashboard and the docs', () => {
  it('are found', () => {
    assert.ok(alerts.length >= 20 && panels.length >= 40 && docs.length >= 1);
    assert.equal(variables.length, 3);
  });

  for (const { where, expr, shown } of all)
    it(`${where}: metrics and labels that there are`, () => {
      assert.deepEqual(unknownIn(expr, shown), [], expr);
    });

  it('are PromQL', async () => {
    const rules = all.map(({ expr }, index) => ({ record: `q${index}`, expr }));
    const { status, output } = await withFile({ groups: [{ name: 'all', rules }] }, (file) =>
      promtool('check', 'rules', file),
    );
    assert.equal(status, 0, output);
    assert.match(output, new RegExp(`SUCCESS: ${rules.length} rules found`));
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
    it(`would be told of in ${expr}`, () => {
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

  it('looks at the same range at each step of it', () => {
    const ranges = dashboard.panels.flatMap(({ targets = [] }) =>
      targets.flatMap(({ expr }) => expr.match(/\[\$__range\](?: @ end\(\))?/g) ?? []),
    );
    assert.ok(ranges.length > 0);
    assert.deepEqual(new Set(ranges), new Set(['[$__range] @ end()']));
  });

  it('counts an apiserver for down as the alert does: who drained it has no say', async () => {
    const { expr = '' } = panels.find(({ where }) => where === 'Apiservers down for most nodes, A') ?? {};
    const of = (master: string, value: number) => (labels: Readonly<Record<string, string>>) =>
      labels['remote_address'] === master ? always(value) : undefined;
    const [M0] = MASTERS;
    const drained = { lvscare_real_server_drained: of(M0, 1) };
    const cases: readonly (readonly [changes: Changes, value: number])[] = [
      [{}, 0],
      [{ lvscare_real_server_up: of(M0, 0) }, 1],
      [{ lvscare_real_server_up: of(M0, 0), ...drained }, 0],
    ];
    const tests = cases.map(([changes, value]) => ({
      interval: '1m',
      input_series: fleet(changes),
      promql_expr_test: [
        {
          expr: chosen(expr, { cluster: '.*', address: '.*' }),
          eval_time: '10m',
          exp_samples: [{ labels: '{}', value }],
        },
      ],
    }));
    const { status, output } = await withFile({ rule_files: [], tests }, (file) =>
      promtool('test', 'rules', file),
    );
    assert.equal(status, 0, output);
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
