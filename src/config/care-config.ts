import type { Endpoint } from '../core/endpoint.js';
import type { CarePolicy } from '../care/care.js';
import type { ListenAddress } from '../endpoint/listen-address.js';
import type { ProbeRequest } from '../probe/request.js';
import { durationParser, milliseconds } from './duration.js';
import { parseAddress, parseEndpoint } from './endpoint.js';
import { parseListenAddress } from './listen-address.js';
import { readProbeTls, type ProbeTls } from './probe-tls.js';
import type { Environment, Settings } from './settings.js';
import { UsageError, type Parser } from './usage-error.js';
import {
  choiceParser,
  integerParser,
  parseHeader,
  parseInterface,
  parseLogLevel,
  parseMethod,
  parsePath,
  parseScheduler,
  type LogLevel,
} from './values.js';

export interface CareConfig {
  readonly virtualServer: Endpoint;
  readonly realServers: readonly Endpoint[];
  readonly mode: 'local' | 'link' | 'route' | 'none';
  /** The dummy interface of mode `link`. */
  readonly iface: string;
  /** Whether sysctls are set. */
  readonly sysctl: boolean;
  /** NODE_IP as given, null when it is to be found out. */
  readonly nodeAddress: string | null;
  /** Connections to the virtual server get this node's address as their source. */
  readonly masquerade: boolean;
  readonly policy: CarePolicy;
  readonly probe: ProbeConfig;
  /** Where metrics, health and status are to be had; null for nowhere. */
  readonly metricsAddress: ListenAddress | null;
  readonly task: 'care' | 'run-once' | 'clean';
  readonly dryRun: boolean;
  readonly log: LogConfig;
  /** What to tell the user about how we read what they gave. */
  readonly notes: readonly string[];
}

interface ProbeConfig extends ProbeRequest {
  readonly tls: ProbeTls;
}

export interface LogConfig {
  readonly level: LogLevel;
  readonly format: 'auto' | 'json' | 'text';
}

const SECOND = 1000;
const DAY = 24 * 3600 * SECOND;
const METRICS_ADDRESS: ListenAddress = {
  kind: 'tcp',
  address: '127.0.0.1',
  port: 9288,
  text: '127.0.0.1:9288',
};
const DEFAULT_CA = '/etc/kubernetes/pki/ca.crt';

const interval = durationParser({ leastMs: 10, mostMs: DAY, words: 'from 10ms to 24h' });
const timeout = durationParser({ leastMs: 1, mostMs: 10 * 60 * SECOND, words: 'from 1ms to 10m' });
const patience = durationParser({ leastMs: 0, mostMs: DAY, words: 'from 0 to 24h' });
const count = integerParser(1, 1000);

/**
 * Everything that `lvscare care` is told. Throws a UsageError for the first thing that is wrong.
 *
 * @param defaultCa The file that certificates are verified by when nothing else is said.
 */
export function readCareConfig(
  settings: Settings,
  environment: Environment,
  defaultCa = DEFAULT_CA,
): CareConfig {
  const log = readLogConfig(settings);
  const task = readTask(settings);
  const virtualServer = settings.value('vs', parseEndpoint, null);
  if (virtualServer === null)
    throw new UsageError('--vs', 'the virtual server, IP:PORT or [IPv6]:PORT', null);
  const realServers = readRealServers(settings, virtualServer, task === 'clean');
  const { probe, notes } = readProbe(settings, task === 'care', defaultCa);
  const mode = readMode(settings);
  const scheduler = settings.value('scheduler', parseScheduler, 'rr');
  return {
    virtualServer,
    realServers,
    mode,
    iface: settings.value('iface', parseInterface, 'lvscare'),
    sysctl: settings.switch('sysctl', true),
    nodeAddress: readNodeAddress(settings, environment, virtualServer),
    masquerade: settings.switch('masquerade', null) ?? masqueradesByItself(mode),
    policy: {
      scheduler,
      weight: 1,
      intervalMs: settings.value('interval', orDefault(interval, 5 * SECOND), 5 * SECOND),
      fastIntervalMs: settings.value('fast-interval', interval, 200),
      fall: settings.value('fall', count, 2),
      rise: settings.value('rise', count, 2),
      drainTimeoutMs: settings.value('drain-timeout', patience, 30 * SECOND),
      handshakeIntervalMs: settings.value('handshake-interval', patience, 60 * SECOND),
      maxHoldMs: settings.value('max-hold', patience, 60 * SECOND),
    },
    probe,
    metricsAddress: settings.value('metrics-addr', parseListenAddress, METRICS_ADDRESS),
    task,
    dryRun: settings.switch('dry-run', false),
    log,
    // Only who probes needs to hear how certificates are verified.
    notes: [...(task === 'care' ? notes : []), ...obsolete(settings)],
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

/** The Go program takes 0 for its default. */
function orDefault(parse: Parser<number>, otherwise: number): Parser<number> {
  return (text, option) => (milliseconds(text) === 0 ? otherwise : parse(text, option));
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

function readRealServers(settings: Settings, virtualServer: Endpoint, optional: boolean): Endpoint[] {
  const realServers = settings.list('rs', parseEndpoint);
  const name = settings.name('rs');
  if (realServers.length === 0 && !optional)
    throw new UsageError(name, 'at least one real server, IP:PORT', null);
  realServers.forEach((server, index) => {
    if (server.family !== virtualServer.family) {
      const version = virtualServer.family === 'ipv4' ? 'IPv4' : 'IPv6';
      throw new UsageError(name, `${version} like ${settings.name('vs')} ${virtualServer.text}`, server.text);
    }
    if (server.text === virtualServer.text) {
      throw new UsageError(name, 'real servers other than the virtual server', server.text);
    }
    if (realServers.findIndex((other) => other.text === server.text) < index) {
      throw new UsageError(name, 'each real server once', server.text);
    }
  });
  return realServers;
}

function readNodeAddress(
  settings: Settings,
  environment: Environment,
  virtualServer: Endpoint,
): string | null {
  const version = virtualServer.family === 'ipv4' ? 'IPv4' : 'IPv6';
  const ofFamily: Parser<string | null> = (text, option) => {
    // The Go program's default, which a manifest may spell out.
    if (text === '') return null;
    const address = parseAddress(text, option);
    if (address.includes(':') !== (virtualServer.family === 'ipv6')) {
      throw new UsageError(option, `${version} like ${settings.name('vs')} ${virtualServer.text}`, text);
    }
    return address;
  };
  return (
    settings.value('ip', ofFamily, null) ?? ofFamily(environment['LVSCARE_NODE_IP'] ?? '', 'LVSCARE_NODE_IP')
  );
}

function readProbe(
  settings: Settings,
  probes: boolean,
  defaultCa: string,
): { readonly probe: ProbeConfig; readonly notes: readonly string[] } {
  const scheme = settings.value('health-schem', choiceParser('https', 'http'), 'https');
  const { tls, notes } = readProbeTls(settings, { scheme, probes, defaultCa });
  const body = settings.value('health-req-body', (text) => text, '');
  const probe: ProbeConfig = {
    scheme,
    method: settings.value('health-req-method', parseMethod, 'GET'),
    path: settings.value('health-path', parsePath, '/healthz'),
    headers: Object.fromEntries(settings.list('health-req-headers', parseHeader)),
    body: body === '' ? null : body,
    acceptedStatuses: new Set(settings.list('health-status', integerParser(400, 599))),
    connectTimeoutMs: settings.value('connect-timeout', timeout, SECOND),
    timeoutMs: settings.value('health-timeout', timeout, 3 * SECOND),
    port: settings.value('health-port', integerParser(1, 65535), null),
    tls,
  };
  return { probe, notes };
}

function obsolete(settings: Settings): string[] {
  return ['masqueradebit']
    .filter((flag) => settings.has(flag))
    .map((flag) => `${settings.name(flag)} is accepted for the sake of old manifests, and has no effect`);
}
