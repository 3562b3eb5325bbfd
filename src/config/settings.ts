import { parseBoolean } from './values.js';
import type { Parser } from './usage-error.js';

/** What the command line gave, by flag: text, a list of texts, or absent. */
export type Arguments = Readonly<Record<string, string | readonly string[] | undefined>>;
export type Environment = Readonly<Record<string, string | undefined>>;

/** How each flag was spelled, by its first name: `--logger` for `log-level`. */
export type Spellings = Readonly<Record<string, string | undefined>>;

/** What a file gave, as the command line would have. */
export interface SettingsFile {
  readonly path: string;
  readonly given: Arguments;
  /** Without dashes. */
  readonly spelled: Spellings;
}

/** Second spellings of flags, which have variables of their own. The Go program's flag is --logger. */
const OTHER_SPELLINGS: Readonly<Record<string, string | undefined>> = {
  'log-level': 'logger',
  'health-schem': 'health-scheme',
};

/** What a flag's variable begins with: of `lvscare care`, and of `sealctl ipvs`, which is the Go program as well. */
const PREFIXES = ['CARE_', 'IPVS_'];

/**
 * The settings in force, each from the first place that has it: command line, environment, file. An error names that place.
 */
export class Settings {
  readonly #given: Arguments;
  readonly #environment: Environment;
  readonly #file: SettingsFile | null;
  readonly #spelled: Spellings;

  constructor(
    given: Arguments,
    environment: Environment,
    file: SettingsFile | null = null,
    spelled: Spellings = {},
  ) {
    this.#given = given;
    this.#environment = environment;
    this.#file = file;
    this.#spelled = spelled;
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

  /**
   * The values of a flag that is repeated or comma-joined. Empty when nobody gave it.
   *
   * @param split What each text is taken apart by. Default: at its commas.
   */
  list<Value>(flag: string, parse: Parser<Value>, split = byCommas): Value[] {
    const found = this.#find(flag);
    if (found === null) return [];
    const texts = found.texts.flatMap(split).map((text) => text.trim());
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
    const given = textsOf(this.#given[flag]);
    if (given !== null) return { texts: given, origin: this.#spelled[flag] ?? `--${flag}` };
    for (const variable of variablesOf(flag)) {
      const text = this.#environment[variable];
      // An empty variable counts as none, as with the Go program.
      if (text !== undefined && text !== '') return { texts: [text], origin: variable };
    }
    const filed = textsOf(this.#file?.given[flag]);
    if (filed === null || this.#file === null) return null;
    return { texts: filed, origin: `${this.#file.spelled[flag] ?? flag} in ${this.#file.path}` };
  }
}

function textsOf(given: string | readonly string[] | undefined): readonly string[] | null {
  return given === undefined ? null : typeof given === 'string' ? [given] : given;
}

function variablesOf(flag: string): string[] {
  const spellings = [flag, OTHER_SPELLINGS[flag]].filter((spelling) => spelling !== undefined);
  return PREFIXES.flatMap((prefix) =>
    spellings.map((spelling) => prefix + spelling.toUpperCase().replaceAll('-', '_')),
  );
}

function byCommas(text: string): readonly string[] {
  return text.split(',');
}
