import { UsageError, type Parser } from './usage-error.js';

const MS_PER: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  // Go takes the micro sign and the Greek letter.
  '\u00b5s': 1e-3,
  '\u03bcs': 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Whole seconds (`5`) or a duration as Go writes it (`500ms`, `1m30s`, `1.5s`), from `least` to `most`, which are durations too. Gives
 * milliseconds.
 */
export function durationParser(least: string, most: string): Parser<number> {
  const [leastMs, mostMs] = [milliseconds(least) ?? NaN, milliseconds(most) ?? NaN];
  return (text, option) => {
    const ms = milliseconds(text);
    if (ms === null || !(ms >= leastMs && ms <= mostMs)) {
      const expected = `seconds or a duration like 500ms or 1m30s, from ${least} to ${most}`;
      throw new UsageError(option, expected, text);
    }
    return ms;
  };
}

/** The same without bounds; null for what is no duration. */
export function milliseconds(text: string): number | null {
  if (/^[-+]?\d+$/.test(text)) return Number(text) * 1000;
  const [, sign = '', parts = ''] = DURATION.exec(text) ?? [];
  if (parts === '') return null;
  const sum = [...parts.matchAll(PART)]
    .map(([, amount, unit = 'ms']) => Number(amount) * (MS_PER[unit] ?? NaN))
    .reduce((total, each) => total + each, 0);
  // To the nanosecond, as Go counts: 1.1 times 1000 is a little more than 1100.
  const exact = Math.round(sum * 1e6) / 1e6;
  return sign === '-' ? -exact : exact;
}

const DURATION = /^([-+]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|[u\u00b5\u03bc]s|ms|s|m|h))+)$/;
const PART = /([\d.]+)(ns|[u\u00b5\u03bc]s|ms|s|m|h)/g;
