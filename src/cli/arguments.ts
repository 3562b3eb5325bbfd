import { UsageError } from '../config/usage-error.js';
import { parseBoolean } from '../config/values.js';
import type { OptionSpec } from './options.js';

type Spelling = Pick<OptionSpec, 'flag' | 'aliases' | 'kind'>;

/**
 * Spells arguments out as the Go program's flag library understands them: `--flag value`, `--flag=value`, `-f value`,
 * `-fvalue`, several one-letter switches in one word, `--switch=0`. What an option takes is its value, whatever it looks
 * like. Throws a UsageError for an option that is not known, that lacks its value, or that is neither true nor false.
 *
 * @returns Only `--flag=value` with the flag's first spelling, words that belong to no option, and `--` before the rest.
 */
export function spellOut(args: readonly string[], options: readonly Spelling[]): string[] {
  const known = new Map(
    options.flatMap((option) =>
      [option.flag, ...(option.aliases ?? [])].map((name) => [dashed(name), option] as const),
    ),
  );
  const spelled: string[] = [];
  const left = [...args];
  for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
    if (arg === '--') return [...spelled, arg, ...left];
    if (!arg.startsWith('-') || arg === '-') {
      spelled.push(arg);
      continue;
    }
    const [name, given] = arg.startsWith('--') ? splitLong(arg) : splitShort(arg);
    const option = known.get(name);
    if (option === undefined) throw new UsageError(name, 'an option that exists (see --help)', arg);
    if (option.kind !== 'switch') {
      const value = given ?? left.shift();
      if (value === undefined) throw new UsageError(name, 'a value', null);
      spelled.push(`--${option.flag}=${value}`);
    } else if (given === null || arg.startsWith('--') || arg[2] === '=') {
      spelled.push(`--${option.flag}=${given === null ? true : parseBoolean(given, name)}`);
    } else {
      // One word of several: what follows a switch is the next letter.
      spelled.push(`--${option.flag}=true`);
      left.unshift(`-${given}`);
    }
  }
  return spelled;
}

/** `--name=value` or `--name`. */
function splitLong(arg: string): readonly [name: string, value: string | null] {
  const at = arg.indexOf('=');
  return at < 0 ? [arg, null] : [arg.slice(0, at), arg.slice(at + 1)];
}

/** `-n=value`, `-nvalue` or `-n`. */
function splitShort(arg: string): readonly [name: string, value: string | null] {
  const rest = arg.slice(2);
  return [arg.slice(0, 2), rest === '' ? null : rest.startsWith('=') ? rest.slice(1) : rest];
}

function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}
