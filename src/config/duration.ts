import { UsageError, type Parser } from './usage-error.js';

const MS_PER: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

export interface DurationBounds {
  readonly leastMs: number;
  readonly mostMs: number;
  /** In words, for the message: `10ms to 24h`. */
  readonly words: string;
}

/** Whole seconds (`5`) or a duration as Go writes it (`500ms`, `1m30s`, `1.5s`). Gives milliseconds. */
export function durationParser(bounds: DurationBounds): Parser<number> {
  return (text, option) => {
    const ms = /^[-+]?\d+$/.test(text) ? Number(text) * 1000 : goDuration(text);
    if (ms === null || ms < bounds.leastMs || ms > bounds.mostMs) {
      throw new UsageError(option, `seconds or a duration like 500ms or 1m30s, ${bounds.words}`, text);
    }
    return ms;
  };
}

function goDuration(text: string): number | null {
  const [, sign = '', parts = ''] =
    /^([-+]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+)$/.exec(text) ?? [];
  if (parts === '') return null;
  const sum = [...parts.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)]
    .map(([, amount, unit = 'ms']) => Number(amount) * (MS_PER[unit] ?? NaN))
    .reduce((total, each) => total + each, 0);
  return sign === '-' ? -sum : sum;
}
