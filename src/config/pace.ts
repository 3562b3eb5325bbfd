/** How often to probe, and how often before it counts. */
import { durationParser, milliseconds } from './duration.js';
import type { Settings } from './settings.js';
import type { Parser } from './usage-error.js';
import { integerParser } from './values.js';

export const parseInterval = durationParser({
  leastMs: 10,
  mostMs: 24 * 3600 * 1000,
  words: 'from 10ms to 24h',
});
const DEFAULT_INTERVAL_MS = 5000;
const count = integerParser(1, 1000);

/** `--interval`, in milliseconds. */
export function readInterval(settings: Settings): number {
  return settings.value('interval', orDefault(parseInterval, DEFAULT_INTERVAL_MS), DEFAULT_INTERVAL_MS);
}

/** How many in a row make a verdict. */
export function readCount(settings: Settings, flag: 'fall' | 'rise'): number {
  return settings.value(flag, count, 2);
}

/** The Go program takes 0 for its default. */
function orDefault(parse: Parser<number>, otherwise: number): Parser<number> {
  return (text, option) => (milliseconds(text) === 0 ? otherwise : parse(text, option));
}
