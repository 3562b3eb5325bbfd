/** A terminal that shows one page, updates it in place, and at the end shows again what it showed before. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_TO_END_OF_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

export const screen = { enter: ENTER, leave: LEAVE } as const;

/** The text that draws a page over the previous one, no larger than the terminal. */
export function page(lines: readonly string[], columns: number, rows: number): string {
  const shown =
    lines.length <= rows
      ? lines
      : [...lines.slice(0, rows - 1), `... and ${lines.length - rows + 1} more lines`];
  const drawn = shown.map((line) => `${cut(line, columns)}${CLEAR_TO_END_OF_LINE}`);
  return `${HOME}${drawn.join('\r\n')}${CLEAR_BELOW}`;
}

/** As much of a line as fits. Styles take no columns. */
function cut(line: string, columns: number): string {
  let left = columns;
  return [...line.matchAll(PIECE)]
    .map(([piece]) => {
      if (piece.startsWith('\u001b')) return piece;
      left -= 1;
      return left >= 0 ? piece : '';
    })
    .join('');
}

// eslint-disable-next-line no-control-regex
const PIECE = /\u001b\[[\d;]*m|./gu;
