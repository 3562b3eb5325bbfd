import { harmlessJson, inOneLine } from '../text/one-line.js';

/** Of what the user gave, as messages repeat it. */
const MOST_CHARACTERS = 2000;

/** A wrong argument: which option, what it expects, what it got. Ends the program with exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';

  /**
   * @param option As the user gave it: `--interval`, or `CARE_INTERVAL` when it came from the environment.
   * @param expected Reads on after "expected".
   * @param got The offending text; null when nothing was given. Long text is cut.
   */
  constructor(option: string, expected: string, got: string | null) {
    super(
      `${shown(option)}: expected ${shown(expected)}, got ${got === null ? 'nothing' : harmlessJson(cut(got))}`,
    );
  }
}

/** More lines than these help no operator. */
export const MOST_ERRORS = 100;

/** Several wrong arguments, a line each. */
export class UsageErrors extends UsageError {
  /** @param errors At least one; those with the same message count once. */
  constructor(errors: readonly UsageError[]) {
    super('', '', null);
    const messages = [...new Set(errors.map(({ message }) => message))];
    const more = messages.length > MOST_ERRORS ? ['there are more errors'] : [];
    this.message = [...messages.slice(0, MOST_ERRORS), ...more].join('\n');
  }
}

/** Reads the text of an option into a value. Throws a {@link UsageError} that names the option. */
export type Parser<Value> = (text: string, option: string) => Value;

/** Names of options and keys of files may contain anything. */
function shown(text: string): string {
  return inOneLine(text, MOST_CHARACTERS);
}

function cut(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}...` : text;
}
