/** How the demo speaks: headlines, what was typed, what came back. Colours only on a terminal. */
const colour = process.stdout.isTTY || process.env['FORCE_COLOR'] !== undefined;

function paint(code: number, text: string): string {
  return colour ? `\u001b[${code}m${text}\u001b[0m` : text;
}

export const bold = (text: string): string => paint(1, text);
export const dim = (text: string): string => paint(2, text);
export const red = (text: string): string => paint(31, text);
export const green = (text: string): string => paint(32, text);

export function say(text = ''): void {
  process.stdout.write(`${text}\n`);
}

let chapters = 0;

/** Begins a chapter of the story. */
export function chapter(title: string): void {
  chapters += 1;
  say(`\n${bold(`${chapters}. ${title}`)}`);
}

/** Something that was typed, and what it printed. */
export function typed(command: string, output = ''): void {
  say(`   ${bold('$')} ${command}`);
  if (output !== '') say(output.trimEnd().replaceAll(/^/gm, '   '));
}

/** Seconds, or milliseconds below one. */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
