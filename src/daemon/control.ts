/** What a running `lvscare care` is asked and told by others, composed: its status, and who is drained by hand. */
import type { Logger } from 'pino';
import { ManualDrains, type Drained } from '../control-loop/manual-drains.js';
import type { CareConfig } from '../config/care-config.js';
import { serveControl, type Controlled } from '../control-socket/server.js';
import type { Endpoint } from '../values/endpoint.js';
import { countedTable } from '../ipvs/ipvs-table.js';
import { drainedFile, type DrainedFile } from '../state/drains.js';
import { runDirectory } from '../state/run-directory.js';
import type { Ipvs } from '../netlink/index.js';
import { tableReport, type TableReport } from '../report/counted-report.js';
import type { Report } from '../report/report.js';
import { durationInWords } from '../report/summary.js';
import type { DrainOutcome } from '../status/drain-outcome.js';
import { drainedStatus, type Status } from '../status/status.js';

/** Who is drained, as an earlier start or a command left it, those left out that are no longer configured. */
export async function composeManualDrains(
  { virtualServer, realServers, dryRun }: CareConfig,
  log: Logger,
): Promise<{ readonly manualDrains: ManualDrains; readonly file: DrainedFile }> {
  const file = drainedFile(runDirectory(), virtualServer.text);
  const found = await file.read();
  const drained: Drained = new Map(
    [...found].filter(([server]) => realServers.some(({ text }) => text === server)),
  );
  for (const [server, sinceMs] of drained)
    log.info(
      { event: 'drained', rs: server, drained: true },
      `${server} stays drained: by hand, ${durationInWords(Date.now() - sinceMs)} ago`,
    );
  for (const server of found.keys())
    if (!drained.has(server))
      log.info(
        { event: 'drained', rs: server, drained: false },
        `${server} was drained, and is no longer configured`,
      );
  if (!dryRun && drained.size < found.size)
    await file.write(drained).catch((error: unknown) => {
      log.warn(
        { event: 'forgetful', err: error },
        `who is drained cannot be remembered: ${(error as Error).message}`,
      );
    });
  return { manualDrains: new ManualDrains(drained), file };
}

interface ControlParts {
  readonly manualDrains: ManualDrains;
  readonly file: DrainedFile;
  readonly ipvs: Ipvs;
  readonly report: () => Report;
  /** Hears who is drained, and since when; null for no longer. */
  readonly onDrained: (server: string, sinceMs: number | null) => void;
}

/** Answers `lvscare status`, `drain` and `undrain` until disposed of; where that cannot be, says so and does without. */
export async function openControl(
  { virtualServer, realServers }: CareConfig,
  log: Logger,
  parts: ControlParts,
): Promise<AsyncDisposable> {
  const controlled: Controlled = {
    status: () => statusOf(virtualServer, parts),
    async setDrained(text, drained) {
      const server = realServers.find((one) => one.text === text);
      if (server === undefined) return { kind: 'unknown', known: realServers.map((one) => one.text) };
      return { kind: 'done', outcome: await setDrained(virtualServer, server, drained, log, parts) };
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
    log.warn(
      { event: 'uncontrolled', err: error },
      `lvscare status and drain cannot reach this process: ${(error as Error).message}`,
    );
    return { [Symbol.asyncDispose]: () => Promise.resolve() };
  }
}

async function setDrained(
  virtualServer: Endpoint,
  server: Endpoint,
  drained: boolean,
  log: Logger,
  parts: ControlParts,
): Promise<DrainOutcome> {
  const { manualDrains, file, report, onDrained } = parts;
  const nowMs = Date.now();
  const news = drained !== manualDrains.isDrained(server);
  if (news) {
    onDrained(server.text, drained ? nowMs : null);
    const words = drained ? 'is drained by hand' : 'is no longer drained by hand';
    log.info({ event: 'drained', rs: server.text, drained }, `${server.text} ${words}`);
  }
  const following = drained ? manualDrains.drain(server, nowMs) : manualDrains.undrain(server);
  const forgotten = await file.write(manualDrains.drained).then(
    () => null,
    (error: unknown) => (error as Error).message,
  );
  if (forgotten !== null)
    log.warn({ event: 'forgetful' }, `who is drained cannot be remembered: ${forgotten}`);
  await following;
  const { kernel, error } = await kernelOf(virtualServer, parts);
  const [told] = report().virtualServers;
  const destination = kernel?.destinations.find((one) => one.server === server.text) ?? null;
  return {
    virtualServer: virtualServer.text,
    server: server.text,
    drained,
    changed: news,
    state: told?.servers.find((one) => one.server === server.text)?.state ?? 'unknown',
    row: destination === null ? null : { weight: destination.weight, active: destination.active },
    lastResort: told?.lastResort ?? false,
    kernelError: error,
    forgotten,
  };
}

async function statusOf(virtualServer: Endpoint, parts: ControlParts): Promise<Status> {
  const { atMs, program, virtualServers } = parts.report();
  const { kernel, error } = await kernelOf(virtualServer, parts);
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

async function kernelOf(
  virtualServer: Endpoint,
  { ipvs }: ControlParts,
): Promise<{ readonly kernel: TableReport | null; readonly error: string | null }> {
  try {
    return { kernel: tableReport(await countedTable(ipvs, virtualServer)), error: null };
  } catch (error) {
    return { kernel: null, error: (error as Error).message };
  }
}
