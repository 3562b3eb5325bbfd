import type { Registry } from 'prom-client';

export type Format = 'prometheus' | 'openmetrics';

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/**
 * What the registries hold, as text, each family once with the values that all of them have. Families without a value are
 * left out.
 */
export async function expose(
  registries: readonly Registry[],
  format: Format,
  yieldToOthers: () => Promise<void>,
): Promise<string> {
  const holders = new Map<string, Registry[]>();
  for (const registry of registries)
    for (const { name } of registry.getMetricsAsArray())
      holders.set(name, [...(holders.get(name) ?? []), registry]);
  const parts: string[] = [];
  for (const [name, all] of holders) {
    let hasHead = false;
    for (const registry of all) {
      const text = await registry.getSingleMetricAsString(name);
      const [help = '', type = ''] = text.split('\n', 2);
      const body = text.slice(help.length + type.length + 2);
      if (body !== '' && !hasHead)
        parts.push(format === 'openmetrics' ? openMetricsHead(help, type) : `${help}\n${type}`);
      if (body !== '') parts.push(body);
      hasHead ||= body !== '';
      await yieldToOthers();
    }
  }
  // prom-client can write OpenMetrics too, but then renames the counters for good.
  if (format === 'openmetrics') parts.push('# EOF');
  return `${parts.join('\n')}\n`;
}

/** There a counter's name is without `_total`, and quotes are escaped. */
function openMetricsHead(help: string, type: string): string {
  const quoted = help.replaceAll('"', String.raw`\"`);
  if (!type.endsWith(' counter')) return `${quoted}\n${type}`;
  return `${quoted.replace(/^(# HELP \S+)_total /, '$1 ')}\n${type.replace(/_total counter$/, ' counter')}`;
}

/** The format that an Accept header asks for: OpenMetrics only if it is preferred. */
export function formatFor(accept: string): Format {
  const qualities = new Map<string, number>();
  for (const part of accept.split(',')) {
    const [type = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const quality = parameters.find((text) => text.startsWith('q='))?.slice(2) ?? '1';
    const version = parameters.find((text) => text.startsWith('version='))?.slice(8) ?? '1.0.0';
    if (type === OPEN_METRICS && version !== '1.0.0') continue;
    qualities.set(type, Math.max(qualities.get(type) ?? 0, Number(quality) || 0));
  }
  const openMetrics = qualities.get(OPEN_METRICS) ?? 0;
  const text = qualities.get('text/plain') ?? 0;
  return openMetrics > 0 && openMetrics >= text ? 'openmetrics' : 'prometheus';
}

const OPEN_METRICS = 'application/openmetrics-text';
