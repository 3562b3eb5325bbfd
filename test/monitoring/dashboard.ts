/** manifests/monitoring/grafana-dashboard.json, and the queries of its panels and variables. */
import { textOf } from './promtool.js';

/** A query, and where it is. */
export interface Query {
  readonly where: string;
  readonly expr: string;
  /** Labels that something shows of its answer. */
  readonly shown: readonly string[];
}

/** A query of a panel: `where` is the panel's title and the query's letter. */
interface PanelQuery extends Query {
  /** What a series is called, with `{{label}}` for its labels; empty where the panel needs no name. */
  readonly legend: string;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly legendFormat: string;
    readonly datasource: { readonly uid: string };
  }[];
}
interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[];
  };
}

export const dashboard = JSON.parse(textOf('grafana-dashboard.json')) as Dashboard;

/** What a pattern's group matches, wherever it does. */
export const placeholders = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, label = '']) => label);

/** Grafana's own variables are durations where they stand alone; ours stand in strings only. */
const filledIn = (expr: string): string => expr.replaceAll(/\$__(?:rate_interval|range|interval)\b/g, '5m');

const LABEL = /\{\{(\w+)\}\}/g;

/** Those of the panels, Grafana's own variables filled in: every duration is 5 minutes. */
export const panels: readonly PanelQuery[] = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ refId, expr, legendFormat: legend }) => ({
    where: `${title}, ${refId}`,
    expr: filledIn(expr),
    shown: placeholders(legend, LABEL),
    legend,
  })),
);

/** Those that the dashboard's variables get their choices by. */
export const variables: readonly Query[] = dashboard.templating.list
  .filter(({ type }) => type === 'query')
  .map(({ name, definition = '' }) => {
    const [, expr = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? [];
    return { where: `variable ${name}`, expr, shown: [label] };
  });

/** An expression with the dashboard's own variables filled in. Throws for one that has no value. */
export function chosen(expr: string, values: Readonly<Record<string, string>>): string {
  return expr.replaceAll(/\$(\w+)/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`$${name} has no value in ${expr}`);
    return value;
  });
}

/** What a panel calls a series. */
export function nameOf(legend: string, labels: Readonly<Record<string, string>>): string {
  return legend.replaceAll(LABEL, (_, label: string) => labels[label] ?? '');
}
