/** `lvscare care`, composed: the one place that knows every part of it. */
import type { Logger } from 'pino';
import { care, type CareParts } from '../control-loop/care.js';
import { dryEmit, dryLeftovers, dryWork } from '../control-loop/dry-run.js';
import { emitter, type Emit, type Observer } from '../control-loop/events.js';
import { cleanUp, probeOnce, setUpOnce } from '../control-loop/once.js';
import type { VirtualServerTable } from '../control-loop/ports.js';
import { systemClock } from '../daemon/clock.js';
import type { CareConfig } from '../config/care-config.js';
import { kernelChanges } from '../host/route-changes.js';
import { composeManualDrains, openControl } from '../daemon/control.js';
import type { HttpService, HttpSources, Usage } from '../daemon/http.js';
import { composeProbes } from '../daemon/probing.js';
import {
  composeClean,
  composeKernel,
  findNodeAddress,
  findOwnInterface,
  type KernelHandles,
} from '../daemon/kernel.js';
import { KernelError } from '../values/errors.js';
import { acquireInstanceLock, processInWords } from '../state/instance-lock.js';
import { eventLog } from '../log/event-log.js';
import { Recorder } from '../report/recorder.js';
import { summaryOf } from '../report/summary.js';
import { takePrecedence } from '../daemon/priority.js';
import { Ipvs, Rtnetlink } from '../netlink/index.js';

/** What the signal's reason is when the operator pressed Ctrl-C, who wants to know how it went. */
const BY_HAND = 'SIGINT';

/** The program as it runs. */
interface Program {
  readonly version: string;
  readonly commit: string;
  readonly pid: number;
  readonly usage: () => Usage;
}

/** Does what the configuration says until the signal aborts. Resolves to whether it was done. */
// ts-unused-exports:disable-next-line
export async function runCareCommand(
  config: CareConfig,
  program: Program,
  log: Logger,
  signal: AbortSignal,
): Promise<boolean> {
  // A dry run is in no other's way.
  await using _lock = config.dryRun ? null : await lock(config, log, signal);
  await using ipvs = Ipvs.open();
  await using rtnetlink = Rtnetlink.open();
  const handles = { ipvs, rtnetlink };
  switch (config.task) {
    case 'care':
      await takeCare(config, program, log, handles, signal);
      return true;
    case 'run-once': {
      await warnOfOwnAddress(config, log, handles);
      const emit = composeEmit(config, [eventLog(log, systemClock)]);
      const kernel = await composeKernel(config, emit, handles);
      const { manualDrains } = await composeManualDrains(config, emit);
      const { realServers, policy, trust } = config;
      const probed = trust ? null : { ...(await composeProbes(config, emit)), clock: systemClock, emit };
      const healthy = probed === null ? realServers : await probeOnce(realServers, probed, signal);
      if (signal.aborted) return false;
      if (healthy.length === 0)
        log.warn(
          { event: 'note', vs: config.virtualServer.text },
          'no real server answered as a healthy one does: all are used',
        );
      return await setUpOnce(realServers, policy, { ...kernel, emit }, manualDrains, healthy);
    }
    case 'clean':
      return await clean(config, log, handles);
  }
}

/** What to do about another lvscare that is at work on the same virtual server. */
const INSTEAD: Readonly<Record<CareConfig['task'], string>> = {
  care: 'one is enough',
  'run-once':
    'stop it first: --run-once probes only once, and the other one may know better which servers are healthy',
  clean: 'stop it first: it would put back at once what --clean removes',
};

/** Keeps a second lvscare from our virtual server; rejects if we are the second. */
async function lock(
  { virtualServer, task }: CareConfig,
  log: Logger,
  signal: AbortSignal,
): Promise<AsyncDisposable> {
  const found = await acquireInstanceLock(virtualServer, { clock: systemClock, signal });
  switch (found.kind) {
    case 'acquired': {
      const { withoutName } = found;
      if (withoutName === null) return { [Symbol.asyncDispose]: found.release };
      log.warn(
        { event: 'lock-squatted', vs: virtualServer.text },
        `instance lock acquired without its name: ${withoutName}`,
      );
      const ending = new AbortController();
      const retrying = takeNameLater(virtualServer, found.takeName, log, ending.signal);
      return {
        async [Symbol.asyncDispose]() {
          ending.abort();
          await retrying;
          await found.release();
        },
      };
    }
    case 'held': {
      const who = `another lvscare (${processInWords(found.by)})`;
      throw new KernelError(
        `${who} is at work on ${virtualServer.text} in this network namespace: ${INSTEAD[task]}`,
        null,
      );
    }
    case 'unavailable':
      log.warn(
        { event: 'lock-not-acquired', vs: virtualServer.text },
        `instance lock not acquired: ${found.why}; a second lvscare could start for ${virtualServer.text}`,
      );
      return { [Symbol.asyncDispose]: () => Promise.resolve() };
  }
}

/** How often the name of a squatted lock is tried again. */
const NAME_MS = 10_000;

async function takeNameLater(
  { text }: CareConfig['virtualServer'],
  takeName: () => Promise<boolean>,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  do await systemClock.sleep(NAME_MS, signal);
  while (!signal.aborted && !(await takeName()));
  if (!signal.aborted)
    log.info({ event: 'lock-squatted', vs: text }, 'instance lock: its name is free again, and taken');
}

async function takeCare(
  config: CareConfig,
  program: Program,
  log: Logger,
  handles: KernelHandles,
  signal: AbortSignal,
): Promise<void> {
  const { virtualServer, realServers, policy, dryRun } = config;
  const refused = takePrecedence();
  if (refused !== null) log.debug({ event: 'priority' }, `running at the usual priority: ${refused.message}`);
  log.info(
    { event: 'start', ...summary(config, program, await nodeAddressOf(config, handles)) },
    `taking care of ${virtualServer.text}${dryRun ? ', without changing anything' : ''}`,
  );
  await warnOfOwnAddress(config, log, handles);
  const startedAtMs = Date.now();
  const recorder = new Recorder(config, { clock: systemClock, wallClock: Date.now });
  const { version, commit, pid, usage } = program;
  const report: HttpSources['report'] = (options) => ({
    atMs: Date.now(),
    program: { version, commit, pid, startedAtMs, dryRun },
    virtualServers: [recorder.report(options)],
  });
  const service = await composeEndpoints(config, log, { report, usage });
  const emit = composeEmit(config, [
    eventLog(log, systemClock),
    recorder.record.bind(recorder),
    ...(service === null ? [] : [service.count.bind(service)]),
  ]);
  const { manualDrains, file } = await composeManualDrains(config, emit);
  const parts: CareParts = {
    ...(await composeKernel(config, emit, handles)),
    ...(await composeProbes(config, emit)),
    changes: kernelChanges(handles.rtnetlink, virtualServer),
    clock: systemClock,
    random: Math.random,
    emit,
    manualDrains,
  };
  await emitAdopted(parts.table, emit);
  // A handle of its own: requests on one wait for each other, and no pass is to wait for a status request.
  await using ipvs = Ipvs.open({ timeoutMs: STATUS_MS });
  // A dry run leaves the socket to the lvscare that keeps the virtual server.
  await using _control = dryRun
    ? null
    : await openControl(config, log, {
        manualDrains,
        file,
        ipvs,
        report: () => report({ history: true }),
        emit,
      });
  await whileServed(service, () => care(realServers, policy, parts, signal));
  if (signal.reason === BY_HAND)
    for (const line of summaryOf(report({ history: true })))
      log.info({ event: 'summary', vs: virtualServer.text }, line);
  log.info({ event: 'stopped', vs: virtualServer.text }, `stopped; ${virtualServer.text} stays as it is`);
}

function composeEmit(
  { virtualServer, dryRun }: CareConfig,
  observers: readonly [Observer, ...Observer[]],
): Emit {
  const emit = emitter(virtualServer, observers);
  return dryRun ? dryEmit(emit) : emit;
}

/** For the kernel to tell what `lvscare status` shows. */
const STATUS_MS = 2000;

async function composeEndpoints(
  config: CareConfig,
  log: Logger,
  sources: HttpSources,
): Promise<HttpService | null> {
  if (config.metricsAddress === null) return null;
  // Without an address, the start need not wait for all of it to be loaded.
  const { composeEndpoint } = await import('../daemon/http.js');
  return composeEndpoint(config, config.metricsAddress, log, sources);
}

/** Does its work while requests are answered, and no longer. */
async function whileServed(service: HttpService | null, work: () => Promise<void>): Promise<void> {
  const ending = new AbortController();
  const serving = service?.run(ending.signal);
  try {
    await work();
  } finally {
    ending.abort();
    await serving;
  }
}

/** What cannot be read yet may be there later; but without the capability it never will, so the start fails. */
async function emitAdopted(table: VirtualServerTable, emit: Emit): Promise<void> {
  try {
    emit({ kind: 'adopted', found: await table.read() });
  } catch (error) {
    if (((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'EPERM') throw error;
  }
}

async function clean(config: CareConfig, log: Logger, handles: KernelHandles): Promise<boolean> {
  const { virtualServer, dryRun } = config;
  const { works, leftovers, forget } = await composeClean(config, log, handles);
  const { taken, left, failures } = dryRun
    ? await cleanUp(works.map(dryWork), leftovers.map(dryLeftovers))
    : await cleanUp(works, leftovers);
  for (const what of taken)
    log.info({ event: 'clean', what }, `${dryRun ? 'would remove' : 'removed'} ${what}`);
  for (const what of left) log.info({ event: 'clean', what }, `${dryRun ? 'would leave' : 'left'} ${what}`);
  for (const error of failures) log.error({ event: 'clean', err: error }, error.message);
  if (taken.length + left.length + failures.length === 0)
    log.info({ event: 'clean' }, `nothing of ${virtualServer.text} was there to remove`);
  // What is still there is to be found the next time.
  if (!dryRun && failures.length === 0) await forget();
  return failures.length === 0;
}

/** A virtual server at an address of an interface takes the port from the node itself. */
async function warnOfOwnAddress(
  config: CareConfig,
  log: Logger,
  { rtnetlink }: KernelHandles,
): Promise<void> {
  const held = await findOwnInterface(config, rtnetlink);
  if (held === null) return;
  const { address, port, text } = config.virtualServer;
  log.warn(
    { event: 'own-address', vs: text, interface: held },
    `${address} is an address of this node, on ${held}: clients of its port ${port}, other hosts too, are given to the real servers; choose a --vs that no host has`,
  );
}

/** NODE_IP as of now; null while nothing tells it. */
async function nodeAddressOf(config: CareConfig, { rtnetlink }: KernelHandles): Promise<string | null> {
  return await findNodeAddress(config, rtnetlink).then(
    ({ address }) => address,
    () => null,
  );
}

function summary(config: CareConfig, { version, commit, pid }: Program, nodeAddress: string | null): object {
  return {
    version,
    commit,
    pid,
    vs: config.virtualServer.text,
    rs: config.realServers.map((server) => server.text),
    scheduler: config.policy.scheduler,
    mode: config.mode,
    nodeAddress,
    masquerade: config.masquerade,
    intervalMs: config.policy.intervalMs,
    dryRun: config.dryRun,
  };
}
