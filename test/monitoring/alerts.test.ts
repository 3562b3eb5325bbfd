// What each alert says. When it fires is in alerts.tools.test.ts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { textOf, type Rules } from './promtool.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** Where operators put their own. */
const PAGE = 'https://github.com/OWNER/lvscare/blob/main/docs/monitoring.md';
const RULES = (parse(textOf('alerts.yaml')) as Rules).groups.flatMap(({ rules }) => rules);

describe('the alerts', () => {
  it('have a severity, a summary, a description and a section of the docs', () => {
    const sections = new Set(
      [...readFileSync(join(ROOT, 'docs/monitoring.md'), 'utf8').matchAll(/^#+ (Lvscare\w+)$/gm)].map(
        ([, title = '']) => `${PAGE}#${title.toLowerCase()}`,
      ),
    );
    for (const { alert, labels, annotations } of RULES) {
      assert.ok(['warning', 'critical'].includes(labels['severity'] ?? ''), alert);
      assert.deepEqual(Object.keys(annotations).toSorted(), ['description', 'runbook_url', 'summary'], alert);
      assert.ok(
        sections.has(annotations['runbook_url'] ?? ''),
        `${alert}: ${annotations['runbook_url'] ?? ''}`,
      );
    }
    const runbooks = new Set(RULES.map(({ annotations }) => annotations['runbook_url']));
    assert.deepEqual(
      [...sections].filter((section) => !runbooks.has(section)),
      [],
      'a section for an alert that there is not',
    );
  });

  it('are the same for the Prometheus operator', () => {
    const { spec } = parse(textOf('prometheus-rule.yaml')) as { spec: Rules };
    assert.deepEqual(spec, parse(textOf('alerts.yaml')));
    execFileSync(process.execPath, ['scripts/write-prometheus-rule.mjs', '--check'], { cwd: ROOT });
  });
});
