/** `lvscare doctor`, composed: whether this node is fit for lvscare, and how to repair what is not. */
import { release } from 'node:os';
import { sortArguments } from '../cli/arguments.js';
import { readSettings } from '../config/config-file.js';
import { readCareConfig, type CareConfig } from '../config/care-config.js';
import { parseEndpoint } from '../config/parse-endpoint.js';
import type { Note } from '../config/note.js';
import { CARE_OPTIONS, type Flag } from '../config/options.js';
import { Settings, type Arguments, type Environment, type Spellings } from '../config/settings.js';
import { UsageError } from '../config/usage-error.js';
import type { Endpoint } from '../values/endpoint.js';
import { harmlessJson } from '../text/one-line.js';
import { examine, type Examination } from '../doctor/checks.js';
import { examinationText } from '../doctor/examination-text.js';
import { fail, ok, warn, type Finding } from '../doctor/finding.js';
import { careManifests } from '../doctor/manifests.js';
import type { Subject } from '../doctor/ports.js';
import { careArguments, careProcesses, flagValue } from '../doctor/processes.js';
import { nodeOf, systemFiles, type Self } from '../doctor/system-node.js';
import { permissionFaults } from '../daemon/file-permissions.js';
import { readLock } from '../state/instance-lock.js';
import { ownershipStore, type OwnershipStore } from '../state/ownership-store.js';
import { runDirectory } from '../state/run-directory.js';
import { sysctlsFor } from '../host/wanted-sysctls.js';
import { Rtnetlink } from '../netlink/index.js';
import type { Output } from '../cli/output.js';

interface DoctorRequest extends Self {
  /** What the command line has, all of it options of care but `json`. */
  readonly given: Arguments;
  readonly spelled: Spellings;
  readonly environment: Environment;
}

/** Makes every check and prints the findings. Resolves to whether none fails. Rejects with a UsageError for wrong options. */
// ts-unused-exports:disable-next-line
export async function runDoctorCommand(
  request: DoctorRequest,
  output: Output,
  signal: AbortSignal,
): Promise<boolean> {
  const json = new Settings(request.given, {}).read('json');
  const { config, findings: found } = await whatToExamine(request);
  let opened: Rtnetlink | Error;
  try {
    opened = Rtnetlink.open();
  } catch (error) {
    // The checks that need netlink say so.
    opened = error as Error;
  }
  await using _closing = opened instanceof Error ? null : opened;
  const node = nodeOf(config, request, opened, signal);
  const { findings, skipped } = await examine(node, config === null ? null : subjectOf(config));
  const files = config === null ? [] : await checkFiles(config);
  const examination: Examination = { findings: [...found, ...files, ...findings], skipped };
  const fit = examination.findings.every(({ verdict }) => verdict !== 'fail');
  if (json) {
    const virtualServer = config?.virtualServer.text ?? null;
    const realServers = config?.realServers.map(({ text }) => text) ?? [];
    output.out(`${harmlessJson({ fit, virtualServer, realServers, ...examination }, 2)}\n`);
  } else output.out(examinationText(examination, output.paint));
  return fit;
}

interface Examined {
  /** null if no virtual server is known, or if its options are wrong. */
  readonly config: CareConfig | null;
  /** Findings about the options and their source. */
  readonly findings: readonly Finding[];
}

/**
 * The options to examine: those of the command line, and below them those of a static pod here, else those of a running lvscare,
 * else those of an ownership record; of the virtual server that the command line names, if it names one.
 */
async function whatToExamine({ given, spelled, environment, ...self }: DoctorRequest): Promise<Examined> {
  const own = await only(given, environment, spelled);
  const named = own.settings.has('vs') ? own.config() : null;
  const store = ownershipStore(runDirectory());
  const elsewhere = await optionsElsewhere(named?.virtualServer ?? null, self, store);
  if (elsewhere === null) {
    if (named !== null) return examined(named, COMMAND_LINE);
    if (own.settings.has('rs')) throw new UsageError('--vs', 'the virtual server beside --rs', null);
    const recorded = (await store.list()).map(({ virtualServer }) => virtualServer.text);
    const [first] = recorded;
    return first === undefined
      ? unknown(
          warn(
            'no virtual server is known: there is neither --vs nor a static pod of lvscare that this user can read; only the node itself is checked',
            'lvscare doctor --vs IP:PORT --rs IP:PORT,...',
          ),
        )
      : unknown(
          warn(
            `lvscare has records of several virtual servers (${recorded.join(', ')}); only the node itself is checked`,
            `lvscare doctor --vs ${first}`,
          ),
        );
  }
  const { from } = elsewhere;
  try {
    const theirs = Object.entries(elsewhere.given()).filter(([flag]) => !own.settings.has(flag));
    const merged = (await only({ ...Object.fromEntries(theirs), ...given }, environment, spelled)).config();
    const left = (elsewhere.left ?? []).filter((flag) => !own.settings.has(flag));
    return withoutLeft(examined(merged, named === null ? from : `${COMMAND_LINE} and ${from}`), left, from);
  } catch (error) {
    // An lvscare has run with those options, so the wrong ones are on the command line.
    if (!(error instanceof UsageError) || elsewhere.proven) throw error;
    const evidence = `${from}: ${error.message}`;
    if (named === null) return unknown(fail(evidence, `correct ${from}`));
    const { config, findings } = examined(named, COMMAND_LINE);
    return {
      config,
      findings: [...findings, { name: 'arguments', ...warn(evidence, `correct ${from}`) }],
    };
  }
}

const COMMAND_LINE = 'the command line';

interface FoundOptions {
  /** Options of `lvscare care`. Throws a UsageError for any other. */
  readonly given: () => Arguments;
  readonly from: string;
  /** Whether an lvscare has run with them. */
  readonly proven: boolean;
  /** The options that the other process has and that are not taken from it. */
  readonly left?: readonly string[];
}

/** The options of this virtual server, or of any if it is null, from another source than the command line; null if there are none. */
async function optionsElsewhere(
  virtualServer: Endpoint | null,
  self: Self,
  store: OwnershipStore,
): Promise<FoundOptions | null> {
  // Where this process may not read them, the check of instances says so.
  const manifests = await careManifests(systemFiles).catch(() => []);
  const manifest = manifests.find(
    ({ args }) => virtualServer === null || virtualServerOf(args)?.text === virtualServer.text,
  );
  if (manifest !== undefined)
    return {
      given: () => withoutVariables(sortArguments(manifest.args, CARE_OPTIONS).given),
      from: manifest.file,
      proven: false,
    };
  return (await optionsOfRunning(virtualServer, self)) ?? (await optionsOfRecord(virtualServer, store));
}

/** Options of another process that doctor does not take: it would read a file, and send what is in it, or send a secret. */
const FILES_AND_SECRETS: ReadonlySet<string> = new Set<Flag>([
  'config',
  'web-config-file',
  'health-ca',
  'health-cert',
  'health-key',
  'health-token-file',
  'health-req-headers',
  'health-req-body',
]);

/**
 * The options of the running lvscare, or null if they are wrong here. Every user can run a program of that name, so the kernel must say
 * that it has NET_ADMIN and the name of the instance lock.
 */
async function optionsOfRunning(virtualServer: Endpoint | null, self: Self): Promise<FoundOptions | null> {
  const running: { readonly pid: number; readonly own: readonly string[] }[] = [];
  for (const { pid, args } of await careProcesses(systemFiles, self.pid)) {
    const own = careArguments(args) ?? [];
    const named = virtualServerOf(own);
    if (named === null || (virtualServer !== null && named.text !== virtualServer.text)) continue;
    const lock = await readLock(named);
    if (lock.kind === 'held' && lock.by?.pid === pid) running.push({ pid, own });
  }
  const [one, ...more] = running;
  if (one === undefined || more.length > 0) return null;
  try {
    const { given: all, spelled } = sortArguments(one.own, CARE_OPTIONS);
    const flags = Object.entries(all);
    const given = Object.fromEntries(flags.filter(([flag]) => !FILES_AND_SECRETS.has(flag)));
    (await only(given, {}, spelled)).config();
    const left = flags.map(([flag]) => flag).filter((flag) => FILES_AND_SECRETS.has(flag));
    return { given: () => given, from: `process ${one.pid}`, proven: true, left };
  } catch (error) {
    if (error instanceof UsageError) return null;
    throw error;
  }
}

/** The options of the only ownership record; with several, it is not known which one is meant. */
async function optionsOfRecord(
  virtualServer: Endpoint | null,
  store: OwnershipStore,
): Promise<FoundOptions | null> {
  const [record, ...more] = (await store.list()).filter(
    (one) => virtualServer === null || one.virtualServer.text === virtualServer.text,
  );
  if (record === undefined || more.length > 0) return null;
  // The last one is the current one.
  const given = { vs: record.virtualServer.text, rs: record.realServers, ...record.modes.at(-1) };
  return { given: () => given, from: '/run/lvscare', proven: true };
}

/** The virtual server that arguments name, or null if they name none. */
function virtualServerOf(args: readonly string[]): Endpoint | null {
  try {
    return parseEndpoint(flagValue(args, 'vs') ?? '', '--vs');
  } catch {
    return null;
  }
}

/** Without the values in which kubelet replaces variables, for example the address to listen at. */
function withoutVariables(given: Arguments): Arguments {
  return Object.fromEntries(
    Object.entries(given).filter(
      ([, value]) => ![value].flat().some((text) => /\$\(\w+\)/.test(String(text))),
    ),
  );
}

async function only(
  given: Arguments,
  environment: Environment,
  spelled: Spellings,
): Promise<{ readonly settings: Settings; readonly config: () => CareConfig }> {
  // Doctor examines what `lvscare care` does without these.
  const { 'run-once': _once, clean: _clean, json: _json, ...care } = given;
  const withoutTasks = Object.fromEntries(
    Object.entries(environment).filter(([name]) => !/^(CARE|IPVS)_(RUN_ONCE|CLEAN)$/.test(name)),
  );
  const settings = await readSettings(care, withoutTasks, spelled);
  return { settings, config: () => readCareConfig(settings, environment, { withoutRealServers: true }) };
}

function examined(config: CareConfig, from: string): Examined {
  const { virtualServer, realServers, notes } = config;
  const servers = realServers.map(({ text }) => text).join(', ');
  const { text } = virtualServer;
  const said =
    servers === ''
      ? warn(
          `${text} with no --rs, so no server is probed (${from})`,
          `lvscare doctor --vs ${text} --rs IP:PORT,...`,
        )
      : ok(`${text} with ${servers} (${from})`);
  return { config, findings: [{ name: 'arguments', ...said }, ...notes.map(findingOf)] };
}

/** The web configuration, and which users can read or write files that they should not. */
async function checkFiles(config: CareConfig): Promise<readonly Finding[]> {
  const { webConfigFile } = config;
  const findings: Finding[] = [];
  let keyFile: string | null = null;
  if (webConfigFile !== null) {
    const { path, from } = webConfigFile;
    const { loadWebConfig } = await import('../config/web-config.js');
    try {
      ({ keyFile } = await loadWebConfig(path, from));
      findings.push({ name: 'web-config', ...ok(`${path} is valid`) });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      const remedy = `correct ${path}, without which lvscare does not start`;
      findings.push({ name: 'web-config', ...fail(error.message, remedy) });
    }
  }
  const faults = await permissionFaults(config, [config.probe], keyFile);
  return [
    ...findings,
    ...faults.map(({ path, evidence, remedy }) => ({
      name: `permissions ${path}`,
      ...warn(evidence, remedy),
    })),
  ];
}

/** Says what is not taken from another process, in the place of what follows from it. */
function withoutLeft({ config, findings }: Examined, left: readonly string[], from: string): Examined {
  if (left.length === 0) return { config, findings };
  const options = left.map((flag) => `--${flag}`).join(', ');
  const evidence = `doctor probes without ${options} of ${from}: it takes neither files nor secrets from another process`;
  const remedy = `give lvscare doctor the same ${options}`;
  return {
    config,
    findings: [
      ...findings.filter(({ name }) => name !== 'ca'),
      { name: 'taken-options', ...warn(evidence, remedy) },
    ],
  };
}

function findingOf({ about, text }: Note): Finding {
  switch (about) {
    case 'ca':
      return { name: 'ca', ...warn(text, 'give lvscare --health-ca FILE') };
    case 'empty-address':
      return { name: 'note', ...warn(text, 'give --metrics-addr an address') };
    case 'obsolete':
    case 'unused':
      return { name: 'note', ...ok(text) };
  }
}

function unknown(said: Omit<Finding, 'name'>): Examined {
  return { config: null, findings: [{ name: 'arguments', ...said }] };
}

function subjectOf(config: CareConfig): Subject {
  const { virtualServer, realServers, policy, mode, iface, masquerade, sysctl, probe } = config;
  return {
    virtualServer,
    realServers,
    scheduler: policy.scheduler,
    mode,
    iface,
    masquerade,
    setsSysctls: sysctl,
    sysctls: sysctlsFor(config, release()),
    ipvsTcpTimeoutS: config.ipvsTcpTimeoutS,
    scheme: probe.scheme,
    healthPort: probe.port,
    sourcePorts: probe.sourcePorts,
  };
}
