/** Words in colour, where there is somebody to see it. */
export interface Colours {
  readonly good: (text: string) => string;
  readonly doubtful: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly strong: (text: string) => string;
}

const RESET = '\u001b[0m';

const inColour =
  (code: number) =>
  (text: string): string =>
    `\u001b[${code}m${text}${RESET}`;
const plain = (text: string): string => text;

export function colours(wanted: boolean): Colours {
  return wanted
    ? { good: inColour(32), doubtful: inColour(33), bad: inColour(31), strong: inColour(1) }
    : { good: plain, doubtful: plain, bad: plain, strong: plain };
}
