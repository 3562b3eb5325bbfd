/** What was found, for people: a line for each, and what mends it below. */
import type { Colours } from '../inspect/colours.js';
import { inOneLine } from '../core/one-line.js';
import type { Examination } from './checks.js';
import type { Verdict } from './finding.js';

const MOST = 1000;

export function examinationText({ findings, skipped }: Examination, paint: Colours): string {
  const painted = { ok: paint.good, warn: paint.doubtful, fail: paint.bad };
  const lines = findings.flatMap(({ name, verdict, evidence, remedy }) => [
    `${painted[verdict](verdict.padEnd(4))}  ${name}: ${inOneLine(evidence, MOST)}`,
    ...(remedy === null ? [] : [`      mend: ${inOneLine(remedy, MOST)}`]),
  ]);
  const count = (wanted: Verdict): string =>
    `${findings.filter(({ verdict }) => verdict === wanted).length} ${wanted}`;
  const reasons = [...new Set(skipped.map(({ why }) => why))];
  const unasked = reasons.map((reason) => {
    const names = skipped.filter(({ why }) => why === reason).map(({ name }) => name);
    return `  ${names.join(', ')}: ${inOneLine(reason, MOST)}`;
  });
  return [
    ...lines,
    '',
    `${count('ok')}, ${count('warn')}, ${count('fail')}${unasked.length === 0 ? '' : '; not checked:'}`,
    ...unasked,
    '',
  ].join('\n');
}
