/** What a running `lvscare care` is asked and told by others, composed: its status, and who is drained by hand. */
import type { Logger } from 'pino';
import { machineNow, systemClock } from './clock.js';
import type { Emit } from '../control-loop/events.js';
import { ManualDrains, type Drained } from '../control-loop/manual-drains.js';
import type { UnitConfig } from '../config/care-config.js';
import { endpointIn } from '../config/parse-endpoint.js';
import { serveControl, type Controlled, type DrainRequest } from '../control-socket/server.js';
import type { Endpoint } from '../values/endpoint.js';
import { readKernel } from './kernel-report.js';
import { drainedFile, type DrainedFile } from '../state/drains.js';
import { runDirectory } from '../state/run-directory.js';
import type { Ipvs } from '../netlink/index.js';
import type { Report } from '../report/report.js';
import { refusalOfLast, type DrainOutcome } from '../status/drain-outcome.js';
import { drainedStatus, type Status } from '../status/status.js';

/** The drains of an earlier start or a command, but for servers that are no longer configured. */
export async function composeManualDrains(
  { virtualServer, realServers, discovery, dryRun }: UnitConfig,
  emit: Emit,
): Promise<{ readonly manualDrains: ManualDrains; readonly file: DrainedFile }> {
  const file = drainedFile(runDirectory(), virtualServer.text);
  const found = await file.read();
  const drained = new Map<string, number>();
  for (const [text, sinceMs] of found) {
    const server = realServers.find((one) => one.text === text) ?? endpointIn(text);
    // With --discover the cluster may list it later.
    const configured = server !== null && (discovery !== null || realServers.includes(server));
    if (configured) drained.set(text, sinceMs);
    if (server !== null)
      emit({ kind: 'drained', server, sinceMs: configured ? sinceMs : null, restored: true });
  }
  if (!dryRun && drained.size < found.size) await save(file, drained, emit);
  return { manualDrains: new ManualDrains(drained), file };
}

/** Resolves to why the drains could not be saved, or to null. */
async function save(file: DrainedFile, drained: Drained, emit: Emit): Promise<string | null> {
  try {
    await file.write(drained);
    return null;
  } catch (error) {
    emit({ kind: 'state-not-saved', what: 'drains', error: error as Error });
    return (error as Error).message;
  }
}

/** Forgets the drains of real servers that are no longer configured. */
export async function forgetDrains(
  removed: readonly Endpoint[],
  { manualDrains, file }: { readonly manualDrains: ManualDrains; readonly file: DrainedFile },
  emit: Emit,
): Promise<void> {
  const drained = removed.filter((server) => manualDrains.isDrained(server));
  for (const server of drained) {
    manualDrains.forget(server);
    emit({ kind: 'drained', server, sinceMs: null, restored: false });
  }
  if (drained.length > 0) await save(file, manualDrains.drained, emit);
}

interface ControlParts {
  readonly virtualServer: Endpoint;
  /** Those that are configured now. */
  readonly realServers: () => readonly Endpoint[];
  readonly manualDrains: ManualDrains;
  readonly file: DrainedFile;
  readonly ipvs: Ipvs;
  readonly report: () => Report;
  readonly emit: Emit;
}

/** Answers `lvscare status`, `drain` and `undrain` until disposed of; where that cannot be, says so and does without. */
export async function openControl(log: Logger, parts: ControlParts): Promise<AsyncDisposable> {
  const { virtualServer } = parts;
  const controlled: Controlled = {
    status: () => statusOf(virtualServer, parts),
    async setDrained(text, request) {
      const known = parts.realServers();
      const server = known.find((one) => one.text === text);
      if (server === undefined) return { kind: 'unknown', known: known.map((one) => one.text) };
      const why = refusal(server, request, parts);
      if (why !== null) return { kind: 'refused', why };
      return { kind: 'done', outcome: await setDrained(virtualServer, server, request, parts) };
    },
  };
  try {
    const directory = runDirectory();
    await directory.make();
    const file = directory.file(virtualServer.text, 'sock');
    const control = await serveControl(file, controlled);
    log.debug({ event: 'listening', control: file }, `lvscare status is answered at ${file}`);
    return control;
  } catch (error) {
    parts.emit({ kind: 'control-socket-failed', error: error as Error });
    return { [Symbol.asyncDispose]: () => Promise.resolve() };
  }
}

/** Why a drain must not be, in words, or null if it may. */
function refusal(
  server: Endpoint,
  { drained, force, deadlineMs }: DrainRequest,
  { manualDrains, report }: ControlParts,
): string | null {
  // This process was stopped, or short of CPU: the operator was told that nothing changes.
  if (machineNow() >= deadlineMs) return 'the request came after its deadline';
  if (!drained || force || manualDrains.isDrained(server)) return null;
  const [current] = report().virtualServers;
  return refusalOfLast(server.text, current?.servers ?? []);
}

/** How long before the deadline the answer leaves, if the table is not updated by then. */
const ANSWER_MS = 1000;

async function setDrained(
  virtualServer: Endpoint,
  server: Endpoint,
  { drained, deadlineMs }: DrainRequest,
  parts: ControlParts,
): Promise<DrainOutcome> {
  const { manualDrains, file, report, emit } = parts;
  const nowMs = Date.now();
  const changed = drained !== manualDrains.isDrained(server);
  if (changed) emit({ kind: 'drained', server, sinceMs: drained ? nowMs : null, restored: false });
  const following = drained ? manualDrains.drain(server, nowMs) : manualDrains.undrain(server);
  const forgotten = await save(file, manualDrains.drained, emit);
  const answering = new AbortController();
  const leftMs = Math.max(0, deadlineMs - machineNow() - ANSWER_MS);
  const late = systemClock.sleep(leftMs, answering.signal).then(() => 'late' as const);
  const inTime = (await Promise.race([following, late])) !== 'late';
  answering.abort();
  const { table: kernel, error } = await readKernel(parts.ipvs, virtualServer);
  const [current] = report().virtualServers;
  const reported = current?.servers.find((one) => one.server === server.text);
  const destination = kernel?.destinations.find((one) => one.server === server.text) ?? null;
  return {
    virtualServer: virtualServer.text,
    server: server.text,
    drained,
    changed,
    state: reported?.state ?? 'unknown',
    standby: reported?.standby ?? false,
    row: destination === null ? null : { weight: destination.weight, active: destination.active },
    failOpen: current?.failOpen ?? false,
    kernelError: error ?? (inTime ? null : 'the kernel takes long'),
    forgotten,
  };
}

async function statusOf(virtualServer: Endpoint, parts: ControlParts): Promise<Status> {
  const { atMs, program, virtualServers } = parts.report();
  const { table: kernel, error } = await readKernel(parts.ipvs, virtualServer);
  return {
    atMs,
    virtualServers: virtualServers.map((care) => ({
      virtualServer: care.virtualServer,
      lvscare: 'answers',
      program,
      care,
      kernel,
      drained: drainedStatus(parts.manualDrains.drained),
      notes: error === null ? [] : [error],
    })),
  };
}
