/** How many lines are shown around a change. */
const CONTEXT = 3;
/** Beyond so many changed lines they are not compared with each other. */
const MOST_COMPARED = 1000;

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

/** By their longest common subsequence. */
function compared(old: readonly string[], now: readonly string[]): string[] {
  if (Math.max(old.length, now.length) > MOST_COMPARED)
    return [...old.map((line) => `-${line}`), ...now.map((line) => `+${line}`)];
  const length = old.map(() => now.map(() => 0));
  const at = (i: number, j: number): number => length[i]?.[j] ?? 0;
  for (let i = old.length - 1; i >= 0; i -= 1)
    for (let j = now.length - 1; j >= 0; j -= 1) {
      const row = length[i];
      if (row !== undefined)
        row[j] = old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      lines.push(` ${old[i] ?? ''}`);
      i += 1;
      j += 1;
    } else if (j >= now.length || (i < old.length && at(i + 1, j) >= at(i, j + 1))) {
      lines.push(`-${old[i] ?? ''}`);
      i += 1;
    } else {
      lines.push(`+${now[j] ?? ''}`);
      j += 1;
    }
  }
  return lines;
}
