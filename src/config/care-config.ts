import type { Endpoint } from '../values/endpoint.js';
import type { CarePolicy } from '../control-loop/care.js';
import type { ListenAddress } from '../values/listen-address.js';
import { DEFAULT_CA, DEFAULT_METRICS_ADDRESS } from './defaults.js';
import { durationParser } from './duration.js';
import { parseAddress, parseEndpoint } from './parse-endpoint.js';
import { klogOptions } from './klog.js';
import { parseListenAddress } from './listen-address.js';
import type { Note } from './note.js';
import { parseInterval, readCount, readInterval } from './pace.js';
import { readProbe, type ProbeConfig } from './probe-request.js';
import { readRealServers } from './real-servers.js';
import type { Environment, Settings } from './settings.js';
import { UsageError, type Parser } from './usage-error.js';
import { choiceParser, parseInterface, parseLogLevel, parseScheduler, type LogLevel } from './values.js';

export interface CareConfig {
  readonly virtualServer: Endpoint;
  readonly realServers: readonly Endpoint[];
  readonly mode: 'local' | 'link' | 'route' | 'none';
  /** The dummy interface of mode `link`. */
  readonly iface: string;
  /** Whether sysctls are set. */
  readonly sysctl: boolean;
  /** NODE_IP as given, null when it is to be found out. */
  readonly nodeAddress: GivenAddress | null;
  /** Connections to the virtual server get this node's address as their source. */
  readonly masquerade: boolean;
  readonly policy: CarePolicy;
  readonly probe: ProbeConfig;
  /** Where metrics, health and status are to be had; null for nowhere. */
  readonly metricsAddress: ListenAddress | null;
  readonly task: 'care' | 'run-once' | 'clean';
  readonly dryRun: boolean;
  readonly log: LogConfig;
  readonly notes: readonly Note[];
}

interface GivenAddress {
  readonly address: string;
  /** The option, the variable or the file that gave it, as the log names it. */
  readonly from: string;
}

export interface LogConfig {
  readonly level: LogLevel;
  readonly format: 'auto' | 'json' | 'text';
}

const SECOND = 1000;
const DAY = 24 * 3600 * SECOND;

const patience = durationParser({ leastMs: 0, mostMs: DAY, words: 'from 0 to 24h' });

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
  const log = readLogConfig(settings);
  const task = readTask(settings);
  const virtualServer = settings.value('vs', parseEndpoint, null);
  if (virtualServer === null)
    throw new UsageError('--vs', 'the virtual server, IP:PORT or [IPv6]:PORT', null);
  const realServers = readRealServers(settings, virtualServer, task === 'clean' || withoutRealServers);
  const { probe, notes } = readProbe(settings, task === 'care' && !elsewhere, defaultCa);
  const mode = readMode(settings);
  const nodeAddress = readNodeAddress(settings, environment, virtualServer);
  const scheduler = settings.value('scheduler', parseScheduler, 'rr');
  const dryRun = settings.switch('dry-run', false);
  return {
    virtualServer,
    realServers,
    mode,
    iface: settings.value('iface', parseInterface, 'lvscare'),
    sysctl: settings.switch('sysctl', true),
    nodeAddress,
    masquerade: settings.switch('masquerade', null) ?? masqueradesByItself(mode),
    policy: {
      scheduler,
      weight: 1,
      intervalMs: readInterval(settings),
      fastIntervalMs: settings.value('fast-interval', parseInterval, 200),
      fall: readCount(settings, 'fall'),
      rise: readCount(settings, 'rise'),
      drainTimeoutMs: settings.value('drain-timeout', patience, 30 * SECOND),
      handshakeIntervalMs: settings.value('handshake-interval', patience, 60 * SECOND),
      maxHoldMs: settings.value('max-hold', patience, 60 * SECOND),
    },
    probe,
    // A dry run is often beside the one that takes care, and its address is that one's.
    metricsAddress: settings.value(
      'metrics-addr',
      parseListenAddress,
      dryRun ? null : DEFAULT_METRICS_ADDRESS,
    ),
    task,
    dryRun,
    log,
    notes: [
      // Only who probes needs to hear how certificates are verified.
      ...(task === 'care' ? notes : []),
      ...(task === 'clean' ? [] : unused(mode, nodeAddress)),
      ...obsolete(settings, environment),
    ],
  };
}

/** What to log and how: wanted before anything else, so that whatever is wrong can be said. */
function readLogConfig(settings: Settings): LogConfig {
  return {
    level: settings.value('log-level', parseLogLevel, 'info'),
    format: settings.value('log-format', choiceParser('auto', 'json', 'text'), 'auto'),
  };
}

function readTask(settings: Settings): CareConfig['task'] {
  const [once, clean] = [settings.switch('run-once', false), settings.switch('clean', false)];
  if (once && clean) {
    const [name, other] = [settings.name('run-once'), settings.name('clean')];
    throw new UsageError(name, `no ${other} beside it`, other);
  }
  return clean ? 'clean' : once ? 'run-once' : 'care';
}

function readMode(settings: Settings): CareConfig['mode'] {
  const mode = settings.value('mode', choiceParser('local', 'link', 'route', 'none', ''), 'local');
  return mode === '' ? 'none' : mode;
}

/** Whether clients on the node need it in this mode, so that it is on unless somebody says otherwise. */
function masqueradesByItself(mode: CareConfig['mode']): boolean {
  switch (mode) {
    case 'link':
      // They would speak from the virtual server's own address.
      return true;
    case 'local':
    case 'route':
    case 'none':
      return false;
  }
}

function readNodeAddress(
  settings: Settings,
  environment: Environment,
  virtualServer: Endpoint,
): GivenAddress | null {
  const version = virtualServer.family === 'ipv4' ? 'IPv4' : 'IPv6';
  const ofFamily: Parser<GivenAddress | null> = (text, option) => {
    // The Go program's default, which a manifest may spell out.
    if (text === '') return null;
    const address = parseAddress(text, option);
    if (address.includes(':') !== (virtualServer.family === 'ipv6')) {
      throw new UsageError(option, `${version} like ${settings.name('vs')} ${virtualServer.text}`, text);
    }
    return { address, from: option };
  };
  return (
    settings.value('ip', ofFamily, null) ?? ofFamily(environment['LVSCARE_NODE_IP'] ?? '', 'LVSCARE_NODE_IP')
  );
}

/** In modes that make no route with it NODE_IP is not even looked up. */
function unused(mode: CareConfig['mode'], nodeAddress: GivenAddress | null): Note[] {
  if (nodeAddress === null || mode === 'local' || mode === 'route') return [];
  const text = `${nodeAddress.from} has no effect: mode ${mode} makes no use of this node's address`;
  return [{ about: 'unused', text }];
}

function obsolete(settings: Settings, environment: Environment): Note[] {
  return ['masqueradebit', ...klogOptions(environment).map(({ flag }) => flag)]
    .filter((flag) => settings.has(flag))
    .map((flag) => ({
      about: 'obsolete',
      text: `${settings.name(flag)} is accepted for the sake of old manifests, and has no effect`,
    }));
}
