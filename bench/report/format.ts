/** Numbers and tables as a reader likes them. Pure. */
import type { Summary } from '../statistics.js';

/** `0 s`, `0.024 s`, `0.13 s`, `1.3 s`, `24 s`. */
export function seconds(ms: number): string {
  const s = ms / 1000;
  const digits = s === 0 || s >= 20 ? 0 : s < 0.1 ? 3 : s < 1 ? 2 : 1;
  return `${s.toFixed(digits)} s`;
}

/** A count, or the mean of two. */
export function amount(value: number): string {
  return value < 10 && value % 1 !== 0 ? value.toFixed(1) : value.toFixed(0);
}

/** `1.3 s (1.1 s to 1.5 s)`, or just the one if there is no spread; nothing of nothing. */
export function spread(summary: Summary | null, show: (value: number) => string): string {
  if (summary === null) return '';
  const [median, min, max] = [summary.median, summary.min, summary.max].map(show);
  return min === max ? (median ?? '') : `${median} (${min} to ${max})`;
}

/** Padded, as prettier would have it. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[], fill = ' '): string =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width, fill)).join(' | ')} |`;
  return [line(head), line([], '-'), ...rows.map((row) => line(row))].join('\n');
}
