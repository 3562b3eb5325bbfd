import yargs, { type Argv } from 'yargs';
import type { Arguments } from '../config/settings.js';
import { UsageError } from '../config/usage-error.js';
import { spellOut } from './arguments.js';
import { CARE_OPTIONS, type OptionSpec } from './options.js';

/** What the user asked for. */
export type Command =
  | { readonly kind: 'care'; readonly given: Arguments; readonly stray: readonly string[] }
  | { readonly kind: 'version'; readonly short: boolean }
  /** Help, a completion script, or words that complete a command line. */
  | { readonly kind: 'print'; readonly text: string };

const OPTIONS: readonly OptionSpec[] = CARE_OPTIONS;
const SHORT = { flag: 'short', kind: 'switch' } as const;
const HELP = { flag: 'help', aliases: ['h'], kind: 'switch' } as const;

/** Arguments come spelled out: yargs is to take them as they are. */
const PLAIN_PARSING = {
  'boolean-negation': false,
  'camel-case-expansion': false,
  'dot-notation': false,
  'parse-numbers': false,
  'parse-positional-numbers': false,
  'strip-aliased': true,
};

/**
 * Reads the command line. Throws a UsageError for what it cannot read.
 *
 * @param args Without the interpreter and the script.
 * @param width Columns to wrap help to.
 */
export async function readCommandLine(args: readonly string[], width: number): Promise<Command> {
  let asked = null as Command | null;
  const completing = args.includes('--get-yargs-completions');
  const parser = yargs()
    .scriptName('lvscare')
    // The texts around yargs' own are in English.
    .locale('en')
    .usage(
      'lvscare COMMAND\n\nKeeps an IPVS virtual server on this node pointed at the healthy Kubernetes apiservers.',
    )
    .parserConfiguration(PLAIN_PARSING)
    .exitProcess(false)
    .fail(false)
    .wrap(width)
    .updateStrings({ 'Options:': 'Help:' })
    .version(false)
    .help()
    .alias('help', 'h')
    .command(
      'care',
      'Take care of a virtual server until stopped',
      (command) => careOptions(command, completing),
      (argv) => {
        asked = careCommand(argv);
      },
    )
    .command(
      'version',
      'Print the version as JSON',
      (command) =>
        command
          .usage('lvscare version\n\nPrints the version as JSON.')
          .option(SHORT.flag, { describe: 'Print the version alone, in one line' }),
      (argv) => {
        refuseForeign(argv, [SHORT]);
        asked = { kind: 'version', short: texts(argv[SHORT.flag])?.at(-1) === 'true' };
      },
    )
    .completion('completion', 'Print a completion script for bash or zsh')
    .epilogue(
      'lvscare COMMAND --help says more. For example:\n' +
        '  lvscare care --vs 10.103.97.2:6443 --rs 10.0.0.1:6443,10.0.0.2:6443\n\n' +
        'Exit codes: 0 done, 1 it failed, 2 the arguments are wrong.',
    );

  let printed = '';
  const argv: Record<string, unknown> = await parser.parseAsync(
    completing ? args : spellOut(args, [...OPTIONS, SHORT, HELP]),
    {},
    (_error: unknown, _argv: unknown, output: string) => {
      // Help says of itself that it is a switch, and of nothing else what it is.
      if (output !== '') printed = output.replace(/ +\[boolean\]$/gm, '');
    },
  );
  if (printed !== '') return { kind: 'print', text: printed };
  if (asked !== null) return asked;
  const [command] = argv['_'] as string[];
  throw new UsageError(
    'lvscare',
    'a command: care, version or completion (see lvscare --help)',
    command ?? null,
  );
}

function careOptions(command: Argv, completing: boolean): Argv {
  const described = OPTIONS.reduce(
    (parser, { flag, aliases = [], help, defaultText, group, choices, obsolete }) =>
      parser.option(flag, {
        alias: [...aliases],
        // Not as yargs' own tag at the right margin, which it squeezes against the text.
        describe: defaultText === undefined ? help : `${help} (default: ${defaultText})`,
        group,
        hidden: obsolete === true,
        // For completion only: a wrong value is for src/config to name.
        ...(completing && choices !== undefined ? { choices } : {}),
      }),
    command,
  );
  return described
    .usage(
      'lvscare care --vs IP:PORT --rs IP:PORT...\n\n' +
        'Probes every real server, keeps the healthy ones in the virtual server, and repairs what somebody else ' +
        'changes. SIGTERM or Ctrl-C ends it and leaves everything in place.',
    )
    .epilogue(
      'Each option can also be given in the environment: --fast-interval as CARE_FAST_INTERVAL. The command line ' +
        'wins.\n\n' +
        EXAMPLES.map(([what, how]) => `${what}:\n  lvscare care ${how}\n`).join('') +
        '\nExit codes: 0 done, 1 it failed, 2 the arguments are wrong.',
    );
}

const EXAMPLES = [
  [
    'Take care of a virtual server with two real servers',
    '--vs 10.103.97.2:6443 --rs 10.0.0.1:6443,10.0.0.2:6443',
  ],
  ['Only set it up, before kubeadm join', '--vs 10.103.97.2:6443 --rs 10.0.0.1:6443 --run-once'],
  ['Say what would be done', '--vs 10.103.97.2:6443 --rs 10.0.0.1:6443 --dry-run'],
  ['Remove it again', '--vs 10.103.97.2:6443 --clean'],
] as const;

function careCommand(argv: Readonly<Record<string, unknown>>): Command {
  refuseForeign(argv, OPTIONS);
  const given: Record<string, readonly string[] | undefined> = {};
  for (const { flag } of OPTIONS) given[flag] = texts(argv[flag]);
  const [, ...stray] = (argv['_'] as unknown[]).map(String);
  return { kind: 'care', given, stray };
}

/** What yargs made of an option, as the texts that were given: one, or an array when it was given more than once. */
function texts(value: unknown): readonly string[] | undefined {
  return value === undefined ? undefined : [value].flat().map(String);
}

/** Options of another command: that they exist is known by now. */
function refuseForeign(
  argv: Readonly<Record<string, unknown>>,
  own: readonly Pick<OptionSpec, 'flag'>[],
): void {
  const names = ['_', '$0', HELP.flag, ...own.map(({ flag }) => flag)];
  const foreign = Object.keys(argv).find((name) => !names.includes(name));
  if (foreign === undefined) return;
  throw new UsageError(`--${foreign}`, 'an option of this command (see --help)', `--${foreign}`);
}
