import type { Option } from './option.js';
import { OPTION, type Flag, type OptionValue } from './options.js';

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

  /** The value of an option: where it was given, else its default, else null; an empty list if it is a list. */
  read<F extends Flag>(flag: F): OptionValue<F> {
    // Its own parser gives what its type says.
    return this.#read(OPTION[flag]) as OptionValue<F>;
  }

  /** An option as the user gave it: its spelling, its variable, or its place in a file; `--FLAG` if it is not given. */
  name(flag: string): string {
    return this.#find(flag)?.origin ?? `--${flag}`;
  }

  #read({ flag, kind, parse, split = byCommas, default: otherwise }: Option): unknown {
    const found = this.#find(flag);
    if (kind === 'list') {
      const texts = (found?.texts ?? []).flatMap(split).map((text) => text.trim());
      return texts.filter((text) => text !== '').map((text) => parse(text, this.name(flag)));
    }
    // An option that is given more than once has its last value, as with the Go program.
    const text = found === null ? otherwise : (found.texts.at(-1) ?? '');
    return text === undefined ? null : parse(text, this.name(flag));
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
  const known: Readonly<Record<string, Option | undefined>> = OPTION;
  const spellings = [flag, ...(known[flag]?.aliases ?? []).filter((alias) => alias.length > 1)];
  return PREFIXES.flatMap((prefix) =>
    spellings.map((spelling) => prefix + spelling.toUpperCase().replaceAll('-', '_')),
  );
}

function byCommas(text: string): readonly string[] {
  return text.split(',');
}
