import { DEFAULT_CA, DEFAULT_MANIFEST, DEFAULT_METRICS_ADDRESS } from './defaults.js';

/** An option of a command: its spelling, its help, its default. What values mean is in src/config. */
export interface OptionSpec {
  /** Without the dashes. */
  readonly flag: string;
  /** Further spellings. One letter is a short option. */
  readonly aliases?: readonly string[];
  readonly kind: 'text' | 'list' | 'switch';
  readonly help: string;
  /** What the help gives as the default, when there is one. */
  readonly defaultText?: string;
  readonly group: string;
  /** Values to complete, when there are only a few. */
  readonly choices?: readonly string[];
  /** Accepted for arguments that were written for something else, such as the Go program. It has no effect, and help is silent on it. */
  readonly hidden?: true;
}

const SERVERS = 'Servers:';
const REACHING = 'Reaching the virtual server:';
const JUDGING = 'When to act:';
const PROBING = 'What to ask real servers, and how to trust them:';
const SETTING = 'Where options come from:';
const WATCHING = 'Watching it:';
const DOING = 'Instead of taking care:';
const LOGGING = 'Logging:';

/** Those of `lvscare care`. The environment variable of each is `CARE_`, or else `IPVS_`, and its flag in upper case, dashes to underscores. */
export const CARE_OPTIONS = [
  {
    flag: 'vs',
    kind: 'text',
    help: 'Virtual server, IP:PORT or [IPv6]:PORT. Required',
    group: SERVERS,
  },
  {
    flag: 'rs',
    kind: 'list',
    help: 'Real server, like --vs; repeated or comma-joined. Required unless --clean',
    group: SERVERS,
  },
  {
    flag: 'scheduler',
    kind: 'text',
    help: 'IPVS scheduler: rr, wrr, lc, wlc, sh, mh, dh, sed, nq, ...',
    defaultText: 'rr',
    choices: ['rr', 'wrr', 'lc', 'wlc', 'sh', 'mh', 'dh', 'sed', 'nq', 'lblc', 'lblcr', 'fo', 'ovf'],
    group: SERVERS,
  },
  {
    flag: 'mode',
    kind: 'text',
    help:
      'How this node reaches the virtual server: local keeps a local route to it, link a dummy interface that holds ' +
      'its address, route a route to it through this node itself, none leaves that to others',
    defaultText: 'local',
    choices: ['local', 'link', 'route', 'none'],
    group: REACHING,
  },
  {
    flag: 'iface',
    aliases: ['i'],
    kind: 'text',
    help: 'Name of the dummy interface of mode link, at most 15 bytes',
    defaultText: 'lvscare',
    group: REACHING,
  },
  {
    flag: 'ip',
    kind: 'text',
    help:
      "This node's address, the source of its connections to the virtual server. Default: LVSCARE_NODE_IP, " +
      "else the hosts file's lvscare.node.ip, else what the kernel's routes to the real servers say",
    group: REACHING,
  },
  {
    flag: 'masquerade',
    kind: 'switch',
    help:
      "Give connections to the virtual server this node's address as their source, by an nftables table of its own: " +
      'for clients that real servers know no way back to',
    group: REACHING,
  },
  {
    flag: 'sysctl',
    kind: 'switch',
    help: 'Set the sysctls that the virtual server wants, and put them back with --clean. With =false: leave them alone',
    defaultText: 'true',
    group: REACHING,
  },
  {
    flag: 'interval',
    kind: 'text',
    help: 'Time between probes, and between checks for drift: seconds, or a duration like 500ms or 1m30s',
    defaultText: '5s',
    group: JUDGING,
  },
  {
    flag: 'fast-interval',
    kind: 'text',
    help: 'Time between probes while one more may change the verdict',
    defaultText: '200ms',
    group: JUDGING,
  },
  {
    flag: 'fall',
    kind: 'text',
    help: 'Failures in a row that take a real server out',
    defaultText: '2',
    group: JUDGING,
  },
  {
    flag: 'rise',
    kind: 'text',
    help: 'Successes in a row that put it back; one is enough for a server that was never seen before',
    defaultText: '2',
    group: JUDGING,
  },
  {
    flag: 'drain-timeout',
    kind: 'text',
    help: 'Time that a real server which is sick or no longer configured has to finish its connections',
    defaultText: '30s',
    group: JUDGING,
  },
  {
    flag: 'max-hold',
    kind: 'text',
    help: 'The longest that a real server which keeps failing again is held out although it is well; 0 for never',
    defaultText: '1m',
    group: JUDGING,
  },
  {
    flag: 'handshake-interval',
    kind: 'text',
    help: 'Time between probes that make a connection of their own; those in between reuse one that is kept',
    defaultText: '1m',
    group: PROBING,
  },
  {
    flag: 'connect-timeout',
    kind: 'text',
    help: 'Time for TCP to connect to a real server',
    defaultText: '1s',
    group: PROBING,
  },
  {
    flag: 'health-timeout',
    kind: 'text',
    help: 'Time for one answer, connecting included. While a server is up, a late one is asked for again after a third of it',
    defaultText: '3s',
    group: PROBING,
  },
  {
    flag: 'health-path',
    kind: 'text',
    help: 'Path to ask for, a query included',
    defaultText: '/healthz',
    group: PROBING,
  },
  {
    flag: 'health-schem',
    aliases: ['health-scheme'],
    kind: 'text',
    help: 'Scheme to ask with, https or http',
    defaultText: 'https',
    choices: ['https', 'http'],
    group: PROBING,
  },
  {
    flag: 'health-req-method',
    kind: 'text',
    help: 'Method to ask with',
    defaultText: 'GET',
    group: PROBING,
  },
  { flag: 'health-req-body', kind: 'text', help: 'Body to send', group: PROBING },
  {
    flag: 'health-req-headers',
    kind: 'list',
    help: 'Headers to send, name=value,name2=value2; repeated or comma-joined',
    group: PROBING,
  },
  {
    flag: 'health-status',
    kind: 'list',
    help: 'Status that is healthy although it is 400 or above (k3s: 401); repeated or comma-joined',
    group: PROBING,
  },
  {
    flag: 'health-port',
    kind: 'text',
    help: "Port to ask at, on each real server's address. Default: the port that it serves on",
    group: PROBING,
  },
  {
    flag: 'health-ca',
    kind: 'text',
    help:
      `File with the CA of the real servers' certificates, in PEM. Default: ${DEFAULT_CA} if it ` +
      'can be read, else certificates are not verified',
    group: PROBING,
  },
  {
    flag: 'health-insecure-skip-verify',
    kind: 'switch',
    help: 'Do not verify certificates. With =false: verify them, by the CAs that Node.js trusts if there is no other',
    group: PROBING,
  },
  {
    flag: 'health-server-name',
    kind: 'text',
    help:
      "Name or IP that the real servers' certificates are verified for, and the name that they are asked by. Unless " +
      "given: each real server's IP",
    group: PROBING,
  },
  {
    flag: 'health-cert',
    kind: 'text',
    help: 'File with the certificate to show to real servers, in PEM; needs --health-key',
    group: PROBING,
  },
  { flag: 'health-key', kind: 'text', help: 'File with the private key of that certificate', group: PROBING },
  {
    flag: 'health-token-file',
    kind: 'text',
    help: 'File with the bearer token to send. Only where certificates are verified',
    group: PROBING,
  },
  {
    flag: 'config',
    kind: 'text',
    help:
      'File with a JSON object of options by their long names: {"vs": "...", "rs": ["...", "..."]}. The command line ' +
      'and the environment win over it',
    group: SETTING,
  },
  {
    flag: 'metrics-addr',
    kind: 'text',
    help:
      'Where to tell Prometheus and the kubelet how it goes: IP:PORT, [IPv6]:PORT, :PORT for every address, ' +
      "unix:/PATH, or off. `lvscare manifest` has it at the node's address, port 9288; with --dry-run it is off unless given",
    defaultText: DEFAULT_METRICS_ADDRESS.text,
    group: WATCHING,
  },
  {
    flag: 'run-once',
    kind: 'switch',
    help: 'Set everything up with every real server in rotation, probe nothing, and exit',
    group: DOING,
  },
  {
    flag: 'clean',
    aliases: ['C'],
    kind: 'switch',
    help: 'Remove the virtual server and the way to it, and exit',
    group: DOING,
  },
  {
    flag: 'dry-run',
    kind: 'switch',
    help: 'Probe, and say what would be done, but change nothing',
    group: DOING,
  },
  {
    flag: 'log-level',
    aliases: ['logger'],
    kind: 'text',
    help: 'DEBUG, INFO, WARN or ERROR',
    defaultText: 'INFO',
    choices: ['DEBUG', 'INFO', 'WARN', 'ERROR'],
    group: LOGGING,
  },
  {
    flag: 'log-format',
    kind: 'text',
    help: 'json, text, or auto: text on a terminal, else JSON',
    defaultText: 'auto',
    choices: ['auto', 'json', 'text'],
    group: LOGGING,
  },
  { flag: 'masqueradebit', kind: 'text', help: '', group: DOING, hidden: true },
] as const satisfies readonly OptionSpec[];

/** Options of care that another command has as well, with what is different there. */
export function fromCare(
  flags: Readonly<Partial<Record<CareFlag, Partial<Pick<OptionSpec, 'help' | 'group'>>>>>,
): readonly OptionSpec[] {
  const all: readonly OptionSpec[] = CARE_OPTIONS;
  return all.flatMap((spec) => {
    const different = flags[spec.flag as CareFlag];
    return different === undefined ? [] : [{ ...spec, ...different }];
  });
}

/** Options of care that another command accepts, and that mean nothing to it. */
export function withoutEffect(flags: readonly CareFlag[]): readonly OptionSpec[] {
  const all: readonly OptionSpec[] = CARE_OPTIONS;
  return all.flatMap((spec) =>
    flags.includes(spec.flag as CareFlag) ? [{ ...spec, hidden: true as const }] : [],
  );
}

type CareFlag = (typeof CARE_OPTIONS)[number]['flag'];

/** How servers are asked, each time over a connection of its own: as care has it. */
export const ASKING_FLAGS = {
  'connect-timeout': {},
  'health-timeout': { help: 'Time for one answer, connecting included' },
  'health-path': {},
  'health-schem': {},
  'health-req-method': {},
  'health-req-body': {},
  'health-req-headers': {},
  'health-status': {},
  'health-port': {},
  'health-ca': {},
  'health-insecure-skip-verify': {},
  'health-server-name': {},
  'health-cert': {},
  'health-key': {},
  'health-token-file': {},
} as const;
const MANIFEST = 'The manifest:';

/** Those of `lvscare manifest` itself; beside them it takes those of `lvscare care`. */
const OWN_MANIFEST_OPTIONS = [
  {
    flag: 'write',
    kind: 'switch',
    help: 'Write the manifest to --path instead of printing it, whole or not at all',
    group: MANIFEST,
  },
  {
    flag: 'path',
    kind: 'text',
    help: 'File to write to with --write, or whose image to set with --set-image',
    defaultText: DEFAULT_MANIFEST,
    group: MANIFEST,
  },
  {
    flag: 'set-image',
    kind: 'text',
    help: 'Take the manifest at --path and change the image of its lvscare container, and nothing else',
    group: MANIFEST,
  },
  { flag: 'name', kind: 'text', help: 'Name of the pod', defaultText: 'lvscare', group: MANIFEST },
  {
    flag: 'image',
    kind: 'text',
    help: "Image of the pod. Default: lvscare with this program's own version as its tag",
    group: MANIFEST,
  },
] as const satisfies readonly OptionSpec[];

/** A pod that ends would be started again and again. */
const ENDING: readonly string[] = ['run-once', 'clean'];

export const MANIFEST_OPTIONS: readonly OptionSpec[] = [
  ...OWN_MANIFEST_OPTIONS,
  ...CARE_OPTIONS.filter(({ flag }) => !ENDING.includes(flag)).map((spec) =>
    spec.flag === 'rs'
      ? { ...spec, help: 'Real server, like --vs; repeated or comma-joined. Required' }
      : spec,
  ),
];
