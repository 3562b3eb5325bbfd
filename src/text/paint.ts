export type Style = 'good' | 'doubtful' | 'bad' | 'strong' | 'faint';

/** Gives a text a style, which takes no columns. */
export type Paint = (style: Style, text: string) => string;

export const plainPaint: Paint = (_style, text) => text;

/** With the colours that every terminal has. */
export const terminalPaint: Paint = (style, text) => `\u001b[${CODES[style]}m${text}\u001b[0m`;

const CODES: Readonly<Record<Style, number>> = { good: 32, doubtful: 33, bad: 31, strong: 1, faint: 2 };
