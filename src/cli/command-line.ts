import type { Arguments } from '../config/settings.js';
import { UsageError } from '../config/usage-error.js';
import { sortArguments, type Sorted, type Spelling } from './arguments.js';
import { CARE_OPTIONS } from './options.js';

/** What the user asked for. */
export type Command =
  | { readonly kind: 'care'; readonly given: Arguments; readonly stray: readonly string[] }
  | { readonly kind: 'version'; readonly short: boolean }
  /** Help, a completion script, or words that complete a command line. */
  | { readonly kind: 'print'; readonly text: string };

const HELP: Spelling = { flag: 'help', aliases: ['h'], kind: 'switch' };
const SHORT: Spelling = { flag: 'short', kind: 'switch' };
const ASKS_FOR_COMPLETIONS = '--get-yargs-completions';

/**
 * Reads the command line. Throws a UsageError for what it cannot read.
 *
 * @param args Without the interpreter and the script.
 * @param width Columns to wrap help to.
 */
export async function readCommandLine(args: readonly string[], width: number): Promise<Command> {
  if (args[0] === ASKS_FOR_COMPLETIONS) return print((await helper()).completions(args));
  const sorted = sortArguments(args, [...CARE_OPTIONS, SHORT, HELP]);
  const [command, ...stray] = sorted.words;
  if (isOn(sorted, HELP)) return print((await helper()).help(command ?? null, width));
  switch (command) {
    case 'care':
      refuseForeign(sorted, CARE_OPTIONS);
      refuseTelling(stray);
      return { kind: 'care', given: withoutHelp(sorted.given), stray };
    case 'version':
      refuseForeign(sorted, [SHORT]);
      return { kind: 'version', short: isOn(sorted, SHORT) };
    case 'completion':
      refuseForeign(sorted, []);
      return print((await helper()).completionScript());
    case 'help':
      return print((await helper()).help(stray[0] ?? null, width));
    case undefined:
    default: {
      const expected = 'a command: care, version or completion (see lvscare --help)';
      throw new UsageError('lvscare', expected, command ?? null);
    }
  }
}

/** Only for those who ask: it takes yargs, and that its time. */
const helper = () => import('./help.js');

async function print(text: Promise<string>): Promise<Command> {
  return { kind: 'print', text: await text };
}

function isOn({ given }: Sorted, { flag }: Spelling): boolean {
  return given[flag]?.at(-1) === 'true';
}

/** Somebody may say `--help=false`. */
function withoutHelp({ [HELP.flag]: _, ...given }: Sorted['given']): Sorted['given'] {
  return given;
}

/** Stray words are ignored, unless somebody must have meant the opposite of what would be done without them. */
function refuseTelling(stray: readonly string[]): void {
  for (const word of stray) {
    if (/^(f|false)$/i.test(word))
      throw new UsageError('lvscare care', 'the value of a switch after =, like --dry-run=false', word);
    if (/^[0-9a-f.:[\]]+:\d+,?$/i.test(word))
      throw new UsageError('lvscare care', 'each server after --rs, or comma-joined without a space', word);
  }
}

/** Options of another command: that they exist is known by now. */
function refuseForeign({ given }: Sorted, own: readonly Spelling[]): void {
  const flags = [HELP, ...own].map(({ flag }) => flag);
  const foreign = Object.keys(given).find((flag) => !flags.includes(flag));
  if (foreign === undefined) return;
  throw new UsageError(`--${foreign}`, 'an option of this command (see --help)', `--${foreign}`);
}
