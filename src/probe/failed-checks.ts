import { inOneLine } from '../text/one-line.js';

/** A kube-apiserver has some forty checks; while it starts, most of them fail. */
const MOST_NAMES = 5;
const MOST_CHARACTERS = 60;

/**
 * The checks that a kube-apiserver reports as failed, from the body of its answer: `etcd failed`; empty if it lists none. The
 * body has a line for each check: `[+]ping ok`, `[-]etcd failed: reason withheld`.
 */
export function failedChecks(body: string): string {
  const names = [...body.matchAll(/^\[-\](\S+) failed/gm)].map(([, name = '']) => name);
  if (names.length === 0) return '';
  const shown = names.slice(0, MOST_NAMES).map((name) => inOneLine(name, MOST_CHARACTERS));
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : '';
  return `${shown.join(', ')}${more} failed`;
}
