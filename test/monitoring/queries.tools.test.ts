// The queries of the alerts, the dashboard and docs/monitoring.md, as promtool judges them.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { queries } from './all-queries.js';
import { chosen, panels } from './dashboard.js';
import { always, fleet, MASTERS, type Changes } from './fleet.js';
import { promtool, withFile } from './promtool.js';

describe('the queries of the alerts, the dashboard and the docs', () => {
  it('are PromQL', async () => {
    const rules = queries.map(({ expr }, index) => ({ record: `q${index}`, expr }));
    const { status, output } = await withFile({ groups: [{ name: 'all', rules }] }, (file) =>
      promtool('check', 'rules', file),
    );
    assert.equal(status, 0, output);
    assert.match(output, new RegExp(`SUCCESS: ${rules.length} rules found`));
  });
});

describe('the dashboard', () => {
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
});
