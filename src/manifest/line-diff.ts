/** How many lines are shown around a change. */
const CONTEXT = 3;

/** The difference of two texts by lines, as `diff -u` shows it but without line numbers; empty if there is none. */
export function lineDiff(before: string, after: string): string {
  if (before === after) return '';
  const [old, now] = [linesOf(before), linesOf(after)];
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
  let tail = 0;
  while (tail < Math.min(old.length, now.length) - start && old.at(-1 - tail) === now.at(-1 - tail))
    tail += 1;
  const changed = compared(old.slice(start, old.length - tail), now.slice(start, now.length - tail));
  const around = (line: string): string => ` ${line}`;
  return [
    ...old.slice(Math.max(0, start - CONTEXT), start).map(around),
    ...changed,
    ...old.slice(old.length - tail, old.length - tail + CONTEXT).map(around),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function linesOf(text: string): string[] {
  return text.replace(/\n$/, '').split('\n');
}

/** Line by line: what comes before the next line that both have was added. */
function compared(old: readonly string[], now: readonly string[]): string[] {
  const lines: string[] = [];
  let at = 0;
  for (const line of old) {
    const found = now.indexOf(line, at);
    if (found < 0) lines.push(`-${line}`);
    else {
      lines.push(...now.slice(at, found).map((added) => `+${added}`), ` ${line}`);
      at = found + 1;
    }
  }
  return [...lines, ...now.slice(at).map((added) => `+${added}`)];
}
