import { parseBoolean } from './values.js';
import type { Parser } from './usage-error.js';

/** What the command line gave, by flag: text, a list of texts, or absent. */
export type Arguments = Readonly<Record<string, string | readonly string[] | undefined>>;
export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables of flags with two spellings, beside the one that the flag's name gives. */
const OTHER_VARIABLES: Readonly<Record<string, string | undefined>> = {
  // The Go program's flag is --logger.
  'log-level': 'CARE_LOGGER',
  'health-schem': 'CARE_HEALTH_SCHEME',
};

/**
 * The settings in force, each from the first place that has it: command line, environment. An error names that place.
 */
export class Settings {
  readonly #given: Arguments;
  readonly #environment: Environment;

  constructor(given: Arguments, environment: Environment) {
    this.#given = given;
    this.#environment = environment;
  }

  has(flag: string): boolean {
    return this.#find(flag) !== null;
  }

  /** The value of a flag, or the default when nobody gave it. */
  value<Value, Default>(flag: string, parse: Parser<Value>, otherwise: Default): Value | Default {
    const found = this.#find(flag);
    if (found === null) return otherwise;
    // A flag that is given more than once has its last value, as with the Go program.
    return parse(found.texts.at(-1) ?? '', found.origin);
  }

  /** The values of a flag that is repeated or comma-joined. Empty when nobody gave it. */
  list<Value>(flag: string, parse: Parser<Value>): Value[] {
    const found = this.#find(flag);
    if (found === null) return [];
    const texts = found.texts.flatMap((text) => text.split(',')).map((text) => text.trim());
    return texts.filter((text) => text !== '').map((text) => parse(text, found.origin));
  }

  switch<Default>(flag: string, otherwise: Default): boolean | Default {
    return this.value(flag, parseBoolean, otherwise);
  }

  /** How the user would name a flag: where it was given, else as an option. */
  name(flag: string): string {
    return this.#find(flag)?.origin ?? `--${flag}`;
  }

  #find(flag: string): { readonly texts: readonly string[]; readonly origin: string } | null {
    const given = this.#given[flag];
    if (given !== undefined)
      return { texts: typeof given === 'string' ? [given] : given, origin: `--${flag}` };
    for (const variable of [`CARE_${flag.toUpperCase().replaceAll('-', '_')}`, OTHER_VARIABLES[flag]]) {
      const text = variable === undefined ? undefined : this.#environment[variable];
      // An empty variable counts as none, as with the Go program.
      if (variable !== undefined && text !== undefined && text !== '')
        return { texts: [text], origin: variable };
    }
    return null;
  }
}
