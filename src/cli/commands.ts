/** Every command but `help`, which belongs to the command line itself: its words, its options, its help. */
import {
  ASKING_FLAGS,
  CARE_OPTIONS,
  fromCare,
  MANIFEST_OPTIONS,
  withoutEffect,
  type OptionSpec,
} from './options.js';

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
  summary: 'Show virtual servers, their real servers and their health',
  synopsis: '[--vs IP:PORT] [--json] [--watch]',
  description:
    'Shows the table as ipvsadm -Ln does, with what lvscare knows of each real server: how it is, since when and why, how ' +
    'soon it answers, whether it is drained; and its rates as the kernel estimates them. What lvscare knows comes from the one ' +
    'that is running; where there is none, what the kernel has is shown. Exit code 1 when neither can be told.',
  options: [
    { ...VS_OPTION, help: `${VS_OPTION.help}. Default: all in this network namespace` },
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
  { ...VS_OPTION, help: `${VS_OPTION.help}. Default: all that have the real server` },
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

const OUTPUT = 'Output:';

const PROBE = {
  name: 'probe',
  summary: 'Ask real servers once, and say what care would see',
  synopsis: '--rs IP:PORT... [options]',
  description:
    'Asks every real server once, as care does it, over a connection of its own, at most fifty at a time. Says of each how ' +
    'long TCP, TLS and the answer took, what TLS agreed on, which certificates it showed and which of them is not ' +
    'accepted, and what care would do if it went on like this. Changes nothing.',
  options: [
    ...fromCare({
      rs: { help: 'Real server, IP:PORT or [IPv6]:PORT; repeated or comma-joined. Required' },
      interval: { help: 'With --watch: time between probes, seconds or a duration like 500ms' },
      fall: { help: 'Failures in a row that would take a real server out' },
      rise: { help: 'With --watch: successes in a row that would put it back' },
      config: {},
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
  summary: 'Say whether this node is fit for lvscare, and how to fix it',
  synopsis: '[--vs IP:PORT --rs IP:PORT...] [options of care]',
  description:
    'Looks at the kernel, rights, sysctls, addresses, routes, firewall, kube-proxy, hosts entries, other programs, and each ' +
    'apiserver with its certificate and its clock. Each check is a line: ok, warn or fail, its name and the evidence; below it ' +
    'is how to fix it. Changes nothing and loads no module.',
  options: [
    ...fromCare({
      vs: {
        help: "Virtual server. Default: that of lvscare's static pod on this node, or of a running one",
      },
      rs: { help: 'Real server; repeated or comma-joined. Default: likewise' },
      scheduler: {},
      mode: {},
      iface: {},
      ip: {},
      masquerade: {},
      sysctl: {},
      config: {},
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
    'What is not given is as in that static pod, before any default, or as a running one has it. All other options of care ' +
    'are accepted, too, so that its arguments can be given as they are.\n' +
    'Exit code 1 means that a check failed; a warning is none. docs/commands.md explains each check.',
  examples: [
    ['Check a node where the static pod is already', ''],
    ['Check a node before lvscare is there', '--vs 10.103.97.2:6443 --rs 10.0.0.1:6443,10.0.0.2:6443'],
    ['What is wrong, for a script', '--json'],
  ],
} as const satisfies CommandSpec;

const MANIFEST = {
  name: 'manifest',
  summary: 'Print a static pod that takes care, or write it in place',
  synopsis: '--vs IP:PORT --rs IP:PORT... [--write]',
  description:
    'Prints a static pod that runs lvscare care with the given options, with no privilege but NET_ADMIN and with every ' +
    'file mounted that they name. With --write it replaces the file at --path in one step, so that the kubelet never sees ' +
    "half of it, unless that is another pod's. Options that lvscare care would refuse are refused here, before anything is written.",
  options: MANIFEST_OPTIONS,
  words: 'none',
  notes:
    'Only what is given on the command line goes into the manifest, nothing from the environment. Files that options ' +
    'name are not looked at, but for --config: they may be there only on the node that the manifest is for.',
  examples: [
    ['Print it', '--vs 10.103.97.2:6443 --rs 10.0.0.1:6443,10.0.0.2:6443'],
    ['Have the kubelet of this node run it', '--vs 10.103.97.2:6443 --rs 10.0.0.1:6443 --write'],
    ['See what it is with another image', '--set-image registry.example.com/lvscare:0.2.0'],
    ['Upgrade it', '--set-image registry.example.com/lvscare:0.2.0 --write'],
  ],
} as const satisfies CommandSpec;

const VERSION = {
  name: 'version',
  summary: 'Print the version as JSON',
  synopsis: '[--short]',
  description: 'Prints the version as JSON.',
  options: [{ flag: 'short', kind: 'switch', help: 'Print the version alone, in one line', group: GROUP }],
  words: 'none',
  examples: [
    ['The commit that it was made from', '| jq -r .gitCommit'],
    ['The version alone', '--short'],
  ],
} as const satisfies CommandSpec;

/** It belongs to the command line itself: nothing of it is run. */
const COMPLETION = {
  name: 'completion',
  summary: 'Print a completion script for bash or zsh',
  synopsis: '[bash|zsh]',
  description:
    'Prints a script that has the shell complete commands, options and their values. Default: bash.',
  options: [],
  words: { name: 'bash or zsh', least: 0, most: 1 },
  examples: [
    ['Complete in bash, from the next shell on', 'bash > /etc/bash_completion.d/lvscare'],
    ['And in zsh', 'zsh > "${fpath[1]}/_lvscare"'],
  ],
} as const satisfies CommandSpec;

export const COMMANDS = [CARE, STATUS, DRAIN, UNDRAIN, PROBE, DOCTOR, MANIFEST, VERSION, COMPLETION] as const;

export type CommandName = (typeof COMMANDS)[number]['name'];
