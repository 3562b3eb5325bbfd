/** Every command but `completion` and `help`, which belong to the command line itself: its words, its options, its help. */
import { ASKING_FLAGS, CARE_OPTIONS, fromCare, withoutEffect, type OptionSpec } from './options.js';

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

const OUTPUT = 'Output:';

const PROBE = {
  name: 'probe',
  summary: 'Ask real servers once, and say what care would see',
  synopsis: '--rs IP:PORT... [options]',
  description:
    'Asks every real server once, as care does it, over a connection of its own, all at the same time. Says of each how ' +
    'long TCP, TLS and the answer took, what TLS agreed on, which certificates it showed and which of them is not ' +
    'accepted, and what care would do if it went on like this. Changes nothing.',
  options: [
    ...fromCare({
      rs: { help: 'Real server, IP:PORT or [IPv6]:PORT; repeated or comma-joined. Required' },
      interval: { help: 'With --watch: time between probes, seconds or a duration like 500ms' },
      fall: { help: 'Failures in a row that would take a real server out' },
      rise: { help: 'With --watch: successes in a row that would put it back' },
      ...ASKING_FLAGS,
    }),
    {
      flag: 'watch',
      kind: 'switch',
      help: 'Ask again each --interval until Ctrl-C: a line for each probe, and a summary at the end',
      group: OUTPUT,
    },
    {
      flag: 'json',
      kind: 'switch',
      help: 'One JSON document; with --watch one for each probe, in a line',
      group: OUTPUT,
    },
  ],
  words: 'none',
  notes:
    'Options of care are read from the environment as by care: --health-ca from CARE_HEALTH_CA.\n' +
    'Exit code 0 means that every probe was well, 1 that one was not.',
  examples: [
    ['Ask three apiservers', '--rs 10.0.0.1:6443,10.0.0.2:6443,10.0.0.3:6443'],
    [
      'As JSON, certificates shown and not verified',
      '--rs 10.0.0.1:6443 --health-insecure-skip-verify --json',
    ],
    ['Watch one that flaps', '--rs 10.0.0.1:6443 --watch --interval 500ms'],
  ],
} as const satisfies CommandSpec;

const DOCTOR = {
  name: 'doctor',
  summary: 'Say whether this node is fit for lvscare, and what mends it',
  synopsis: '[--vs IP:PORT --rs IP:PORT...] [options of care]',
  description:
    'Looks at the kernel, rights, sysctls, addresses, routes, firewall, kube-proxy, hosts entries, other programs, and each ' +
    'apiserver with its certificate and its clock. Each check is a line: ok, warn or fail, its name and the evidence; below it ' +
    'is the command that mends it. Changes nothing and loads no module.',
  options: [
    ...fromCare({
      vs: {
        help: "Virtual server. Unless given: that of lvscare's static pod on this node, or of a running one",
      },
      rs: { help: 'Real server; repeated or comma-joined. Unless given: likewise' },
      scheduler: {},
      mode: {},
      iface: {},
      ip: {},
      masquerade: {},
      sysctl: {},
      ...ASKING_FLAGS,
    }),
    { flag: 'json', kind: 'switch', help: 'One JSON document', group: OUTPUT },
    ...withoutEffect([
      'interval',
      'fast-interval',
      'fall',
      'rise',
      'drain-timeout',
      'max-hold',
      'handshake-interval',
      'run-once',
      'clean',
      'dry-run',
      'log-level',
      'log-format',
      'masqueradebit',
    ]),
  ],
  words: 'none',
  notes:
    'All other options of care are accepted, too, so that its arguments can be given as they are.\n' +
    'Exit code 1 means that a check failed; a warning is none. docs/doctor.md explains each check.',
  examples: [
    ['Check a node where the static pod is already', ''],
    ['Check a node before lvscare is there', '--vs 10.103.97.2:6443 --rs 10.0.0.1:6443,10.0.0.2:6443'],
    ['What is wrong, for a script', '--json'],
  ],
} as const satisfies CommandSpec;

const VERSION = {
  name: 'version',
  summary: 'Print the version as JSON',
  synopsis: '[--short]',
  description: 'Prints the version as JSON.',
  options: [
    { flag: 'short', kind: 'switch', help: 'Print the version alone, in one line', group: 'Options:' },
  ],
  words: 'none',
  examples: [],
} as const satisfies CommandSpec;

export const COMMANDS = [CARE, DOCTOR, PROBE, VERSION] as const;

export type CommandName = (typeof COMMANDS)[number]['name'];
