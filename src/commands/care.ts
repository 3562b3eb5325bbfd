/** `lvscare care`, composed: the one place that knows every part of it. */
import { once } from 'node:events';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { Semaphore } from '../async/semaphore.js';
import { dryEmit } from '../control-loop/dry-run.js';
import { emitter, type Emit } from '../control-loop/events.js';
import { probeOnce, setUpOnce } from '../control-loop/once.js';
import { SharedMonitors } from '../control-loop/shared-monitors.js';
import { clean } from '../daemon/clean.js';
import { systemClock } from '../daemon/clock.js';
import { composeManualDrains } from '../daemon/control.js';
import { Daemon } from '../daemon/daemon.js';
import { permissionFaults } from '../daemon/file-permissions.js';
import type { HttpService, HttpSources, Usage } from '../daemon/http.js';
import { lockVirtualServer } from '../daemon/instance-lock.js';
import { refuseOtherInterfaces } from '../daemon/interface-of-link.js';
import { composeKernel, type KernelHandles } from '../daemon/kernel.js';
import { takePrecedence } from '../daemon/priority.js';
import { knownServers } from '../daemon/membership.js';
import { SharedProbers } from '../daemon/probing.js';
import { Reloader, type ReadConfig } from '../daemon/reloader.js';
import { VirtualServerUnit, warnOfOwnAddress } from '../daemon/virtual-server-unit.js';
import type { DaemonConfig, UnitConfig } from '../config/care-config.js';
import { UsageError } from '../config/usage-error.js';
import type { LoadedWebConfig } from '../config/web-config.js';
import { nftProgram } from '../host/nft.js';
import { NftRuleset } from '../host/nft-ruleset.js';
import { kernelChanges, SharedKernelChanges } from '../host/route-changes.js';
import { ClientSensor } from '../control-loop/client-sensor.js';
import { clientSockets } from '../ipvs/client-sockets.js';
import { DryRunPlan } from '../log/dry-run-plan.js';
import { eventLog } from '../log/event-log.js';
import { Ipvs, Rtnetlink, SockDiag } from '../netlink/index.js';
import type { Report } from '../report/report.js';
import { summaryOf } from '../report/summary.js';
import type { Endpoint } from '../values/endpoint.js';
import { shuffled } from '../values/shuffled.js';

/** What the signal's reason is when the operator pressed Ctrl-C, who wants to know how it went. */
const BY_HAND = 'SIGINT';

/** The program as it runs. */
interface Program {
  readonly version: string;
  readonly commit: string;
  readonly pid: number;
  readonly usage: () => Usage;
  /** Reads the configuration again. Rejects with a UsageError for a wrong one. */
  readonly readConfig: ReadConfig;
  /** Has a listener called when the configuration is to be read again. */
  readonly onReload: (listener: () => void) => void;
  /** Has a listener called when a summary is to be logged. */
  readonly onSummary: (listener: () => void) => void;
  /** The module that it is started by, which compares passwords on threads. */
  readonly module: URL;
}

/** Does what the configuration says until the signal aborts. Resolves to whether it was done. */
// ts-unused-exports:disable-next-line
export async function runCareCommand(
  config: DaemonConfig,
  program: Program,
  log: Logger,
  signal: AbortSignal,
): Promise<boolean> {
  const web = config.task === 'care' ? await loadWeb(config) : null;
  await using ipvs = Ipvs.open();
  await using rtnetlink = Rtnetlink.open();
  const handles = { ipvs, rtnetlink, ruleset: new NftRuleset(nftProgram()) };
  if (config.task !== 'clean') await refuseOtherInterfaces(config.virtualServers, rtnetlink);
  if (config.task === 'care') {
    await takeCare(config, program, log, web, handles, signal);
    return true;
  }
  let done = true;
  for (const one of unitsOf(config)) {
    // A dry run is in no other's way.
    await using _lock = config.dryRun
      ? null
      : await lockVirtualServer(one.virtualServer, config.task, log, signal);
    const work =
      config.task === 'clean' ? clean(one, log, handles) : setUp(one, config, log, handles, signal);
    done = (await work) && done;
  }
  return done;
}

function unitsOf({ virtualServers, dryRun }: DaemonConfig): readonly UnitConfig[] {
  return virtualServers.map((one) => ({ ...one, dryRun }));
}

/** `--run-once` of one virtual server. Resolves to whether all of it was done. */
async function setUp(
  given: UnitConfig,
  { trust }: DaemonConfig,
  log: Logger,
  handles: KernelHandles,
  signal: AbortSignal,
): Promise<boolean> {
  await warnOfOwnAddress(given, log, handles);
  const { virtualServer, dryRun } = given;
  const plan = new DryRunPlan();
  const logged = emitter(virtualServer, [eventLog(log, systemClock), plan.observe]);
  const emit = dryRun ? dryEmit(logged) : logged;
  const config = { ...given, realServers: await knownServers(given, emit) };
  const { realServers, policy } = config;
  const kernel = await composeKernel(config, emit, handles);
  const { manualDrains } = await composeManualDrains(config, emit);
  const probed = trust
    ? null
    : { ...(await new SharedProbers().use(config, emit)), clock: systemClock, emit };
  const healthy = probed === null ? realServers : await probeOnce(realServers, probed, signal);
  if (signal.aborted) return false;
  if (healthy.length === 0)
    log.warn(
      { event: 'note', vs: virtualServer.text },
      'no real server answered as a healthy one does: all are used',
    );
  // A scheduler begins with one end of its rows. Clients of a node that joins should not all go to the same server on each node.
  const done = await setUpOnce(
    shuffled(realServers, Math.random),
    policy,
    { ...kernel, emit },
    manualDrains,
    healthy,
  );
  if (dryRun) log.info({ event: 'plan', vs: virtualServer.text }, plan.inWords());
  return done;
}

async function takeCare(
  config: DaemonConfig,
  program: Program,
  log: Logger,
  web: LoadedWebConfig | null,
  handles: KernelHandles,
  signal: AbortSignal,
): Promise<void> {
  const { dryRun } = config;
  const refused = takePrecedence();
  if (refused !== null) log.debug({ event: 'priority' }, `running at the usual priority: ${refused.message}`);
  const { version, commit, pid, usage, module } = program;
  const { rtnetlink } = handles;
  const about = { version, commit, pid, host: hostname(), startedAtMs: Date.now(), dryRun };
  // A handle of its own: requests on one wait for each other, and no pass is to wait for a status request.
  await using statusIpvs = Ipvs.open({ timeoutMs: STATUS_MS });
  await using diagnostics = SockDiag.open();
  const clientSensor = new ClientSensor({
    sockets: clientSockets(diagnostics),
    clock: systemClock,
    random: Math.random,
  });
  const report: HttpSources['report'] = (options): Report => ({
    atMs: Date.now(),
    program: about,
    virtualServers: daemon.reports(options),
  });
  for (const { path, evidence, remedy } of await permissionFaults(
    config,
    config.virtualServers.map(({ probe }) => probe),
    web?.keyFile ?? null,
  ))
    log.warn({ event: 'file-permissions', path }, `permissions of ${path}: ${evidence}; ${remedy}`);
  const service = await composeEndpoints(config, log, web, {
    report,
    usage,
    program: module,
    configs: () => daemon.configs,
    reload: () => reloader?.result ?? null,
  });
  const shared = {
    log,
    handles,
    probers: new SharedProbers(),
    monitors: new SharedMonitors({ clock: systemClock, random: Math.random }),
    changes: new SharedKernelChanges((virtualServer) => kernelChanges(rtnetlink, virtualServer)),
    statusIpvs,
    clientSensor,
    observers: service === null ? [] : [service.count.bind(service)],
    cleaning: new Semaphore(1),
    program: about,
    onServers: (one: UnitConfig) => service?.set(one),
    isVirtualServer: ({ text }: Endpoint): boolean =>
      daemon.configs.some(({ virtualServer }) => virtualServer.text === text),
  };
  const daemon: Daemon<UnitConfig> = new Daemon<UnitConfig>({
    signal,
    create: (one) => new VirtualServerUnit(one, shared),
    onRemoved: (virtualServer) => service?.remove(virtualServer),
  });
  const reloader =
    config.file === null
      ? null
      : new Reloader(config, config.file, {
          log,
          clock: systemClock,
          wallClock: Date.now,
          readConfig: program.readConfig,
          apply: (reloaded) => daemon.apply(unitsOf({ ...reloaded, dryRun }), reloaded.removedVirtualServers),
        });
  await daemon.apply(unitsOf(config), config.removedVirtualServers);
  if (reloader !== null)
    program.onReload(() => {
      reloader.request();
    });
  program.onSummary(() => {
    logSummary(report({ history: true }), log);
  });
  const sensing = clientSensor.run(signal);
  await whileServed(service, daemon.emit.bind(daemon), async () => {
    try {
      if (reloader !== null) await reloader.run(signal);
      else if (!signal.aborted) await once(signal, 'abort');
    } finally {
      if (signal.reason === BY_HAND) logSummary(report({ history: true }), log);
      await daemon.stop();
    }
  });
  await sensing;
}

function logSummary(report: Report, log: Logger): void {
  for (const one of report.virtualServers)
    for (const line of summaryOf({ ...report, virtualServers: [one] }))
      log.info({ event: 'summary', vs: one.virtualServer }, line);
}

/** For the kernel to tell what `lvscare status` shows. */
const STATUS_MS = 2000;

/** Rejects with a UsageError for a web configuration that is not valid. */
async function loadWeb({ metricsAddress, webConfigFile }: DaemonConfig): Promise<LoadedWebConfig | null> {
  if (metricsAddress === null || webConfigFile === null) return null;
  const { path, from } = webConfigFile;
  // It reads YAML, for which others need not wait.
  const { loadWebConfig } = await import('../config/web-config.js');
  const loaded = await loadWebConfig(path, from);
  if (metricsAddress.kind === 'unix' && loaded.config.tls !== null)
    throw new UsageError(`tls_server_config in ${path}`, 'no TLS at a Unix socket', metricsAddress.text);
  return loaded;
}

async function composeEndpoints(
  config: DaemonConfig,
  log: Logger,
  web: LoadedWebConfig | null,
  sources: HttpSources,
): Promise<HttpService | null> {
  if (config.metricsAddress === null) return null;
  // Without an address, the start need not wait for all of it to be loaded.
  const { composeEndpoint } = await import('../daemon/http.js');
  return composeEndpoint(config, config.metricsAddress, web, log, sources);
}

/** Does its work while requests are answered, and no longer. */
async function whileServed(
  service: HttpService | null,
  emit: Emit,
  work: () => Promise<void>,
): Promise<void> {
  const ending = new AbortController();
  const serving = service?.run(emit, ending.signal);
  try {
    await work();
  } finally {
    ending.abort();
    await serving;
  }
}
