/** The findings as text: a line for each, and its remedy below. */
import { inOneLine } from '../text/one-line.js';
import type { Paint, Style } from '../text/paint.js';
import type { Examination } from './checks.js';
import type { Verdict } from './finding.js';

const MAX_LENGTH = 1000;
const STYLES: Readonly<Record<Verdict, Style>> = { ok: 'good', warn: 'doubtful', fail: 'bad' };

export function examinationText({ findings, skipped }: Examination, paint: Paint): string {
  const lines = findings.flatMap(({ name, verdict, evidence, remedy }) => [
    `${paint(STYLES[verdict], verdict.padEnd(4))}  ${name}: ${inOneLine(evidence, MAX_LENGTH)}`,
    ...(remedy === null ? [] : [`      fix: ${inOneLine(remedy, MAX_LENGTH)}`]),
  ]);
  const count = (wanted: Verdict): string =>
    `${findings.filter(({ verdict }) => verdict === wanted).length} ${wanted}`;
  const reasons = [...new Set(skipped.map(({ why }) => why))];
  const notChecked = reasons.map((reason) => {
    const names = skipped.filter(({ why }) => why === reason).map(({ name }) => name);
    return `  ${names.join(', ')}: ${inOneLine(reason, MAX_LENGTH)}`;
  });
  return [
    ...lines,
    '',
    `${count('ok')}, ${count('warn')}, ${count('fail')}${notChecked.length === 0 ? '' : '; not checked:'}`,
    ...notChecked,
    '',
  ].join('\n');
}
