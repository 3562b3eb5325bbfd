/** Every command but `completion` and `help`, which belong to the command line itself: its words, its options, its help. */
import { CARE_OPTIONS, type OptionSpec } from './options.js';

export interface CommandSpec {
  readonly name: string;
  /** In the program's help, without a full stop. */
  readonly summary: string;
  /** How it is called, after its name: `[RS] [options]`. */
  readonly synopsis: string;
  /** What it does, in whole sentences. */
  readonly description: string;
  /** The same flag is of the same kind in every command that has it. */
  readonly options: readonly OptionSpec[];
  /**
   * What may follow beside options: nothing, words that are ignored for the sake of old manifests, or so many that mean
   * something.
   */
  readonly words: 'none' | 'stray' | { readonly name: string; readonly least: number; readonly most: number };
  /** What to do, and the arguments that do it, the command's own name left out. */
  readonly examples: readonly (readonly [what: string, how: string])[];
  /** Said before the examples. */
  readonly notes?: string;
}

const CARE = {
  name: 'care',
  summary: 'Take care of a virtual server until stopped',
  synopsis: '--vs IP:PORT --rs IP:PORT...',
  description:
    'Probes every real server, keeps the healthy ones in the virtual server, and repairs what somebody else ' +
    'changes. SIGTERM or Ctrl-C ends it and leaves everything in place.',
  options: CARE_OPTIONS,
  words: 'stray',
  notes:
    'Each option can also be given in the environment: --fast-interval as CARE_FAST_INTERVAL. The command line wins.',
  examples: [
    [
      'Take care of a virtual server with two real servers',
      '--vs 10.103.97.2:6443 --rs 10.0.0.1:6443,10.0.0.2:6443',
    ],
    ['Only set it up, before kubeadm join', '--vs 10.103.97.2:6443 --rs 10.0.0.1:6443 --run-once'],
    ['Say what would be done', '--vs 10.103.97.2:6443 --rs 10.0.0.1:6443 --dry-run'],
    ['Remove it again', '--vs 10.103.97.2:6443 --clean'],
  ],
} as const satisfies CommandSpec;

const GROUP = 'Options:';

const VS_OPTION = {
  flag: 'vs',
  kind: 'text',
  help: 'Virtual server, IP:PORT or [IPv6]:PORT',
  group: GROUP,
} as const satisfies OptionSpec;

const STATUS = {
  name: 'status',
  summary: 'Show virtual servers, their real servers and how these are',
  synopsis: '[--vs IP:PORT] [--json] [--watch]',
  description:
    'Shows the table as ipvsadm -Ln does, with what lvscare knows of each real server: how it is, since when and why, how ' +
    'soon it answers, whether it is drained; and its rates as the kernel estimates them. What lvscare knows comes from the one ' +
    'that is running; where there is none, what the kernel has is shown. Exit code 1 when neither can be told.',
  options: [
    { ...VS_OPTION, help: `${VS_OPTION.help}. Unless given: all in this network namespace` },
    { flag: 'json', kind: 'switch', help: 'As JSON, with --watch one object a line', group: GROUP },
    {
      flag: 'watch',
      kind: 'switch',
      help: 'Show it anew each second until Ctrl-C, in place on a terminal',
      group: GROUP,
    },
  ],
  words: 'none',
  notes: 'Colours are for terminals alone, and for none when NO_COLOR is set.',
  examples: [
    ['Show all virtual servers of this node', ''],
    ['Watch one of them', '--vs 10.103.97.2:6443 --watch'],
    [
      'Name the real servers that are not up',
      '--json | jq -r \'.virtualServers[].care.servers[] | select(.state != "up").server\'',
    ],
  ],
} as const satisfies CommandSpec;

const DRAIN_OPTIONS = [
  { ...VS_OPTION, help: `${VS_OPTION.help}. Unless given: all that have the real server` },
] as const satisfies readonly OptionSpec[];
const ONE_REAL_SERVER = { name: 'one real server, IP:PORT', least: 1, most: 1 } as const;

const DRAIN = {
  name: 'drain',
  summary: 'Take a real server out of rotation for maintenance',
  synopsis: 'RS [--vs IP:PORT]',
  description:
    'From now on the real server gets no new connections; those that it has go on. It is still probed, and stays drained until ' +
    'lvscare undrain, also when lvscare is restarted, but not when the node is. When no other one is up, it serves as a last resort. ' +
    'Where no lvscare is running, the next one drains it.',
  options: DRAIN_OPTIONS,
  words: ONE_REAL_SERVER,
  examples: [
    ['Drain an apiserver before it is upgraded', '10.0.0.1:6443'],
    ['In one virtual server only', '10.0.0.1:6443 --vs 10.103.97.2:6443'],
  ],
} as const satisfies CommandSpec;

const UNDRAIN = {
  name: 'undrain',
  summary: 'Put a real server back that was drained',
  synopsis: 'RS [--vs IP:PORT]',
  description: 'Ends what lvscare drain began: the real server gets connections again as soon as it is up.',
  options: DRAIN_OPTIONS,
  words: ONE_REAL_SERVER,
  examples: [['After the upgrade', '10.0.0.1:6443']],
} as const satisfies CommandSpec;

const VERSION = {
  name: 'version',
  summary: 'Print the version as JSON',
  synopsis: '[--short]',
  description: 'Prints the version as JSON.',
  options: [{ flag: 'short', kind: 'switch', help: 'Print the version alone, in one line', group: GROUP }],
  words: 'none',
  examples: [],
} as const satisfies CommandSpec;

export const COMMANDS = [CARE, STATUS, DRAIN, UNDRAIN, VERSION] as const;

export type CommandName = (typeof COMMANDS)[number]['name'];
