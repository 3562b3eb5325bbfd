/** Words and numbers that YAML 1.1 or 1.2 takes for something else than a text. */
const NO_TEXT =
  /^(?:y|yes|n|no|true|false|on|off|null|~|[-+]?\.inf|\.nan|[-+]?[0-9][0-9_.:a-fxo]*(?:e[-+]?\d+)?|\d{4}-\d\d?-\d\d?.*)$/i;

/** What needs no quotes, in a block and in a flow. */
const PLAIN = /^(?:[A-Za-z0-9_/.]|--?(?=[A-Za-z]))(?:[A-Za-z0-9_/.@=+-]|:(?=[A-Za-z0-9_/.@=+-]))*$/;

/** A text as a scalar of YAML, quoted where it has to be: it is read as the same text by YAML 1.1, 1.2 and JSON. */
export function scalar(text: string): string {
  if (PLAIN.test(text) && !NO_TEXT.test(text)) return text;
  // In single quotes nothing is escaped but the quote; line ends and control characters need the others.
  if (/^[\x20-\x7e\u00a0-\u{d7ff}]*$/u.test(text)) return `'${text.replaceAll("'", "''")}'`;
  return JSON.stringify(text).replaceAll(/[\u007f-\u009f\u2028\u2029\ufeff]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
