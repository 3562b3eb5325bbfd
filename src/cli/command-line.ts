import yargs, { type Argv } from 'yargs';
import { UsageError } from '../config/usage-error.js';
import { parseBoolean } from '../config/values.js';
import type { Arguments } from '../config/settings.js';
import { CARE_OPTIONS, type OptionSpec } from './options.js';

/** What the user asked for. */
export type Command =
  | { readonly kind: 'care'; readonly given: Arguments; readonly stray: readonly string[] }
  | { readonly kind: 'version'; readonly short: boolean }
  /** Help or a completion script, which yargs has printed. */
  | { readonly kind: 'printed' };

const OPTIONS: readonly OptionSpec[] = CARE_OPTIONS;

/** Says so to yargs, so that it does not make numbers of addresses, or two spellings of one flag. */
const PLAIN_PARSING = {
  'boolean-negation': false,
  'camel-case-expansion': false,
  'dot-notation': false,
  'greedy-arrays': false,
  'parse-numbers': false,
  'parse-positional-numbers': false,
  'strip-aliased': true,
};

/**
 * Reads the command line. Prints help and completion scripts by itself. Throws a UsageError for what it cannot read.
 *
 * @param args Without the interpreter and the script.
 * @param width Columns to wrap help to.
 */
export async function readCommandLine(args: readonly string[], width: number): Promise<Command> {
  let asked = null as Command | null;
  const completing = args.includes('--get-yargs-completions');
  const parser = yargs()
    .scriptName('lvscare')
    .usage(
      '$0 <command>\n\nKeeps an IPVS virtual server on this node pointed at the healthy Kubernetes apiservers.',
    )
    .parserConfiguration(PLAIN_PARSING)
    .exitProcess(false)
    .fail(false)
    .wrap(width)
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
      (command) => command.option('short', { type: 'boolean', describe: 'Print one line' }),
      (argv) => {
        refuseUnknown(argv, ['short']);
        asked = { kind: 'version', short: argv.short === true };
      },
    )
    .completion('completion', 'Print a completion script for bash or zsh')
    .example('$0 care --vs 10.103.97.2:6443 --rs 10.0.0.1:6443,10.0.0.2:6443', '')
    .epilogue('Exit codes: 0 done, 1 it failed, 2 the arguments are wrong.');

  const argv: Record<string, unknown> = await parser.parseAsync(spellOutSwitches(args));
  if (asked !== null) return asked;
  if (argv['help'] === true || completing || (argv['_'] as unknown[])[0] === 'completion')
    return { kind: 'printed' };
  const [command] = argv['_'] as string[];
  throw new UsageError(
    'lvscare',
    'a command: care, version or completion (see lvscare --help)',
    command ?? null,
  );
}

function careOptions(command: Argv, completing: boolean): Argv {
  const described = OPTIONS.reduce(
    (parser, { flag, aliases = [], kind, help, defaultText, group, choices, obsolete }) =>
      parser.option(flag, {
        type: kind === 'switch' ? 'boolean' : kind === 'list' ? 'array' : 'string',
        ...(kind === 'list' ? { string: true } : {}),
        alias: [...aliases],
        describe: help,
        group,
        hidden: obsolete === true,
        ...(defaultText === undefined ? {} : { defaultDescription: defaultText }),
        // For completion only: a wrong value is for src/config to name.
        ...(completing && choices !== undefined ? { choices } : {}),
      }),
    command,
  );
  return described
    .usage(
      '$0 care --vs IP:PORT --rs IP:PORT...\n\n' +
        'Probes every real server, keeps the healthy ones in the virtual server, and repairs what somebody else changes.\n' +
        'SIGTERM or Ctrl-C ends it and leaves everything in place.',
    )
    .example(
      '$0 care --vs 10.103.97.2:6443 --rs 10.0.0.1:6443 --rs 10.0.0.2:6443',
      'Take care, until stopped',
    )
    .example('$0 care --vs 10.103.97.2:6443 --rs 10.0.0.1:6443 --dry-run', 'Say what would be done')
    .example('$0 care --vs 10.103.97.2:6443 --rs 10.0.0.1:6443 --run-once', 'Before kubeadm join')
    .example('$0 care --vs 10.103.97.2:6443 --clean', 'Remove it again')
    .epilogue(
      'Each option can also be given in the environment: --fast-interval as CARE_FAST_INTERVAL. The command line wins.\n' +
        'Exit codes: 0 done, 1 it failed, 2 the arguments are wrong.',
    );
}

function careCommand(argv: Readonly<Record<string, unknown>>): Command {
  refuseUnknown(
    argv,
    OPTIONS.flatMap(({ flag, aliases = [] }) => [flag, ...aliases]),
  );
  const given: Record<string, string | readonly string[] | undefined> = {};
  for (const { flag } of OPTIONS) given[flag] = texts(argv[flag]);
  const [, ...stray] = (argv['_'] as unknown[]).map(String);
  return { kind: 'care', given, stray };
}

/** What yargs made of an option, as the texts that were given. */
function texts(value: unknown): string | readonly string[] | undefined {
  if (value === undefined) return undefined;
  return Array.isArray(value) ? value.map(String) : `${value as string | boolean}`;
}

function refuseUnknown(argv: Readonly<Record<string, unknown>>, known: readonly string[]): void {
  const unknown = Object.keys(argv).find((name) => !['_', '$0', 'help', 'h', ...known].includes(name));
  if (unknown === undefined) return;
  const spelled = unknown.length === 1 ? `-${unknown}` : `--${unknown}`;
  throw new UsageError(spelled, 'an option that exists (see --help)', spelled);
}

/** `--run-once=1` and the like, as the Go program takes them: yargs would read everything but `true` as false. */
function spellOutSwitches(args: readonly string[]): string[] {
  const switches = OPTIONS.filter(({ kind }) => kind === 'switch');
  const names = new Set(
    switches.flatMap(({ flag, aliases = [] }) => [flag, ...aliases].map((name) => dashed(name))),
  );
  return args.map((arg) => {
    const at = arg.indexOf('=');
    const name = arg.slice(0, at);
    return at > 0 && names.has(name) ? `${name}=${parseBoolean(arg.slice(at + 1), name)}` : arg;
  });
}

function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}
