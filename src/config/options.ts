/**
 * Every option of every command, each with its spelling, parser, default and help. Command lines, the environment and files are read by
 * this table; help, completion and the table of docs/options.md are made from it. Rules between options are where they are read, such as in
 * care-config.ts.
 */
import { milliseconds } from './duration.js';
import { parseAddress, parseEndpoint } from './parse-endpoint.js';
import { parseListenAddress } from './listen-address.js';
import {
  parseHostName,
  parseImage,
  parseInterface,
  parseKubeconfig,
  parseManifestPath,
  parsePodName,
  parseServerName,
} from './names.js';
import { asGiven, choice, FILE, integer, list, OFF, orEmpty, SWITCH, text, time } from './option.js';
import type { CareOption, Option } from './option.js';
import type { Parser } from './usage-error.js';
import * as values from './values.js';

/** The file with the CA by which certificates are verified if no other is given. */
export const DEFAULT_CA = '/etc/kubernetes/pki/ca.crt';

const OF_VIRTUAL_SERVER = { appliesTo: 'virtual server', reloadable: true, since: '0.1.0' } as const;
const OF_PROCESS = { appliesTo: 'process', reloadable: false, since: '0.1.0' } as const;

const SERVERS = { group: 'Servers:', ...OF_VIRTUAL_SERVER } as const;
const REACHING = { group: 'Reaching the virtual server:', ...OF_VIRTUAL_SERVER } as const;
const TIMING = { group: 'When to act:', ...OF_VIRTUAL_SERVER } as const;
export const PROBES = { group: 'Probes:', ...OF_VIRTUAL_SERVER } as const;
export const TLS = { group: 'TLS:', ...OF_VIRTUAL_SERVER } as const;
const SOURCES = { group: 'Where options come from:', ...OF_PROCESS } as const;
const MONITORING = { group: 'Monitoring:', ...OF_PROCESS } as const;
const TASKS = { group: 'Instead of taking care:', ...OF_PROCESS } as const;
const LOGGING = { group: 'Logging:', ...OF_PROCESS } as const;

const MODE = choice('local', 'link', 'route', 'none');
const INTERVAL = time('10ms', '24h');
const DEFAULT_INTERVAL = '5s';
/** The Go program takes 0 for its default. */
const parseInterval: Parser<number> = (given, option) =>
  INTERVAL.parse(milliseconds(given) === 0 ? DEFAULT_INTERVAL : given, option);

type Unnamed<Of> = Omit<Of, 'flag'>;

/**
 * Those of `lvscare care`. The environment variable of each is `CARE_` or `IPVS_` and a spelling of it in upper case, dashes to
 * underscores; config files name it by its long spellings.
 */
const CARE = {
  vs: {
    ...text('IP:PORT', parseEndpoint),
    otherwise: 'required',
    help: 'Virtual server, IP:PORT or [IPv6]:PORT: an address that no host, pod or service has, such as 192.0.2.2',
    ...SERVERS,
  },
  rs: {
    ...list('IP:PORT, ...', parseEndpoint),
    otherwise: 'required unless --clean',
    help: 'Real server, IP:PORT or [IPv6]:PORT; repeated or comma-joined',
    ...SERVERS,
  },
  scheduler: {
    ...text('name', values.parseScheduler),
    default: 'rr',
    choices: ['rr', 'wrr', 'lc', 'wlc', 'sh', 'mh', 'dh', 'sed', 'nq', 'lblc', 'lblcr', 'fo', 'ovf'],
    help: 'IPVS scheduler, such as rr, wrr, lc, wlc, sh, mh, dh, sed or nq',
    ...SERVERS,
  },
  discover: {
    ...text('file', parseKubeconfig),
    help:
      "Kubeconfig, such as /etc/kubernetes/kubelet.conf, by which the cluster's own list of its apiservers is read: listed ones " +
      'become real servers beside --rs. Needs verified certificates',
    ...SERVERS,
  },
  'forget-after': {
    ...time('10m', '720h'),
    default: '24h',
    help: 'With --discover: how long a real server must be down and missing in the list of the cluster before it is forgotten',
    ...SERVERS,
  },
  'keep-seeds': {
    ...SWITCH,
    default: 'true',
    help: 'With --discover: keep the real servers of --rs although the list of the cluster lacks them',
    ...SERVERS,
  },
  'prefer-local': {
    ...OFF,
    help:
      'Give all new connections to the real server that runs on this node while it is up, and to the others while it is not; for ' +
      'control-plane nodes. Not in mode route',
    ...SERVERS,
  },
  mode: {
    ...MODE,
    // As with the Go program, an empty text is no mode.
    parse: orEmpty('none', MODE.parse),
    default: 'local',
    help:
      'How this node reaches the virtual server. local: by a local route; link: by a dummy interface that has its address; ' +
      'route: by a route through this node itself; none: lvscare adds nothing',
    ...REACHING,
  },
  iface: {
    aliases: ['i'],
    ...text('name', parseInterface),
    default: 'lvscare',
    help: 'Name of the dummy interface of mode link, at most 15 bytes',
    ...REACHING,
  },
  ip: {
    // Empty is the Go program's default, and in some of its manifests.
    ...text('IP', orEmpty(null, parseAddress)),
    otherwise:
      "LVSCARE_NODE_IP, else lvscare.node.ip in the hosts file, else from the kernel's routes to the real servers",
    help: "This node's address, the source of its connections to the virtual server",
    ...REACHING,
  },
  masquerade: {
    ...SWITCH,
    otherwise: 'true in mode link, else false',
    help:
      "Give connections to the virtual server this node's address as their source, by an nftables table: for clients " +
      'that the real servers have no route back to',
    ...REACHING,
  },
  sysctl: {
    ...SWITCH,
    default: 'true',
    help: 'Set the sysctls that the virtual server needs, and restore them with --clean',
    ...REACHING,
    appliesTo: 'process',
  },
  'ipvs-tcp-timeout': {
    ...text('whole seconds, 1s to 596h, or 0', values.parseTcpTimeout),
    default: '0',
    help:
      'Time without a packet after which IPVS drops a TCP connection, of any virtual server on this node; restored with ' +
      '--clean. 0 leaves it as it is: 15m, unless another program such as kube-proxy has set it',
    ...REACHING,
    appliesTo: 'process',
  },
  interval: {
    ...INTERVAL,
    parse: parseInterval,
    default: DEFAULT_INTERVAL,
    help: 'Time between probes, and between checks for drift: seconds, or a duration like 500ms or 1m30s; 0 for the default',
    ...TIMING,
  },
  'fast-interval': {
    ...INTERVAL,
    default: '200ms',
    help: 'Time between probes while the next one may change the verdict',
    ...TIMING,
  },
  fall: {
    ...integer(1, 1000),
    default: '2',
    help: 'Failures in a row that take a real server out',
    ...TIMING,
  },
  rise: {
    ...integer(1, 1000),
    default: '2',
    help: 'Successes in a row that bring a real server back; a new one needs only 1',
    ...TIMING,
  },
  'drain-timeout': {
    ...time('0', '24h'),
    default: '30s',
    help: 'Longest drain: a sick real server, or one that is no longer configured, is then removed; 0 removes it at once',
    ...TIMING,
  },
  'max-hold': {
    ...time('0', '24h'),
    default: '1m',
    help: 'Longest time that a flapping real server is held out although it answers; 0 never holds it out',
    ...TIMING,
  },
  'handshake-interval': {
    ...time('0', '24h'),
    default: '1m',
    help: 'Time between probes over a new connection; the others reuse a kept connection',
    ...TIMING,
  },
  'connect-timeout': {
    ...time('1ms', '10m'),
    default: '1s',
    help: 'Time for TCP to connect to a real server',
    ...PROBES,
  },
  'health-timeout': {
    ...time('1ms', '10m'),
    default: '3s',
    help: 'Time for an answer, connecting included',
    ...PROBES,
  },
  'health-path': {
    ...text('path', values.parsePath),
    default: '/healthz',
    help: 'Path to request, with its query if it has one',
    ...PROBES,
  },
  'health-schem': {
    aliases: ['health-scheme'],
    ...choice('https', 'http'),
    default: 'https',
    help: 'Scheme of the request, https or http',
    ...PROBES,
  },
  'health-req-method': {
    ...text('HTTP method', values.parseMethod),
    default: 'GET',
    help: 'Method of the request',
    ...PROBES,
  },
  'health-req-body': {
    ...text('text', orEmpty(null, asGiven)),
    help: 'Body of the request',
    ...PROBES,
  },
  'health-req-headers': {
    ...list('name=value, ...', values.parseHeader),
    split: values.splitHeaders,
    help: 'Headers of the request, name=value,name2=value2; repeated or comma-joined',
    ...PROBES,
  },
  'health-status': {
    ...integer(100, 599),
    kind: 'list',
    help: 'Status that counts as healthy although it is 400 or above (k3s: 401); repeated or comma-joined',
    ...PROBES,
  },
  'health-port': {
    ...integer(1, 65535),
    otherwise: "the real server's own",
    help: "Port to probe, on each real server's address",
    ...PROBES,
  },
  'health-source-ports': {
    ...text('auto, kernel or FIRST-LAST', values.parseSourcePorts),
    default: 'auto',
    help:
      'Source ports of probes. auto: ports that the kernel gives to no client, but its choice where a packet filter drops ' +
      'answers to them; kernel: always its choice; FIRST-LAST: these',
    ...PROBES,
  },
  'health-ca': {
    ...FILE,
    otherwise: `${DEFAULT_CA} if it can be read, else certificates are not verified`,
    help: "File with the CA of the real servers' certificates, in PEM",
    ...TLS,
  },
  'health-insecure-skip-verify': {
    ...SWITCH,
    otherwise: 'true if there is no CA',
    help: 'Do not verify certificates. With =false, verify them; without a CA, by the public CAs that Node.js has',
    ...TLS,
  },
  'health-server-name': {
    ...text('name or IP', parseServerName),
    otherwise: "each real server's IP",
    help: "Name or IP that the real servers' certificates must be for; a name is also sent as SNI",
    ...TLS,
  },
  'health-cert': {
    ...FILE,
    help: 'File with the client certificate for real servers, in PEM; needs --health-key',
    ...TLS,
  },
  'health-key': { ...FILE, help: 'File with the private key of that certificate', ...TLS },
  'health-token-file': {
    ...FILE,
    help: 'File with the bearer token to send; needs verified certificates',
    ...TLS,
  },
  config: {
    ...text('file', orEmpty(null, asGiven)),
    help:
      'YAML or JSON file with options by their long names, of one virtual server or of several; read again when it changes ' +
      'and at SIGHUP. The command line and the environment take precedence',
    ...SOURCES,
  },
  'removed-vs': {
    ...choice('clean', 'keep'),
    default: 'clean',
    help:
      'What a reload does with a virtual server that is no longer in the file: clean drains it, then removes everything of it, as ' +
      '--clean does; keep leaves it as it is',
    ...SOURCES,
    reloadable: true,
  },
  'metrics-addr': {
    ...text('IP:PORT, unix:/PATH or off', parseListenAddress),
    default: '127.0.0.1:9288',
    help:
      'Where to serve metrics, health and status: IP:PORT, [IPv6]:PORT, unix:/PATH, or off; 0.0.0.0 or [::] is every address. ' +
      "`lvscare manifest` sets the node's address, port 9288; with --dry-run it is off unless given",
    ...MONITORING,
  },
  'web-config-file': {
    ...FILE,
    help:
      "File with TLS and authentication for --metrics-addr, the web.config.file of Prometheus' exporters; read again when " +
      'it changes. /healthz and /readyz need no authentication',
    ...MONITORING,
  },
  'web-host': {
    ...list('name, ...', parseHostName),
    otherwise: "IP addresses, localhost and the node's host name",
    help: 'Further name that clients may use for --metrics-addr; requests for other names are refused; repeated or comma-joined',
    ...MONITORING,
  },
  'status-page': {
    ...SWITCH,
    default: 'true',
    help: 'Serve the status page and /report.json, beside /metrics, /healthz and /readyz',
    ...MONITORING,
  },
  'run-once': {
    ...OFF,
    help: 'Set everything up with the real servers that answer one probe, or with all if none does, and exit',
    ...TASKS,
  },
  trust: {
    ...OFF,
    help: 'With --run-once: send no probes, and use every real server',
    ...TASKS,
  },
  clean: {
    aliases: ['C'],
    ...OFF,
    help: 'Remove the virtual server and all that lvscare made for it, and exit',
    ...TASKS,
  },
  'dry-run': {
    ...OFF,
    help: 'Probe, and log what lvscare would do, but change nothing',
    ...TASKS,
  },
  'log-level': {
    aliases: ['logger'],
    ...text('DEBUG, INFO, WARN, ERROR', values.parseLogLevel),
    default: 'INFO',
    choices: ['DEBUG', 'INFO', 'WARN', 'ERROR'],
    help: 'Lowest level to log: DEBUG, INFO, WARN or ERROR',
    ...LOGGING,
    reloadable: true,
  },
  'log-format': {
    ...choice('auto', 'json', 'text'),
    default: 'auto',
    help: 'json, text, or auto: text on a terminal, else JSON',
    ...LOGGING,
  },
  masqueradebit: { ...text('text', asGiven), help: 'Of the Go program', ...TASKS, hidden: true },
} as const satisfies Readonly<Record<string, Unnamed<CareOption>>>;

const OUTPUT = { group: 'Output:' } as const;
const MANIFEST = { group: 'The manifest:' } as const;

/** Those that only other commands have. */
const OTHERS = {
  watch: { ...OFF, help: 'Repeat each second until Ctrl-C, in place on a terminal', ...OUTPUT },
  force: { ...OFF, help: 'Drain it even if no other real server is up and not drained', ...OUTPUT },
  json: { ...OFF, help: 'Print one JSON document; with --watch one a line', ...OUTPUT },
  check: {
    ...OFF,
    help: 'Print a line for each virtual server, with exit code 0: ok, 1: degraded, 2: down',
    ...OUTPUT,
  },
  short: { ...OFF, help: 'Print the version alone, in one line', ...OUTPUT },
  systemd: {
    ...OFF,
    help: 'Print a systemd unit in place of a static pod; it starts before kubelet, k3s-agent and rke2-agent',
    ...MANIFEST,
  },
  write: {
    ...OFF,
    help: 'Write the manifest to --path in one step, instead of printing it',
    ...MANIFEST,
  },
  path: {
    ...text('file', parseManifestPath),
    default: '/etc/kubernetes/manifests/lvscare.yaml',
    help: 'File of the manifest: --write writes it; --add-rs, --remove-rs, --set and --set-image read it',
    ...MANIFEST,
  },
  'set-image': {
    ...text('image', parseImage),
    help: 'Change the image of the lvscare container in the manifest at --path, and nothing else',
    ...MANIFEST,
  },
  'add-rs': {
    ...list('IP:PORT, ...', parseEndpoint),
    help: 'Add this real server to the manifest at --path; repeated or comma-joined',
    ...MANIFEST,
  },
  'remove-rs': {
    ...list('IP:PORT, ...', parseEndpoint),
    help: 'Remove this real server from the manifest at --path; repeated or comma-joined',
    ...MANIFEST,
  },
  set: {
    ...list('NAME=VALUE', values.parseAssignment),
    split: (text) => [text],
    help: 'Set an option of care in the manifest at --path: --set fall=3; may be repeated',
    ...MANIFEST,
  },
  replace: {
    ...OFF,
    help: 'With --write: replace an existing manifest even if something of it is lost',
    ...MANIFEST,
  },
  name: {
    ...text('DNS label', parsePodName),
    default: 'lvscare',
    help: 'Name of the pod',
    ...MANIFEST,
  },
  image: {
    ...text('image', parseImage),
    otherwise: 'the image of this build, if it names one',
    help: 'Image of the pod',
    ...MANIFEST,
  },
} as const satisfies Readonly<Record<string, Unnamed<Option>>>;

const TABLE = { ...CARE, ...OTHERS };
type CareFlag = keyof typeof CARE;
export type Flag = keyof typeof TABLE;
type Parsed<F extends Flag> = ReturnType<(typeof TABLE)[F]['parse']>;

/** What the text of an option is parsed into; null if the option is not given and has no default. */
export type OptionValue<F extends Flag> = (typeof TABLE)[F] extends { readonly kind: 'list' }
  ? Parsed<F>[]
  : Parsed<F> | ((typeof TABLE)[F] extends { readonly default: string } ? never : null);

/** Every option, by its flag. */
export const OPTION: Readonly<Record<Flag, Option>> = named(TABLE);
/** Those of `lvscare care`, in the order of its help. */
export const CARE_OPTIONS: readonly (CareOption & { readonly flag: CareFlag })[] = Object.values(named(CARE));

function named<F extends string, Of>(table: Readonly<Record<F, Of>>): Record<F, Of & { readonly flag: F }> {
  const entries = Object.entries<Of>(table).map(([flag, option]) => [flag, { ...option, flag }]);
  return Object.fromEntries(entries) as Record<F, Of & { readonly flag: F }>;
}
