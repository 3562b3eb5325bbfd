import { inOneLine } from '../text/one-line.js';

/** A kube-apiserver has some forty checks; while it starts, most of them fail. */
const MOST_NAMES = 5;
const MOST_CHARACTERS = 60;

/**
 * Which of its own checks a kube-apiserver says failed, from the body of its answer: `etcd failed`; empty if it names none.
 * There it has a line for each check: `[+]ping ok`, `[-]etcd failed: reason withheld`.
 */
export function failedChecks(body: string): string {
  const names = [...body.matchAll(/^\[-\](\S+) failed/gm)].map(([, name = '']) => name);
  if (names.length === 0) return '';
  const shown = names.slice(0, MOST_NAMES).map((name) => inOneLine(name, MOST_CHARACTERS));
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : '';
  return `${shown.join(', ')}${more} failed`;
}
