import { existsSync } from 'node:fs';
import type { Endpoint } from '../values/endpoint.js';
import type { CarePolicy } from '../control-loop/control-loop.js';
import type { ListenAddress } from '../values/listen-address.js';
import { parseAddress } from './parse-endpoint.js';
import { klogOptions } from './klog.js';
import type { Note } from './note.js';
import { DEFAULT_CA, type OptionValue } from './options.js';
import { readProbe, type ProbeConfig } from './probe-request.js';
import { readRealServers } from './real-servers.js';
import type { Environment, Settings } from './settings.js';
import type { AllSettings } from './config-file.js';
import { readTextFile } from './text-file.js';
import { UsageError, UsageErrors } from './usage-error.js';

/** What one virtual server is to be. */
export interface VirtualServerConfig {
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
  /** How the cluster's list of its apiservers is read, or null if `realServers` are all there are. */
  readonly discovery: DiscoveryConfig | null;
}

interface DiscoveryConfig {
  readonly kubeconfig: string;
  /** How long a real server must be down and missing in the list before it is forgotten, in milliseconds. */
  readonly forgetAfterMs: number;
  /** Whether real servers of `--rs` stay though the list lacks them. */
  readonly keepSeeds: boolean;
}

/** The same, with what its parts need to know of the process. */
export type UnitConfig = VirtualServerConfig & Pick<ProcessConfig, 'dryRun'>;

/** What applies to the process as a whole. */
interface ProcessConfig {
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
  /** What a reload does with virtual servers that are no longer in the file. */
  readonly removedVirtualServers: OptionValue<'removed-vs'>;
  readonly task: 'care' | 'run-once' | 'clean';
  /** `run-once` takes every real server for healthy, without probes. */
  readonly trust: boolean;
  readonly dryRun: boolean;
  readonly log: LogConfig;
}

/** The configuration of a command that works on one virtual server. */
export interface CareConfig extends ProcessConfig, VirtualServerConfig {
  readonly notes: readonly Note[];
}

/** The configuration of `lvscare care`: its virtual servers, and what applies to all of them. */
export interface DaemonConfig extends ProcessConfig {
  /** At least one; each has an endpoint of its own. */
  readonly virtualServers: readonly VirtualServerConfig[];
  readonly notes: readonly Note[];
  /** The file that it is from, with the text that was read, or null if there is none. */
  readonly file: { readonly path: string; readonly text: string } | null;
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
  /** `--rs` is optional for every task, not only for `--clean`. Default false. */
  readonly withoutRealServers?: boolean;
  /** The files of other virtual servers that were found right. */
  readonly checked?: Set<string>;
}

/** The configuration of the one virtual server. Throws a UsageError for the first thing that is wrong. */
export function readCareConfig(
  settings: Settings,
  environment: Environment,
  circumstances: Circumstances = {},
): CareConfig {
  const process = readProcess(settings);
  const { config, notes } = readVirtualServer(settings, environment, process.task, circumstances);
  return { ...process, ...config, notes: [...notes, ...processNotes(settings, environment, process)] };
}

/** The configuration of `lvscare care`. Throws UsageErrors for what is wrong, of each virtual server the first thing. */
export function readDaemonConfig(
  { file, process: settings, virtualServers }: AllSettings,
  environment: Environment,
  circumstances: Circumstances = {},
): DaemonConfig {
  const process = readProcess(settings);
  const errors: UsageError[] = [];
  const checked = new Set<string>();
  const read = virtualServers.flatMap((one) => {
    try {
      const of = { ...circumstances, checked };
      return [{ settings: one, ...readVirtualServer(one, environment, process.task, of) }];
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      errors.push(error);
      return [];
    }
  });
  const found = [...errors, ...conflicts(read)];
  if (found.length > 0) throw new UsageErrors(found);
  const notes = [...read.flatMap((one) => one.notes), ...processNotes(settings, environment, process)];
  return {
    ...process,
    virtualServers: read.map(({ config }) => config),
    notes: notes.filter(({ text }, index) => notes.findIndex((note) => note.text === text) === index),
    file,
  };
}

function readProcess(settings: Settings): ProcessConfig {
  // First, so that whatever is wrong can be logged as it should be.
  const log = { level: settings.read('log-level'), format: settings.read('log-format') };
  const task = readTask(settings);
  const webConfigFile = settings.read('web-config-file');
  const dryRun = settings.read('dry-run');
  return {
    // A dry run is often beside the one that takes care, and its address is that one's.
    metricsAddress: dryRun && !settings.has('metrics-addr') ? null : settings.read('metrics-addr'),
    webConfigFile:
      webConfigFile === null ? null : { path: webConfigFile, from: settings.name('web-config-file') },
    webHosts: settings.read('web-host'),
    statusPage: settings.read('status-page'),
    configFile: settings.read('config'),
    removedVirtualServers: settings.read('removed-vs'),
    task,
    trust: readTrust(settings, task),
    dryRun,
    log,
  };
}

interface ReadVirtualServer {
  readonly config: VirtualServerConfig;
  readonly notes: readonly Note[];
}

function readVirtualServer(
  settings: Settings,
  environment: Environment,
  task: ProcessConfig['task'],
  { defaultCa = DEFAULT_CA, elsewhere = false, withoutRealServers = false, checked }: Circumstances,
): ReadVirtualServer {
  const virtualServer = settings.read('vs');
  if (virtualServer === null)
    throw new UsageError(settings.name('vs'), 'the virtual server, IP:PORT or [IPv6]:PORT', null);
  // --clean removes what an earlier version created there.
  if (task !== 'clean') refuseUnusable(virtualServer, settings.name('vs'));
  const realServers = readRealServers(settings, virtualServer, task === 'clean' || withoutRealServers);
  const { probe, notes } = readProbe(settings, task === 'care' && !elsewhere, defaultCa, checked);
  const mode = settings.read('mode');
  const nodeAddress = readNodeAddress(settings, environment, virtualServer);
  const scheduler = settings.read('scheduler');
  const preferLocal = settings.read('prefer-local');
  if (preferLocal && mode === 'route' && task !== 'clean')
    throw new UsageError(
      settings.name('prefer-local'),
      'another mode than route, which cannot reach a real server on this node',
      'route',
    );
  const config: VirtualServerConfig = {
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
      scheduler,
      preferLocal,
      weights: settings.weights,
      intervalMs: settings.read('interval'),
      fastIntervalMs: settings.read('fast-interval'),
      fall: settings.read('fall'),
      rise: settings.read('rise'),
      drainTimeoutMs: settings.read('drain-timeout'),
      handshakeIntervalMs: settings.read('handshake-interval'),
      maxHoldMs: settings.read('max-hold'),
    },
    probe,
    discovery: readDiscovery(settings, probe, task === 'care', elsewhere),
  };
  return {
    config,
    notes: [
      // How certificates are verified matters only if servers are probed.
      ...(task === 'care' ? notes : []),
      ...(task === 'clean'
        ? []
        : [
            ...unused(mode, nodeAddress),
            ...unusedWeights(settings, scheduler),
            ...unusedDiscovery(settings),
          ]),
    ],
  };
}

/**
 * @param probes Whether it is read to take care.
 * @param elsewhere Whether the files need not be here, and be usable.
 */
function readDiscovery(
  settings: Settings,
  { tls }: ProbeConfig,
  probes: boolean,
  elsewhere: boolean,
): DiscoveryConfig | null {
  const kubeconfig = settings.read('discover');
  const forgetAfterMs = settings.read('forget-after');
  const keepSeeds = settings.read('keep-seeds');
  if (kubeconfig === null) return null;
  const name = settings.name('discover');
  // Else another host that got the address of an apiserver could serve.
  const neverVerifies =
    settings.read('health-insecure-skip-verify') === true || settings.read('health-schem') === 'http';
  if (probes && (elsewhere ? neverVerifies : !tls.verify))
    throw new UsageError(
      name,
      `certificates that are verified beside it, or another host could serve (by --health-ca or ${DEFAULT_CA})`,
      null,
    );
  if (probes && !elsewhere && existsSync(kubeconfig)) readTextFile(kubeconfig, name);
  return { kubeconfig, forgetAfterMs, keepSeeds };
}

/** What several virtual servers cannot have together. */
function conflicts(
  all: readonly { readonly settings: Settings; readonly config: VirtualServerConfig }[],
): readonly UsageError[] {
  const byText = new Map<string, Settings>();
  const byAddress = new Map<string, VirtualServerConfig>();
  const errors: UsageError[] = [];
  for (const { settings, config } of all) {
    const { virtualServer, mode } = config;
    const same = byText.get(virtualServer.text);
    if (same !== undefined) {
      const expected = `another virtual server than ${same.name('vs')}`;
      errors.push(new UsageError(settings.name('vs'), expected, virtualServer.text));
    } else byText.set(virtualServer.text, settings);
    if (mode === 'none') continue;
    const neighbour = byAddress.get(virtualServer.address);
    const [own, theirs] = [reachOf(config), neighbour && reachOf(neighbour)];
    if (theirs !== undefined && own !== theirs) {
      const expected = `mode ${theirs}, as ${neighbour?.virtualServer.text ?? ''} with the same address`;
      errors.push(new UsageError(settings.name('mode'), expected, own));
    }
    byAddress.set(virtualServer.address, config);
  }
  for (const { settings, config } of all)
    for (const { text } of config.realServers)
      if (byText.has(text) && text !== config.virtualServer.text)
        errors.push(new UsageError(settings.name('rs'), 'real servers that are no virtual servers', text));
  return errors;
}

function reachOf({ mode, iface }: VirtualServerConfig): string {
  return mode === 'link' ? `${mode} ${iface}` : mode;
}

/** Schedulers of IPVS that treat all real servers alike. */
const WITHOUT_WEIGHTS: ReadonlySet<string> = new Set(['rr', 'lc', 'dh']);

function unusedWeights(settings: Settings, scheduler: string): Note[] {
  if (!WITHOUT_WEIGHTS.has(scheduler) || new Set([1, ...settings.weights.values()]).size === 1) return [];
  const text = `the weights of ${settings.name('rs')} have no effect: scheduler ${scheduler} ignores them; wrr does not`;
  return [{ about: 'unused', text }];
}

function unusedDiscovery(settings: Settings): Note[] {
  if (settings.has('discover')) return [];
  return ['forget-after', 'keep-seeds']
    .filter((flag) => settings.has(flag))
    .map((flag) => ({ about: 'unused', text: `${settings.name(flag)} has no effect without --discover` }));
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

/** In modes without a route, NODE_IP is not used. */
function unused(mode: CareConfig['mode'], nodeAddress: GivenAddress | null): Note[] {
  if (nodeAddress === null || mode === 'local' || mode === 'route') return [];
  const text = `${nodeAddress.from} has no effect: mode ${mode} makes no use of this node's address`;
  return [{ about: 'unused', text }];
}

function processNotes(
  settings: Settings,
  environment: Environment,
  { task, metricsAddress }: ProcessConfig,
): Note[] {
  return [
    ...(task === 'care' ? emptyAddress(settings, metricsAddress) : []),
    ...obsolete(settings, environment),
  ];
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
