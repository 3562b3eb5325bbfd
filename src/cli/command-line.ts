import { klogOptions } from '../config/klog.js';
import type { Arguments, Environment } from '../config/settings.js';
import { nearest } from '../config/nearest.js';
import { UsageError } from '../config/usage-error.js';
import { sortArguments, type Sorted, type Spelling } from './arguments.js';
import { COMMANDS, type CommandName, type CommandSpec } from './commands.js';
import { completionScript } from './completion-script.js';

/** What the user asked for. */
export type Command =
  | {
      readonly kind: 'run';
      readonly name: Exclude<CommandName, 'completion'>;
      readonly given: Arguments;
      /** How each of these was spelled, by flag. */
      readonly spelled: Readonly<Record<string, string>>;
      /** What was given beside options. */
      readonly words: readonly string[];
    }
  /** Help, or a completion script. */
  | { readonly kind: 'print'; readonly text: string };

const HELP: Spelling = { flag: 'help', aliases: ['h'], kind: 'switch' };
const SPECS: readonly (CommandSpec & { readonly name: CommandName })[] = COMMANDS;

/**
 * Reads the command line. Throws a UsageError for what it cannot read.
 *
 * @param args Without the interpreter and the script.
 * @param width Columns to wrap help to.
 * @param environment What may ask for the options of klog.
 */
export async function readCommandLine(
  args: readonly string[],
  width: number,
  environment: Environment = {},
): Promise<Command> {
  // As most programs have it.
  if (args.length === 1 && args[0] === '--version')
    return { kind: 'run', name: 'version', given: { short: ['true'] }, spelled: {}, words: [] };
  if (args.length === 0) return print((await helper()).help(null, width));
  const klog = klogOptions(environment);
  const sorted = sortArguments(args, [...SPECS.flatMap(({ options }) => options), ...klog, HELP]);
  const [name, ...words] = sorted.words;
  if (sorted.given[HELP.flag]?.at(-1) === 'true') return print((await helper()).help(name ?? null, width));
  if (name === 'help') return print((await helper()).help(words[0] ?? null, width));
  const spec = SPECS.find((one) => one.name === name);
  if (spec === undefined) {
    const names = SPECS.map((one) => one.name);
    const meant = name === undefined ? null : nearest(name, names);
    const hint = meant === null ? 'see lvscare --help' : `did you mean ${meant}?`;
    const expected = `a command: ${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''} (${hint})`;
    throw new UsageError('lvscare', expected, name ?? null);
  }
  refuseForeign(sorted, spec.name === 'care' ? [...spec.options, ...klog] : spec.options);
  checkWords(spec, words);
  if (spec.name === 'completion') return { kind: 'print', text: scriptFor(words[0] ?? 'bash') };
  const { spelled } = sorted;
  return { kind: 'run', name: spec.name, given: withoutHelp(sorted.given), spelled, words };
}

/** Loaded only for help: yargs takes long to load. */
const helper = () => import('./help.js');

async function print(text: Promise<string>): Promise<Command> {
  return { kind: 'print', text: await text };
}

function scriptFor(shell: string): string {
  const script = completionScript(shell);
  if (script === null) throw new UsageError('lvscare completion', 'bash or zsh', shell);
  return script;
}

/** `--help=false` is possible, too. */
function withoutHelp({ [HELP.flag]: _, ...given }: Sorted['given']): Sorted['given'] {
  return given;
}

function checkWords({ name, words: wanted }: CommandSpec, words: readonly string[]): void {
  const command = `lvscare ${name}`;
  if (wanted === 'stray') {
    refuseMeaningful(command, words);
  } else if (wanted === 'none') {
    if (words[0] !== undefined) throw new UsageError(command, 'nothing but options (see --help)', words[0]);
  } else {
    const { name: what, least, most } = wanted;
    if (words.length < least) throw new UsageError(command, what, words.at(-1) ?? null);
    if (words.length > most)
      throw new UsageError(command, `${what} and nothing after it`, words[most] ?? null);
  }
}

/** Stray words are ignored, unless they must mean the opposite of what would be done without them. */
function refuseMeaningful(command: string, stray: readonly string[]): void {
  for (const word of stray) {
    if (/^(f|false)$/i.test(word))
      throw new UsageError(command, 'the value of a switch after =, as in --SWITCH=false', word);
    if (/^[0-9a-f.:[\]]+:\d+,?$/i.test(word))
      throw new UsageError(command, 'each server after --rs, or comma-joined without a space', word);
  }
}

/** Options of another command: that they exist is known by now. */
function refuseForeign({ given, spelled }: Sorted, own: readonly Spelling[]): void {
  const flags = [HELP, ...own].map(({ flag }) => flag);
  const foreign = Object.keys(given).find((flag) => !flags.includes(flag));
  if (foreign === undefined) return;
  const name = spelled[foreign] ?? `--${foreign}`;
  throw new UsageError(name, 'an option of this command (see --help)', name);
}
