/** Every query of the alerts, the dashboard and docs/monitoring.md. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { panels, placeholders, variables, type Query } from './dashboard.js';
import { textOf, type Rules } from './promtool.js';

export const alerts: Query[] = (parse(textOf('alerts.yaml')) as Rules).groups
  .flatMap(({ rules }) => rules)
  .map(({ alert, expr, annotations }) => ({
    where: alert,
    expr,
    shown: placeholders(Object.values(annotations).join('\n'), /\$labels\.(\w+)/g),
  }));

const page = readFileSync(new URL('../../../docs/monitoring.md', import.meta.url), 'utf8');
export const docs: Query[] = [...page.matchAll(/```promql\n([\s\S]*?)```/g)]
  .flatMap(([, block = '']) => block.trim().split(/\n(?=\S)/))
  .map((expr) => ({ where: 'docs/monitoring.md', expr, shown: [] }));

export const queries: readonly Query[] = [...alerts, ...panels, ...variables, ...docs];
