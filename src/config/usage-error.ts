/** A wrong argument: which option, what it expects, what it got. Ends the program with exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';

  /**
   * @param option As the user gave it: `--interval`, or `CARE_INTERVAL` when it came from the environment.
   * @param expected Reads on after "expected".
   * @param got The offending text; null when nothing was given.
   */
  constructor(option: string, expected: string, got: string | null) {
    super(`${option}: expected ${expected}, got ${got === null ? 'nothing' : JSON.stringify(got)}`);
  }
}

/** Several wrong arguments, a line each. */
export class UsageErrors extends UsageError {
  /** @param errors At least one; those with the same message count once. */
  constructor(errors: readonly UsageError[]) {
    super('', '', null);
    this.message = [...new Set(errors.map(({ message }) => message))].join('\n');
  }
}

/** Reads the text of an option into a value. Throws a {@link UsageError} that names the option. */
export type Parser<Value> = (text: string, option: string) => Value;
