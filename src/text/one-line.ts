const MOST_CHARACTERS = 100;

/**
 * What somebody else wrote, such that it does no harm to a line of a log or to a terminal: line breaks become commas,
 * whatever else steers a terminal or turns text around is spelled out, and there is no more of it than one reads.
 */
export function inOneLine(text: string, mostCharacters = MOST_CHARACTERS): string {
  const line = text.replace(/[\n\r\p{Zl}\p{Zp}]+/gu, ', ').replace(STEERING, escaped);
  return line.length > mostCharacters ? `${line.slice(0, mostCharacters)}...` : line;
}

/** Control and format characters: the latter turn the order of letters around, or hide. */
const STEERING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** JSON without a character that steers a terminal, line breaks between values aside. It means the same. */
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
