import type { Endpoint } from '../values/endpoint.js';
import type { CarePolicy } from '../control-loop/care.js';
import type { ListenAddress } from '../values/listen-address.js';
import { parseAddress } from './parse-endpoint.js';
import { klogOptions } from './klog.js';
import type { Note } from './note.js';
import { DEFAULT_CA, type OptionValue } from './options.js';
import { readProbe, type ProbeConfig } from './probe-request.js';
import { readRealServers } from './real-servers.js';
import type { Environment, Settings } from './settings.js';
import { UsageError } from './usage-error.js';

export interface CareConfig {
  readonly virtualServer: Endpoint;
  readonly realServers: readonly Endpoint[];
  readonly mode: OptionValue<'mode'>;
  /** The dummy interface of mode `link`. */
  readonly iface: string;
  /** Whether sysctls are set. */
  readonly sysctl: boolean;
  /** The TCP timeout of IPVS in seconds, or null to leave it as it is. */
  readonly ipvsTcpTimeoutS: number | null;
  /** NODE_IP as given, null when it is to be found out. */
  readonly nodeAddress: GivenAddress | null;
  /** Connections to the virtual server get this node's address as their source. */
  readonly masquerade: boolean;
  readonly policy: CarePolicy;
  readonly probe: ProbeConfig;
  /** Where metrics, health and status are to be had; null for nowhere. */
  readonly metricsAddress: ListenAddress | null;
  /** The web configuration of that address, or null. */
  readonly webConfigFile: GivenFile | null;
  /** Further names that clients may use for that address, in lower case. */
  readonly webHosts: readonly string[];
  /** Whether the page and the report are served there, too. */
  readonly statusPage: boolean;
  /** The file of options, or null. */
  readonly configFile: string | null;
  readonly task: 'care' | 'run-once' | 'clean';
  /** `run-once` takes every real server for healthy, without probes. */
  readonly trust: boolean;
  readonly dryRun: boolean;
  readonly log: LogConfig;
  readonly notes: readonly Note[];
}

interface GivenAddress {
  readonly address: string;
  /** The option, the variable or the file that gave it, as the log names it. */
  readonly from: string;
}

interface GivenFile {
  readonly path: string;
  /** The option, the variable or the file that gave it. */
  readonly from: string;
}

export interface LogConfig {
  readonly level: OptionValue<'log-level'>;
  readonly format: OptionValue<'log-format'>;
}

interface Circumstances {
  /** The file that certificates are verified by when nothing else is said. Default {@link DEFAULT_CA}. */
  readonly defaultCa?: string;
  /** All this is for another machine, and no file needs to be here. Default false. */
  readonly elsewhere?: boolean;
  /** `--rs` need not be given by who takes care or sets up, either. Default false. */
  readonly withoutRealServers?: boolean;
}

/** Everything that `lvscare care` is told. Throws a UsageError for the first thing that is wrong. */
export function readCareConfig(
  settings: Settings,
  environment: Environment,
  { defaultCa = DEFAULT_CA, elsewhere = false, withoutRealServers = false }: Circumstances = {},
): CareConfig {
  // First, so that whatever is wrong can be logged as it should be.
  const log = { level: settings.read('log-level'), format: settings.read('log-format') };
  const task = readTask(settings);
  const virtualServer = settings.read('vs');
  if (virtualServer === null)
    throw new UsageError('--vs', 'the virtual server, IP:PORT or [IPv6]:PORT', null);
  // --clean removes what an earlier version created there.
  if (task !== 'clean') refuseUnusable(virtualServer, settings.name('vs'));
  const realServers = readRealServers(settings, virtualServer, task === 'clean' || withoutRealServers);
  const { probe, notes } = readProbe(settings, task === 'care' && !elsewhere, defaultCa);
  const mode = settings.read('mode');
  const nodeAddress = readNodeAddress(settings, environment, virtualServer);
  const webConfigFile = settings.read('web-config-file');
  const dryRun = settings.read('dry-run');
  // A dry run is often beside the one that takes care, and its address is that one's.
  const metricsAddress = dryRun && !settings.has('metrics-addr') ? null : settings.read('metrics-addr');
  return {
    virtualServer,
    realServers,
    mode,
    iface: settings.read('iface'),
    sysctl: settings.read('sysctl'),
    ipvsTcpTimeoutS: settings.read('ipvs-tcp-timeout'),
    nodeAddress,
    // In mode link the node's own clients have the virtual server's address as their source.
    masquerade: settings.read('masquerade') ?? mode === 'link',
    policy: {
      scheduler: settings.read('scheduler'),
      weight: 1,
      intervalMs: settings.read('interval'),
      fastIntervalMs: settings.read('fast-interval'),
      fall: settings.read('fall'),
      rise: settings.read('rise'),
      drainTimeoutMs: settings.read('drain-timeout'),
      handshakeIntervalMs: settings.read('handshake-interval'),
      maxHoldMs: settings.read('max-hold'),
    },
    probe,
    metricsAddress,
    webConfigFile:
      webConfigFile === null ? null : { path: webConfigFile, from: settings.name('web-config-file') },
    webHosts: settings.read('web-host'),
    statusPage: settings.read('status-page'),
    configFile: settings.read('config'),
    task,
    trust: readTrust(settings, task),
    dryRun,
    log,
    notes: [
      // Only who probes needs to hear how certificates are verified.
      ...(task === 'care' ? [...notes, ...emptyAddress(settings, metricsAddress)] : []),
      ...(task === 'clean' ? [] : unused(mode, nodeAddress)),
      ...obsolete(settings, environment),
    ],
  };
}

/** Refuses addresses with which no client can reach a virtual server. */
function refuseUnusable({ address, text }: Endpoint, option: string): void {
  if (address.startsWith('127.') || address === '::1')
    throw new UsageError(
      option,
      `an address that no host has, such as ${EXAMPLE_ADDRESS} (clients of a loopback address would time out)`,
      text,
    );
  if (/^fe[89ab].:/.test(address))
    throw new UsageError(option, 'an address that clients can use without naming an interface', text);
}

/** Of TEST-NET-1 (RFC 5737), which no host, pod or service has. */
const EXAMPLE_ADDRESS = '192.0.2.2';

function readTask(settings: Settings): CareConfig['task'] {
  const [once, clean] = [settings.read('run-once'), settings.read('clean')];
  if (once && clean) {
    const [name, other] = [settings.name('run-once'), settings.name('clean')];
    throw new UsageError(name, `no ${other} beside it`, other);
  }
  return clean ? 'clean' : once ? 'run-once' : 'care';
}

function readTrust(settings: Settings, task: CareConfig['task']): boolean {
  const trust = settings.read('trust');
  if (trust && task !== 'run-once')
    throw new UsageError(settings.name('trust'), '--run-once beside it', null);
  return trust;
}

function readNodeAddress(
  settings: Settings,
  environment: Environment,
  virtualServer: Endpoint,
): GivenAddress | null {
  const given = settings.read('ip');
  const from = given === null ? 'LVSCARE_NODE_IP' : settings.name('ip');
  const variable = environment['LVSCARE_NODE_IP'] ?? '';
  const address = given ?? (variable === '' ? null : parseAddress(variable, from));
  if (address === null) return null;
  if (address.includes(':') !== (virtualServer.family === 'ipv6')) {
    const version = virtualServer.family === 'ipv4' ? 'IPv4' : 'IPv6';
    throw new UsageError(from, `${version} like ${settings.name('vs')} ${virtualServer.text}`, address);
  }
  return { address, from };
}

/** In modes that make no route with it NODE_IP is not even looked up. */
function unused(mode: CareConfig['mode'], nodeAddress: GivenAddress | null): Note[] {
  if (nodeAddress === null || mode === 'local' || mode === 'route') return [];
  const text = `${nodeAddress.from} has no effect: mode ${mode} makes no use of this node's address`;
  return [{ about: 'unused', text }];
}

function emptyAddress(settings: Settings, address: ListenAddress | null): Note[] {
  if (address?.kind !== 'tcp' || !address.wasEmpty) return [];
  const text =
    `the address in ${settings.name('metrics-addr')} is empty, so lvscare listens at ${address.text}, which only this ` +
    'node reaches; in a pod, kubelet did not know the address of the node yet, and restarts the container when it does';
  return [{ about: 'empty-address', text }];
}

function obsolete(settings: Settings, environment: Environment): Note[] {
  return ['masqueradebit', ...klogOptions(environment).map(({ flag }) => flag)]
    .filter((flag) => settings.has(flag))
    .map((flag) => ({
      about: 'obsolete',
      text: `${settings.name(flag)} is accepted for the sake of old manifests, and has no effect`,
    }));
}
