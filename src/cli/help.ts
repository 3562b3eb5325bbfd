import yargs, { type Argv } from 'yargs';
import type { Option } from '../config/option.js';
import { COMMANDS, type CommandSpec } from './commands.js';

const SPECS: readonly CommandSpec[] = COMMANDS;
/** Of care: those that most nodes need, before the others. */
const FIRST: readonly string[] = ['vs', 'rs', 'health-ca', 'discover', 'config'];
const EXIT_CODES = 'Exit codes: 0 done, 1 it failed, 2 the arguments are wrong.';

/** The help of a command, or of the program when it is null or there is no such command, wrapped to `width` columns. */
// ts-unused-exports:disable-next-line
export async function help(command: string | null, width: number): Promise<string> {
  const text = await printed(program(width), command === null ? ['--help'] : [command, '--help']);
  // yargs marks only its own switch, --help, with a type.
  return text.replace(/ +\[boolean\]$/gm, '');
}

/** What yargs has to print for the given arguments. */
async function printed(parser: Argv, args: readonly string[]): Promise<string> {
  let text = '';
  await parser.parseAsync(args, {}, (_error: unknown, _argv: unknown, output: string) => {
    if (output !== '') text = output;
  });
  return text;
}

/** The program as yargs is to describe it. It parses nothing for us: see arguments.ts. */
function program(width: number): Argv {
  const parser = yargs()
    .scriptName('lvscare')
    .usage(
      'lvscare COMMAND\n\nKeeps an IPVS virtual server on this node pointed at the healthy Kubernetes apiservers.',
    )
    // As the texts around yargs' own.
    .locale('en')
    .exitProcess(false)
    .wrap(width)
    .updateStrings({ 'Options:': 'Help:' })
    .version(false)
    .help()
    .alias('help', 'h');
  for (const spec of SPECS)
    parser.command(spec.name, spec.summary, (command) => describeCommand(command, spec));
  return parser.epilogue(
    'lvscare COMMAND --help describes a command. An example:\n' +
      '  lvscare care --vs 10.103.97.2:6443 --rs 10.0.0.1:6443,10.0.0.2:6443\n\n' +
      EXIT_CODES,
  );
}

function describeCommand(
  command: Argv,
  { name, synopsis, description, options, notes, examples }: CommandSpec,
): Argv {
  const isFirst = ({ flag }: Option): boolean => name === 'care' && FIRST.includes(flag);
  const [first, others] = [options.filter(isFirst), options.filter((option) => !isFirst(option))];
  for (const option of [...first, ...others]) {
    const { flag, aliases = [], hidden } = option;
    const group = isFirst(option) ? 'What most nodes need:' : option.group;
    command.option(flag, {
      alias: [...aliases],
      describe: describeOption(option),
      group,
      hidden: hidden === true,
    });
  }
  const parts = [
    ...(notes === undefined ? [] : [`${notes}\n`]),
    ...examples.map(([what, how]) => `${what}:\n  lvscare ${name} ${how}`.trimEnd() + '\n'),
    EXIT_CODES,
  ];
  return command.usage(`lvscare ${name} ${synopsis}\n\n${description}`).epilogue(parts.join('\n'));
}

/** With its default, not as yargs' own tag at the right margin, which it squeezes against the text. */
function describeOption({ help: words, kind, default: value, otherwise = value }: Option): string {
  if (otherwise === undefined || (kind === 'switch' && otherwise === 'false')) return words;
  return otherwise.startsWith('required') ? `${words} (${otherwise})` : `${words} (default: ${otherwise})`;
}
