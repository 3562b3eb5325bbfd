/** What the command line asks for. */
import { EVENT_NAMES, type EventName } from './failover/events.js';

const SCENARIOS = ['failover', 'steady', 'scale'] as const;
type Scenario = (typeof SCENARIOS)[number];

export interface BenchOptions {
  readonly peers: readonly string[];
  readonly events: readonly EventName[];
  readonly scenarios: readonly Scenario[];
  readonly repeats: number;
  /** How long the steady state is measured. */
  readonly steadyS: number;
  /** How many real servers the scale scenario has. */
  readonly sizes: readonly number[];
  /** What it has beside, of many virtual servers. */
  readonly services: readonly Services[];
  readonly seed: number;
  readonly json: string;
  readonly help: boolean;
}

/** Virtual servers, and the real servers that each of them has of its own. */
export interface Services {
  readonly virtualServers: number;
  readonly realServers: number;
}

/** A wrong argument, in one line. */
export class WrongOption extends Error {
  override name = 'WrongOption';

  constructor(option: string, expected: string, got: string) {
    super(`${option}: expected ${expected}, got ${JSON.stringify(got)} (see npm run bench -- --help)`);
  }
}

const DEFAULT_JSON = '.cache/bench.json';

export function usage(peers: readonly string[]): string {
  return `usage: npm run bench [-- OPTION...]

Compares lvscare with others, in one guest, on one lab. The report goes to stdout, in Markdown; progress to stderr.

  --scenario failover|steady|scale|all   default all
  --peers A,B       of ${peers.join(', ')}; default all
  --events A,B      of ${EVENT_NAMES.join(', ')}; default all
  --repeats N       of each event, 1 to 100; default 7
  --steady SECONDS  how long the steady state is measured, 5 to 3600; default 60
  --sizes N,N       numbers of real servers in the scale scenario, 3 to 3000, or none; default 3,30,300,1000
  --services NxM,.. N virtual servers there, 2 to 64, of M real servers each, 3 to 64, or none; default 64x3,16x16
  --seed N          of the random phases; default 1
  --json FILE       all that was measured, written as the run goes on; default ${DEFAULT_JSON}
  --help
`;
}

/** @throws WrongOption */
export function parseOptions(args: readonly string[], peers: readonly string[]): BenchOptions {
  const given = new Map<string, string>();
  let help = false;
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index] ?? '';
    if (argument === '--help' || argument === '-h') {
      help = true;
      continue;
    }
    const [, name = '', inline] = /^(--[a-z]+)(?:=(.*))?$/.exec(argument) ?? [];
    if (!VALUED.has(name)) throw new WrongOption('options', [...VALUED].join(', '), argument);
    const value = inline ?? args[++index];
    if (value === undefined) throw new WrongOption(name, 'a value', '');
    given.set(name, value);
  }
  const text = (name: string, byDefault: string): string => given.get(name) ?? byDefault;
  return {
    peers: someOf('--peers', text('--peers', peers.join(',')), peers),
    events: someOf('--events', text('--events', EVENT_NAMES.join(',')), EVENT_NAMES),
    scenarios: scenariosOf(text('--scenario', 'all')),
    repeats: integer('--repeats', text('--repeats', '7'), 1, 100),
    steadyS: integer('--steady', text('--steady', '60'), 5, 3600),
    sizes: integers('--sizes', text('--sizes', '3,30,300,1000'), 3, 3000),
    services: servicesOf(text('--services', '64x3,16x16')),
    seed: integer('--seed', text('--seed', '1'), 0, 2 ** 32 - 1),
    json: filled('--json', text('--json', DEFAULT_JSON)),
    help,
  };
}

const VALUED: ReadonlySet<string> = new Set([
  ...[
    '--scenario',
    '--peers',
    '--events',
    '--repeats',
    '--steady',
    '--sizes',
    '--services',
    '--seed',
    '--json',
  ],
]);

function scenariosOf(text: string): readonly Scenario[] {
  return text === 'all' ? SCENARIOS : someOf('--scenario', text, SCENARIOS);
}

/** In the order of `known`, each once. */
function someOf<T extends string>(option: string, text: string, known: readonly T[]): T[] {
  const names = text.split(',');
  for (const name of names) {
    if (!known.some((each) => each === name))
      throw new WrongOption(option, `some of ${known.join(', ')}`, name);
  }
  return known.filter((each) => names.includes(each));
}

/** `none` is none. */
function integers(option: string, text: string, least: number, most: number): number[] {
  return text === 'none' ? [] : text.split(',').map((each) => integer(option, each, least, most));
}

function servicesOf(text: string): Services[] {
  if (text === 'none') return [];
  return text.split(',').map((each) => {
    const [, virtualServers, realServers] = /^(\d+)x(\d+)$/.exec(each) ?? [];
    if (virtualServers === undefined || realServers === undefined)
      throw new WrongOption('--services', 'such as 64x3, or none', each);
    return {
      virtualServers: integer('--services', virtualServers, 2, 64),
      realServers: integer('--services', realServers, 3, 64),
    };
  });
}

function integer(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw new WrongOption(option, `a whole number from ${least} to ${most}`, text);
  return value;
}

function filled(option: string, text: string): string {
  if (text === '') throw new WrongOption(option, 'a file', text);
  return text;
}
