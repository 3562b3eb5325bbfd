/** Text that is markup already: whatever else goes into a page is escaped. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = Markup | string | number | null | readonly Content[];

/** A piece of markup. What is put into it is text, escaped for elements and quoted attributes alike, unless it is markup itself. */
export function markup(parts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  let text = parts[0] ?? '';
  contents.forEach((content, index) => (text += textOf(content) + (parts[index + 1] ?? '')));
  return new Markup(text);
}

function textOf(content: Content): string {
  if (content === null) return '';
  if (content instanceof Markup) return content.text;
  if (typeof content === 'number') return String(content);
  if (typeof content === 'string') return escaped(content);
  return content.map(textOf).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Neither control characters nor what turns the direction of writing: a server's own words are to look like what they are. */
const MISLEADING = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Nearly all text is. */
const HARMLESS = /^[\w .,:;()/%+\-[\]]*$/;

function escaped(text: string): string {
  if (HARMLESS.test(text)) return text;
  return text.replace(MISLEADING, '\ufffd').replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/** Not longer than that: what comes from the network is, who knows. */
export function clipped(text: string, length = 240): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
