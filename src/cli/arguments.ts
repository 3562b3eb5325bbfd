import type { Option } from '../config/option.js';
import { nearest } from '../config/nearest.js';
import { UsageError } from '../config/usage-error.js';
import { parseBoolean } from '../config/values.js';

export type Spelling = Pick<Option, 'flag' | 'aliases' | 'kind'>;

export interface Sorted {
  /** What each option was given, by flag, in order. A switch is given `true` or `false`. */
  readonly given: Readonly<Record<string, readonly string[]>>;
  /** What belongs to no option. */
  readonly words: readonly string[];
  /** How each option was spelled, the last time: `--logger` or `-i`, by flag. */
  readonly spelled: Readonly<Record<string, string>>;
}

/**
 * Sorts arguments as the Go program's flag library does: `--flag value`, `--flag=value`, `-f value`, `-f=value`,
 * `-fvalue`, several one-letter switches in one word, `--switch=0`, and `--` before words only. What an option takes is
 * its value, whatever it looks like. Throws a UsageError for an option that is not known, that lacks its value, or that
 * is neither true nor false.
 */
export function sortArguments(args: readonly string[], options: readonly Spelling[]): Sorted {
  const known = new Map(
    options.flatMap((option) =>
      [`--${option.flag}`, ...[option.flag, ...(option.aliases ?? [])].map(dashed)].map(
        (name) => [name, option] as const,
      ),
    ),
  );
  const given: Record<string, string[]> = {};
  const words: string[] = [];
  const spelled: Record<string, string> = {};
  const left = [...args];
  for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
    if (arg === '--') {
      words.push(...left);
      break;
    }
    if (!arg.startsWith('-') || arg === '-') {
      words.push(arg);
      continue;
    }
    const { name, joined, more } = split(arg);
    const option = known.get(name);
    if (option === undefined)
      throw new UsageError(name, `an option that exists (${hint(name, options)})`, arg);
    const texts = (given[option.flag] ??= []);
    spelled[option.flag] = name;
    if (option.kind === 'switch') {
      texts.push(String(joined === null ? true : parseBoolean(joined, name)));
      if (more !== '') left.unshift(`-${more}`);
    } else {
      const value = joined ?? (more === '' ? left.shift() : more);
      if (value === undefined) throw new UsageError(name, 'a value', null);
      texts.push(value);
    }
  }
  return { given, words, spelled };
}

/** What a misspelled option most likely means, else where to read on. */
function hint(name: string, options: readonly Spelling[]): string {
  const meant = name.startsWith('--')
    ? nearest(
        name.slice(2),
        options.map(({ flag }) => flag),
      )
    : null;
  return meant === null ? 'see --help' : `did you mean --${meant}?`;
}

interface Split {
  /** With its dashes. */
  readonly name: string;
  /** What came after `=`. */
  readonly joined: string | null;
  /** What follows a one-letter option in the same word: its value, or more letters. */
  readonly more: string;
}

function split(arg: string): Split {
  const at = arg.indexOf('=');
  if (arg.startsWith('--')) {
    return at < 0
      ? { name: arg, joined: null, more: '' }
      : { name: arg.slice(0, at), joined: arg.slice(at + 1), more: '' };
  }
  const name = arg.slice(0, 2);
  return at === 2 ? { name, joined: arg.slice(3), more: '' } : { name, joined: null, more: arg.slice(2) };
}

function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}
