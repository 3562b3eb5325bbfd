/** `lvscare status --check`: how a script is told whether virtual servers work. */
import { levelOf, tally } from '../report/severity.js';
import type { Status, VirtualServerStatus } from './status.js';

/** The exit codes of monitoring plugins, but for the last one. */
export const CHECK_CODES = { ok: 0, degraded: 1, down: 2 } as const;
type Verdict = keyof typeof CHECK_CODES;

/** A line for each virtual server, and the worst verdict: down if there is none. */
export function checkStatus(status: Status): {
  readonly lines: readonly string[];
  readonly verdict: Verdict;
} {
  const checked = status.virtualServers.map((one) => ({ one, ...check(one, status.atMs) }));
  const verdicts = new Set(checked.map(({ verdict }) => verdict));
  const verdict = (['down', 'degraded', 'ok'] as const).find((each) => verdicts.has(each)) ?? 'down';
  return {
    lines: checked.map(({ one, verdict: each, why }) => `${each} ${one.virtualServer}: ${why}`),
    verdict,
  };
}

function check(
  { care, kernel, notes }: VirtualServerStatus,
  atMs: number,
): { verdict: Verdict; why: string } {
  if (care === null) {
    // What the kernel has goes on, but no failed server is taken out.
    const serves = kernel?.destinations.some(({ weight }) => weight > 0) === true;
    return { verdict: serves ? 'degraded' : 'down', why: notes.join('; ') };
  }
  const { up, all } = tally(care.servers);
  const level = levelOf(care, atMs);
  const verdict = level === 'well' ? 'ok' : level === 'down' ? 'down' : 'degraded';
  return { verdict, why: `${level}, ${up} of ${all} up` };
}
