import { parse } from 'yaml';

/**
 * What a manifest has and its replacement has not, or has otherwise: a line for each value, with its path, and for each comment. Empty if
 * the replacement only adds. Both texts are valid YAML.
 */
export function lossesOf(before: string, after: string): readonly string[] {
  const kept = new Set(commentsIn(after));
  return [
    ...valuesLost(parse(before), parse(after), ''),
    ...commentsIn(before).filter((comment) => !kept.has(comment)),
  ];
}

function valuesLost(before: unknown, after: unknown, path: string): string[] {
  if (Array.isArray(before)) {
    const others: unknown[] = Array.isArray(after) ? after : [];
    return before.flatMap((item: unknown) => {
      const name = nameOf(item);
      if (name !== null)
        return valuesLost(
          item,
          others.find((other) => nameOf(other) === name),
          `${path}[${name}]`,
        );
      const text = JSON.stringify(item);
      return others.some((other) => JSON.stringify(other) === text) ? [] : [`${path}: ${text}`];
    });
  }
  if (typeof before === 'object' && before !== null) {
    const others = typeof after === 'object' && after !== null ? (after as Record<string, unknown>) : {};
    return Object.entries(before).flatMap(([key, value]) =>
      valuesLost(value, others[key], path === '' ? key : `${path}.${key}`),
    );
  }
  return before === after ? [] : [`${path}: ${JSON.stringify(before)}`];
}

function nameOf(item: unknown): string | null {
  const name = typeof item === 'object' && item !== null ? (item as { name?: unknown }).name : null;
  return typeof name === 'string' ? name : null;
}

function commentsIn(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line.startsWith('#'));
}
