import type { Option } from './option.js';
import { OPTION, type Flag, type OptionValue } from './options.js';

/** What the command line gave, by flag: text, a list of texts, or absent. */
export type Arguments = Readonly<Record<string, string | readonly string[] | undefined>>;
export type Environment = Readonly<Record<string, string | undefined>>;

/** How each flag was spelled, by its first name: `--logger` for `log-level`. */
export type Spellings = Readonly<Record<string, string | undefined>>;

/** What a file gave, as the command line would have. */
export interface SettingsFile {
  readonly given: Arguments;
  /** Where each option is, for messages: `/etc/lvscare.yaml:7: virtualServers[1].interval`. */
  readonly origins: Readonly<Record<string, string | undefined>>;
  /** The weights that the file gives real servers, by the server's text. */
  readonly weights: ReadonlyMap<string, number>;
  /** Of one of several virtual servers: where it is, `/etc/lvscare.yaml:6: virtualServers[1]`; else null. */
  readonly place: string | null;
}

/** Where the value of an option is from. */
export type Origin =
  { readonly kind: 'flag' | 'variable' | 'file'; readonly name: string } | { readonly kind: 'default' };

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

  /**
   * An option as the user gave it: its spelling, its variable, or its place in a file. If it is not given: `--FLAG`, or where it would be
   * in the file.
   */
  name(flag: string): string {
    const missing = this.#file?.place ? `${this.#file.place}.${flag}` : `--${flag}`;
    return this.#find(flag)?.name ?? missing;
  }

  /** Where the value of an option is from. */
  origin(flag: string): Origin {
    const found = this.#find(flag);
    return found === null ? { kind: 'default' } : { kind: found.kind, name: found.name };
  }

  /** The value as the user wrote it, or its default; null if there is neither. */
  text(flag: Flag): string | readonly string[] | null {
    const { kind, default: otherwise = null } = OPTION[flag];
    const texts = this.#find(flag)?.texts;
    if (texts === undefined) return otherwise;
    return kind === 'list' ? texts : (texts.at(-1) ?? '');
  }

  /** The weights of real servers, by the server's text; empty if they are not from a file. */
  get weights(): ReadonlyMap<string, number> {
    return this.origin('rs').kind === 'file' && this.#file !== null ? this.#file.weights : new Map();
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

  #find(flag: string): Found | null {
    const given = textsOf(this.#given[flag]);
    if (given !== null) return { kind: 'flag', texts: given, name: this.#spelled[flag] ?? `--${flag}` };
    for (const variable of variablesOf(flag)) {
      const text = this.#environment[variable];
      // An empty variable counts as none, as with the Go program.
      if (text !== undefined && text !== '') return { kind: 'variable', texts: [text], name: variable };
    }
    const filed = textsOf(this.#file?.given[flag]);
    return filed === null ? null : { kind: 'file', texts: filed, name: this.#file?.origins[flag] ?? flag };
  }
}

interface Found {
  readonly kind: 'flag' | 'variable' | 'file';
  readonly texts: readonly string[];
  /** As messages name it. */
  readonly name: string;
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
