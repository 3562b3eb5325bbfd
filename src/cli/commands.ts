/** Every command but `help`, which belongs to the command line itself: its words, its options, its help. */
import type { Option } from '../config/option.js';
import { CARE_OPTIONS, OPTION, PROBES, TLS, type Flag } from '../config/options.js';

export interface CommandSpec {
  readonly name: string;
  /** In the program's help, without a full stop. */
  readonly summary: string;
  /** How it is called, after its name: `[RS] [options]`. */
  readonly synopsis: string;
  /** What it does, in whole sentences. */
  readonly description: string;
  /** The same flag is of the same kind in every command that has it. */
  readonly options: readonly Option[];
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

/** These options, with what a command says differently about them. */
function options(
  flags: readonly Flag[],
  changes: Readonly<Partial<Record<Flag, Partial<Pick<Option, 'help' | 'otherwise'>>>>> = {},
): readonly Option[] {
  return flags.map((flag) => ({ ...OPTION[flag], ...changes[flag] }));
}

const CARE_FLAGS = CARE_OPTIONS.map(({ flag }) => flag);
/** How a real server is probed. */
const PROBE_FLAGS = CARE_OPTIONS.filter(({ group }) => group === PROBES.group || group === TLS.group).map(
  ({ flag }) => flag,
);

const CARE = {
  name: 'care',
  summary: 'Take care of a virtual server until stopped',
  synopsis: '--vs IP:PORT --rs IP:PORT...',
  description:
    'Probes every real server, keeps the healthy ones in the virtual server, and repairs what other programs ' +
    'change. SIGTERM or Ctrl-C ends it and leaves everything in place; SIGHUP has it read the file of --config again.',
  options: CARE_OPTIONS,
  words: 'stray',
  notes:
    'Each option can also be given in the environment: --fast-interval as CARE_FAST_INTERVAL. The command line takes precedence.',
  examples: [
    [
      'Take care of a virtual server with two real servers',
      '--vs 10.103.97.2:6443 --rs 10.0.0.1:6443,10.0.0.2:6443',
    ],
    ['Only set it up, before kubeadm join', '--vs 10.103.97.2:6443 --rs 10.0.0.1:6443 --run-once'],
    ['Log what lvscare would do, and change nothing', '--vs 10.103.97.2:6443 --rs 10.0.0.1:6443 --dry-run'],
    ['Remove it again', '--vs 10.103.97.2:6443 --clean'],
  ],
} as const satisfies CommandSpec;

const STATUS = {
  name: 'status',
  summary: 'Show virtual servers, their real servers and their health',
  synopsis: '[--vs IP:PORT] [--json] [--watch] [--check]',
  description:
    'Shows the table as ipvsadm -Ln does, with what the running lvscare knows of each real server: its state, since when ' +
    'and why, its latency, whether it is drained; and its rates as the kernel estimates them. Without a running lvscare ' +
    'it shows what the kernel has. Exit code 1: it could read neither.',
  options: options(['vs', 'json', 'watch', 'check'], { vs: { otherwise: 'all in this network namespace' } }),
  words: 'none',
  notes: 'The output has colours on a terminal, unless NO_COLOR is set.',
  examples: [
    ['Show all virtual servers of this node', ''],
    ['Watch one of them', '--vs 10.103.97.2:6443 --watch'],
    ['Tell a script whether they work', '--check'],
    [
      'Name the real servers that are not up',
      '--json | jq -r \'.virtualServers[].care.servers[] | select(.state != "up").server\'',
    ],
  ],
} as const satisfies CommandSpec;

const ALL = { vs: { otherwise: 'all that have the real server' } };
const ONE_REAL_SERVER = { name: 'one real server, IP:PORT', least: 1, most: 1 } as const;

const DRAIN = {
  name: 'drain',
  summary: 'Take a real server out of rotation for maintenance',
  synopsis: 'RS [--vs IP:PORT] [--force]',
  description:
    'The real server gets no new connections; its open connections go on. lvscare still probes it. It stays drained until ' +
    'lvscare undrain, also after a restart of lvscare, but not after a restart of the node. While no other real server is ' +
    'up, it gets connections as a last resort; without --force, lvscare refuses to drain the last one. If no lvscare is running, the next one that starts drains it.',
  options: options(['vs', 'force'], ALL),
  words: ONE_REAL_SERVER,
  examples: [
    ['Drain an apiserver before it is upgraded', '10.0.0.1:6443'],
    ['In one virtual server only', '10.0.0.1:6443 --vs 10.103.97.2:6443'],
  ],
} as const satisfies CommandSpec;

const UNDRAIN = {
  name: 'undrain',
  summary: 'Put a drained real server back into rotation',
  synopsis: 'RS [--vs IP:PORT]',
  description: 'Ends lvscare drain: the real server gets new connections again as soon as it is up.',
  options: options(['vs'], ALL),
  words: ONE_REAL_SERVER,
  examples: [['After the upgrade', '10.0.0.1:6443']],
} as const satisfies CommandSpec;

const PROBE = {
  name: 'probe',
  summary: 'Probe real servers once, and show what care would do',
  synopsis: '--rs IP:PORT... [options]',
  description:
    'Probes every real server once, as care does, over a new connection, at most fifty at a time. Shows for each how long ' +
    'TCP, TLS and the answer took, what TLS agreed on, its certificates and which of them is not accepted, and what care ' +
    'would do if every probe ended like this. Changes nothing.',
  options: options(['vs', 'rs', 'interval', 'fall', 'rise', 'config', ...PROBE_FLAGS, 'watch', 'json'], {
    vs: { help: 'Virtual server of the file of --config, if that has several', otherwise: 'its only one' },
    rs: { otherwise: 'required without --config' },
    interval: { help: 'With --watch: time between probes, seconds or a duration like 500ms' },
    fall: { help: 'Failures in a row that would take a real server out' },
    rise: { help: 'With --watch: successes in a row that would bring it back' },
    watch: { help: 'Repeat each --interval until Ctrl-C: a line for each probe, and a summary at the end' },
  }),
  words: 'none',
  notes:
    'Options of care are also read from the environment: --health-ca from CARE_HEALTH_CA.\n' +
    'Exit code 0: every probe succeeded; 1: at least one failed.',
  examples: [
    ['Probe three apiservers', '--rs 10.0.0.1:6443,10.0.0.2:6443,10.0.0.3:6443'],
    [
      'Print JSON, with certificates that are not verified',
      '--rs 10.0.0.1:6443 --health-insecure-skip-verify --json',
    ],
    ['Probe those of one virtual server of a file', '--config lvscare.yaml --vs 10.103.97.2:6443'],
    ['Watch an apiserver that flaps', '--rs 10.0.0.1:6443 --watch --interval 500ms'],
  ],
} as const satisfies CommandSpec;

/** Those that change what is checked. */
const DOCTOR_FLAGS: readonly Flag[] = [
  ...(['vs', 'rs', 'scheduler', 'mode', 'iface', 'ip', 'masquerade', 'sysctl', 'config'] as const),
  ...PROBE_FLAGS,
  'json',
];

const DOCTOR = {
  name: 'doctor',
  summary: 'Check whether this node is fit for lvscare, and say how to fix it',
  synopsis: '[--vs IP:PORT --rs IP:PORT...] [options of care]',
  description:
    'Checks the kernel, rights, sysctls, addresses, routes, kube-proxy, hosts entries, other programs, and each ' +
    'apiserver with its certificate and its clock. Each check is a line: ok, warn or fail, its name and the evidence; the ' +
    'next line says how to fix it. Changes nothing and loads no module.',
  options: [
    ...options(DOCTOR_FLAGS, {
      vs: { otherwise: "that of lvscare's static pod on this node, or of a running lvscare" },
      rs: { otherwise: 'the same' },
      json: { help: 'Print one JSON document' },
    }),
    // The other options of care, so that its arguments can be given as they are.
    ...options(CARE_FLAGS.filter((flag) => !DOCTOR_FLAGS.includes(flag))).map((option) => ({
      ...option,
      hidden: true as const,
    })),
  ],
  words: 'none',
  notes:
    'An option that is not given has its value from that static pod or running lvscare, else its default. Other ' +
    'options of care have no effect.\n' +
    'Exit code 1: a check failed; a warning is not a failure. docs/commands.md explains each check.',
  examples: [
    ['Check a node that has the static pod', ''],
    ['Check a node before lvscare is installed', '--vs 10.103.97.2:6443 --rs 10.0.0.1:6443,10.0.0.2:6443'],
    ['Print the findings for a script', '--json'],
  ],
} as const satisfies CommandSpec;

const MANIFEST = {
  name: 'manifest',
  summary: 'Print a static pod or a systemd unit that runs lvscare care, or write the pod in place',
  synopsis: '--vs IP:PORT --rs IP:PORT... [--write]',
  description:
    'Prints a static pod that runs lvscare care with the given options, with only the privilege NET_ADMIN and with mounts ' +
    'for every file that they name. --write writes it to --path in one step, so that kubelet never reads a part of it. It ' +
    'refuses to replace the manifest of another pod, or, without --replace, one that has something which the new one has ' +
    'not. --add-rs, --remove-rs and --set change only these arguments of the manifest at --path, and print the difference; ' +
    'with --write they also write it. Options that lvscare care would refuse are refused before anything is written. ' +
    '--systemd prints a systemd unit with these options and the path of this program.',
  options: options(
    [
      ...([
        'write',
        'systemd',
        'replace',
        'path',
        'add-rs',
        'remove-rs',
        'set',
        'set-image',
        'name',
        'image',
      ] as const),
      // kubelet starts a pod that ends again and again.
      ...CARE_FLAGS.filter((flag) => flag !== 'run-once' && flag !== 'trust' && flag !== 'clean'),
    ],
    { vs: { otherwise: 'required for a new manifest' }, rs: { otherwise: 'required for a new manifest' } },
  ),
  words: 'none',
  notes:
    'The manifest has the options of the command line, and none of the environment. Of the files that options name, only ' +
    'that of --config must exist here.',
  examples: [
    [
      'Print it',
      '--image registry.example.com/lvscare:0.1.0 --vs 10.103.97.2:6443 --rs 10.0.0.1:6443,10.0.0.2:6443',
    ],
    [
      'Let the kubelet of this node run it',
      '--image registry.example.com/lvscare:0.1.0 --vs 10.103.97.2:6443 --rs 10.0.0.1:6443 --write',
    ],
    ['Print a unit for systemd', '--systemd --config /etc/lvscare/care.json'],
    ['Add a master to it', '--add-rs 10.0.0.3:6443 --write'],
    ['Show the difference that an option makes', '--set health-path=/readyz'],
    ['Print it with another image', '--set-image registry.example.com/lvscare:0.2.0'],
    ['Upgrade it', '--set-image registry.example.com/lvscare:0.2.0 --write'],
  ],
} as const satisfies CommandSpec;

const CONFIG = {
  name: 'config',
  summary: 'Check a file of options, and show what is in force',
  synopsis: 'FILE [--json]',
  description:
    'Reads a file as lvscare care --config FILE would here, with the environment, and prints every option in force of the ' +
    'process and of each virtual server as YAML, with where its value is from: a line of the file, a variable, or the ' +
    'default. Values of headers are not shown. Reports all that is wrong, a line each. Changes nothing.',
  options: options(['json']),
  words: { name: 'one file', least: 1, most: 1 },
  examples: [
    ['Check a file before it is put in place', 'lvscare.yaml'],
    [
      'Print where the interval of each virtual server is from',
      'lvscare.yaml --json | jq ".virtualServers[].interval"',
    ],
  ],
} as const satisfies CommandSpec;

const VERSION = {
  name: 'version',
  summary: 'Print the version as JSON',
  synopsis: '[--short]',
  description: 'Prints the version as JSON.',
  options: options(['short']),
  words: 'none',
  examples: [
    ['Print the commit', '| jq -r .gitCommit'],
    ['Print the version alone, as lvscare --version does', '--short'],
  ],
} as const satisfies CommandSpec;

/** It belongs to the command line itself: nothing of it is run. */
const COMPLETION = {
  name: 'completion',
  summary: 'Print a completion script for bash or zsh',
  synopsis: '[bash|zsh]',
  description:
    'Prints a script with which the shell completes commands, options and their values. Default: bash.',
  options: [],
  words: { name: 'bash or zsh', least: 0, most: 1 },
  examples: [
    ['Complete in bash, from the next shell on', 'bash > /etc/bash_completion.d/lvscare'],
    ['Complete in zsh', 'zsh > "${fpath[1]}/_lvscare"'],
  ],
} as const satisfies CommandSpec;

export const COMMANDS = [
  CARE,
  STATUS,
  DRAIN,
  UNDRAIN,
  PROBE,
  DOCTOR,
  CONFIG,
  MANIFEST,
  VERSION,
  COMPLETION,
] as const;

export type CommandName = (typeof COMMANDS)[number]['name'];
