/** A word that is not special in YAML 1.1, a path, or an option: these need no quotes. */
const PLAIN = /^(?:[A-Za-z_/]|--?[A-Za-z])(?:[A-Za-z0-9_/.@=+-]|:(?=[A-Za-z0-9_/.@=+-]))*$/;
const WORDS = /^(?:y|yes|n|no|true|false|on|off|null)$/i;

/** A text as a YAML scalar, quoted where necessary. YAML 1.1, which kubelet uses, and YAML 1.2 read it as the same text. */
export function scalar(text: string): string {
  if (PLAIN.test(text) && !WORDS.test(text)) return text;
  // In single quotes nothing is escaped but the quote; line ends and control characters need the others.
  if (/^[\x20-\x7e\u00a0-\u{d7ff}]*$/u.test(text) && !/[\u2028\u2029]/.test(text)) {
    return `'${text.replaceAll("'", "''")}'`;
  }
  return JSON.stringify(text).replaceAll(/[\u007f-\u009f\u2028\u2029\ufeff]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
