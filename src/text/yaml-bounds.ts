/** How deep values may be in each other. Beyond any bound, a YAML parser takes time and memory without bound, or ends the process. */
const MOST_NESTED = 20;
/** Of a line, in spaces: each level of block style takes at least one. */
const MOST_INDENTED = 100;

/** Whether a text of YAML is flat enough to be parsed. Brackets and dashes in quotes count, too. */
export function isFlatYaml(text: string): boolean {
  let depth = 0;
  for (const [bracket] of text.matchAll(/[[{}\]]/g)) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1;
    if (depth > MOST_NESTED) return false;
  }
  if ((text.match(/(?:^|\s)\?(?=\s|$)/g)?.length ?? 0) > MOST_NESTED) return false;
  return text
    .split(/\r\n?|\n/)
    .every(
      (line) =>
        (line.match(/(?:^|[ \t])-(?=[ \t]|$)/g)?.length ?? 0) <= MOST_NESTED &&
        (/^[ \t]*/.exec(line)?.[0].length ?? 0) <= MOST_INDENTED,
    );
}
