const MOST_CHARACTERS = 100;

/**
 * Text from elsewhere, made safe for a line of a log and for a terminal: line breaks become commas, other control characters
 * are escaped, and long text is cut.
 */
export function inOneLine(text: string, mostCharacters = MOST_CHARACTERS): string {
  const line = text.replace(/[\n\r\p{Zl}\p{Zp}]+/gu, ', ').replace(STEERING, escaped);
  return line.length > mostCharacters ? `${line.slice(0, mostCharacters)}...` : line;
}

/** Control and format characters: the latter change the order of letters, or are invisible. */
const STEERING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** The same JSON without control characters, except line breaks between values. */
export function harmlessJson(value: unknown, indent = 0): string {
  return JSON.stringify(value, null, indent)
    .split('\n')
    .map((line) => line.replace(STEERING, escaped))
    .join('\n');
}

/** As JSON and JavaScript spell it. */
function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
    .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
    .join('');
}
