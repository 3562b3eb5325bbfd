/** `lvscare doctor`, composed: whether this node is fit, and what mends it where it is not. */
import { release } from 'node:os';
import { sortArguments } from '../cli/arguments.js';
import { CARE_OPTIONS } from '../cli/options.js';
import { readSettings } from '../config/config-file.js';
import { readCareConfig, type CareConfig } from '../config/care-config.js';
import { parseEndpoint } from '../config/endpoint.js';
import type { Note } from '../config/note.js';
import { Settings, type Arguments, type Environment, type Spellings } from '../config/settings.js';
import { UsageError } from '../config/usage-error.js';
import type { Endpoint } from '../values/endpoint.js';
import { isSurelyAtWork } from '../values/lock-holder.js';
import { harmlessJson } from '../text/one-line.js';
import { examine, type Examination } from '../doctor/checks.js';
import { examinationText } from '../doctor/examination-text.js';
import type { Finding } from '../doctor/finding.js';
import { careManifests } from '../doctor/manifests.js';
import type { Subject } from '../doctor/ports.js';
import { careArguments, careProcesses, flagValue } from '../doctor/processes.js';
import { nodeOf, systemFiles, type Self } from '../doctor/system-node.js';
import { lookAtHold } from '../state/instance-lock.js';
import { records } from '../state/ownership-store.js';
import { sysctlsFor } from '../host/wanted-sysctls.js';
import { Rtnetlink } from '../netlink/index.js';
import type { Output } from '../cli/output.js';

interface DoctorRequest extends Self {
  /** What the command line has, all of it options of care but `json`. */
  readonly given: Arguments;
  readonly spelled: Spellings;
  readonly environment: Environment;
}

/** Looks at everything, and tells. Resolves to whether nothing fails. Rejects with a UsageError for what was given. */
// ts-unused-exports:disable-next-line
export async function runDoctorCommand(
  request: DoctorRequest,
  output: Output,
  signal: AbortSignal,
): Promise<boolean> {
  const json = new Settings(request.given, {}).switch('json', false);
  const { config, told } = await whatToExamine(request);
  const opened = opening(() => Rtnetlink.open());
  await using _closing = opened instanceof Error ? null : opened;
  const node = nodeOf(config, request, opened, signal);
  const { findings: found, skipped } = await examine(node, config === null ? null : subjectOf(config));
  const examination: Examination = { findings: [...told, ...found], skipped };
  const fit = examination.findings.every(({ verdict }) => verdict !== 'fail');
  if (json) {
    const virtualServer = config?.virtualServer.text ?? null;
    const realServers = config?.realServers.map(({ text }) => text) ?? [];
    output.out(`${harmlessJson({ fit, virtualServer, realServers, ...examination }, 2)}\n`);
  } else output.out(examinationText(examination, output.paint));
  return fit;
}

/** A node that gives us no netlink is one to tell of. */
function opening<Handle>(open: () => Handle): Handle | Error {
  try {
    return open();
  } catch (error) {
    return error as Error;
  }
}

interface Examined {
  /** null when there is nothing to take care of, or when what is said of it is wrong. */
  readonly config: CareConfig | null;
  /** What is to be said of where it is from. */
  readonly told: readonly Finding[];
}

/**
 * What care would be told: by the command line; below that by a static pod that is here, else by the arguments of one that is at work,
 * else by what an earlier one remembers, of the virtual server that the command line names if it does.
 */
async function whatToExamine({ given, spelled, environment, ...self }: DoctorRequest): Promise<Examined> {
  const own = only(given, environment, spelled);
  const named = own.settings.has('vs') ? own.config() : null;
  const elsewhere = await toldElsewhere(named?.virtualServer ?? null, self);
  if (elsewhere === null) {
    if (named !== null) return examined(named, COMMAND_LINE);
    if (own.settings.has('rs')) throw new UsageError('--vs', 'the virtual server beside --rs', null);
    return unknown(
      'warn',
      'neither --vs nor a static pod of lvscare here tells what to take care of: only the node itself is checked',
      'lvscare doctor --vs IP:PORT --rs IP:PORT,...',
    );
  }
  const { from } = elsewhere;
  try {
    const theirs = Object.entries(elsewhere.given()).filter(([flag]) => !own.settings.has(flag));
    const merged = only({ ...Object.fromEntries(theirs), ...given }, environment, spelled).config();
    return examined(merged, named === null ? from : `${COMMAND_LINE} and ${from}`);
  } catch (error) {
    // What works, or did once, is right: it is what was given that is not.
    if (!(error instanceof UsageError) || elsewhere.proven) throw error;
    const evidence = `${from}: ${error.message}`;
    if (named === null) return unknown('fail', evidence, `correct ${from}`);
    const { config, told } = examined(named, COMMAND_LINE);
    return {
      config,
      told: [...told, { name: 'arguments', verdict: 'warn', evidence, remedy: `correct ${from}` }],
    };
  }
}

const COMMAND_LINE = 'the command line';

interface Told {
  /** Options of care. Throws a UsageError for what is none. */
  readonly given: () => Arguments;
  readonly from: string;
  /** Whether an lvscare has lived by it. */
  readonly proven: boolean;
}

/** By whom else, of this virtual server or, where it is null, of any. */
async function toldElsewhere(virtualServer: Endpoint | null, self: Self): Promise<Told | null> {
  const manifests = await careManifests(systemFiles);
  const manifest = manifests.find(
    ({ args }) => virtualServer === null || virtualServerOf(args)?.text === virtualServer.text,
  );
  if (manifest !== undefined)
    return {
      given: () => withoutVariables(sortArguments(manifest.args, CARE_OPTIONS).given),
      from: manifest.file,
      proven: false,
    };
  return (await toldByRunning(virtualServer, self)) ?? (await toldByRecord(virtualServer));
}

/**
 * By the arguments of the one that is at work; null where they make no sense here: they may name files of a container. Anybody may run
 * something of that name, and have us read files and send what is in them: the kernel has to say that it is an lvscare.
 */
async function toldByRunning(virtualServer: Endpoint | null, self: Self): Promise<Told | null> {
  const running: { readonly pid: number; readonly own: readonly string[] }[] = [];
  for (const { pid, args } of await careProcesses(systemFiles, self.pid)) {
    const own = careArguments(args) ?? [];
    const named = virtualServerOf(own);
    if (named === null || (virtualServer !== null && named.text !== virtualServer.text)) continue;
    const look = await lookAtHold(named);
    if (look.kind === 'held' && look.by.pid === pid && isSurelyAtWork(look, self.uid))
      running.push({ pid, own });
  }
  const [one, ...more] = running;
  if (one === undefined || more.length > 0) return null;
  try {
    const { given, spelled } = sortArguments(one.own, CARE_OPTIONS);
    only(given, {}, spelled).config();
    return { given: () => given, from: `process ${one.pid}`, proven: true };
  } catch (error) {
    if (error instanceof UsageError) return null;
    throw error;
  }
}

async function toldByRecord(virtualServer: Endpoint | null): Promise<Told | null> {
  const known = await remembered(virtualServer?.text ?? null);
  if (known === null) return null;
  const told = { vs: known.virtualServer, rs: known.realServers, ...wayOf(known) };
  return { given: () => told, from: '/run/lvscare', proven: true };
}

/** null where they name none that makes sense. */
function virtualServerOf(args: readonly string[]): Endpoint | null {
  try {
    return parseEndpoint(flagValue(args, 'vs') ?? '', '--vs');
  } catch {
    return null;
  }
}

/** Without what the kubelet puts something in for, which is not known here: the address to listen at. */
function withoutVariables(given: Arguments): Arguments {
  return Object.fromEntries(
    Object.entries(given).filter(
      ([, value]) => ![value].flat().some((text) => /\$\(\w+\)/.test(String(text))),
    ),
  );
}

function only(
  given: Arguments,
  environment: Environment,
  spelled: Spellings,
): { readonly settings: Settings; readonly config: () => CareConfig } {
  // Whatever else is to be done: this is about taking care.
  const { 'run-once': _once, clean: _clean, json: _json, ...care } = given;
  const withoutTasks = Object.fromEntries(
    Object.entries(environment).filter(([name]) => !/^(CARE|IPVS)_(RUN_ONCE|CLEAN)$/.test(name)),
  );
  const settings = readSettings(care, withoutTasks, CARE_OPTIONS, spelled);
  return { settings, config: () => readCareConfig(settings, environment, { withoutRealServers: true }) };
}

type Remembered = Awaited<ReturnType<ReturnType<typeof records>['list']>>[number];

async function remembered(virtualServer: string | null): Promise<Remembered | null> {
  const all = await records().list();
  const [one, ...more] = all.filter((made) => made.virtualServer === (virtualServer ?? made.virtualServer));
  return one !== undefined && more.length === 0 ? one : null;
}

function wayOf({ ways }: Remembered): Arguments {
  const today = ways.at(-1);
  if (today === undefined) return {};
  return today.mode === 'link' ? { mode: 'link', iface: today.iface } : { mode: today.mode };
}

function examined(config: CareConfig, from: string): Examined {
  const { virtualServer, realServers, notes } = config;
  const servers = realServers.map(({ text }) => text).join(', ');
  const told: Finding[] = [
    {
      name: 'arguments',
      verdict: realServers.length === 0 ? 'warn' : 'ok',
      evidence: `${virtualServer.text} with ${servers || 'no --rs: no server is asked'} (${from})`,
      remedy: realServers.length === 0 ? `lvscare doctor --vs ${virtualServer.text} --rs IP:PORT,...` : null,
    },
    ...notes.map(findingOf),
  ];
  return { config, told };
}

function findingOf({ about, text }: Note): Finding {
  switch (about) {
    case 'ca':
      return { name: 'ca', verdict: 'warn', evidence: text, remedy: 'give lvscare --health-ca FILE' };
    case 'obsolete':
    case 'unused':
      return { name: 'note', verdict: 'ok', evidence: text, remedy: null };
  }
}

function unknown(verdict: 'warn' | 'fail', evidence: string, remedy: string): Examined {
  return { config: null, told: [{ name: 'arguments', verdict, evidence, remedy }] };
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
    scheme: probe.scheme,
    healthPort: probe.port,
  };
}
