/** `lvscare care`, composed: the one place that knows every part of it. */
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { care, type CareParts } from './care/care.js';
import { dryWork } from './care/dry-run.js';
import { cleanUp, setUpOnce } from './care/once.js';
import type { Prober, Reporter, VirtualServerTable } from './care/ports.js';
import { systemClock } from './clock.js';
import type { CareConfig } from './config/care-config.js';
import { kernelChanges } from './kernel/changes.js';
import { composeClean, composeUpkeep, type KernelHandles } from './kernel-side.js';
import { logReporter } from './log/log-reporter.js';
import { takePrecedence } from './priority.js';
import { Ipvs, Rtnetlink, setTcpLiveness } from './netlink/index.js';

/** Does what the configuration says until the signal aborts. Resolves to whether it was done. */
// ts-unused-exports:disable-next-line
export async function runCareCommand(
  config: CareConfig,
  version: string,
  log: Logger,
  signal: AbortSignal,
): Promise<boolean> {
  await using ipvs = Ipvs.open();
  await using rtnetlink = Rtnetlink.open();
  const handles = { ipvs, rtnetlink };
  switch (config.task) {
    case 'care':
      await takeCare(config, version, log, handles, signal);
      return true;
    case 'run-once': {
      const kept = await composeUpkeep(config, log, handles);
      return await setUpOnce(config.realServers, config.policy, {
        ...kept,
        reporter: reporterFor(config, log),
      });
    }
    case 'clean':
      return await clean(config, log, handles);
  }
}

async function takeCare(
  config: CareConfig,
  version: string,
  log: Logger,
  handles: KernelHandles,
  signal: AbortSignal,
): Promise<void> {
  const { virtualServer, realServers, policy, dryRun } = config;
  const refused = takePrecedence();
  if (refused !== null) log.debug(`running at the usual priority: ${refused.message}`);
  log.info(
    summary(config, version),
    `taking care of ${virtualServer.text}${dryRun ? ', without changing anything' : ''}`,
  );
  const parts: CareParts = {
    ...(await composeUpkeep(config, log, handles)),
    prober: await composeProber(config, log),
    changes: kernelChanges(handles.rtnetlink, virtualServer),
    clock: systemClock,
    random: Math.random,
    reporter: reporterFor(config, log),
  };
  await refuseWithoutPermission(parts.table);
  await care(realServers, policy, parts, signal);
  log.info(`stopped; ${virtualServer.text} stays as it is`);
}

/** What else cannot be read yet may come to be there while we try again; a capability does not. */
async function refuseWithoutPermission(table: VirtualServerTable): Promise<void> {
  try {
    await table.read();
  } catch (error) {
    if (((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'EPERM') throw error;
  }
}

async function clean(config: CareConfig, log: Logger, handles: KernelHandles): Promise<boolean> {
  const { virtualServer, dryRun } = config;
  const { works, forget } = await composeClean(config, handles);
  const { taken, failures } = await cleanUp(dryRun ? works.map(dryWork) : works);
  for (const what of taken) log.info(`${dryRun ? 'would remove' : 'removed'} ${what}`);
  for (const error of failures) log.error({ err: error }, error.message);
  if (taken.length + failures.length === 0) log.info(`nothing of ${virtualServer.text} was there to remove`);
  // What is still there is to be found the next time.
  if (!dryRun && failures.length === 0) await forget();
  return failures.length === 0;
}

function reporterFor({ dryRun }: CareConfig, log: Logger): Reporter {
  return logReporter(log, { dryRun });
}

async function composeProber({ probe }: CareConfig, log: Logger): Promise<Prober> {
  // What only sets up or cleans up need not wait for HTTP to be loaded.
  const { createProber } = await import('./probe/prober.js');
  const { createCredentials } = await import('./probe/credentials.js');
  const credentials = createCredentials(probe.tls, (what, error) => {
    if (error === null) log.info(`${what}: well again`);
    else log.warn({ err: error }, `${what}: ${error.message}; going on with the last that was good`);
  });
  return createProber(probe, { credentials, guard: guardWith(log) });
}

/** Has the kernel ask a server that says nothing each second whether it is still there. */
function guardWith(log: Logger): (socket: Socket, timeoutMs: number) => void {
  let told = false;
  return (socket, timeoutMs) => {
    try {
      setTcpLiveness(socket, {
        keepAliveIdleS: 1,
        keepAliveIntervalS: 1,
        keepAliveProbes: 2,
        userTimeoutMs: Math.round(timeoutMs),
      });
    } catch (error) {
      // Without it a host that vanishes is noticed by the next probe.
      if (!told) log.warn({ err: error }, `kept connections go unguarded: ${(error as Error).message}`);
      told = true;
    }
  };
}

function summary(config: CareConfig, version: string): object {
  return {
    version,
    vs: config.virtualServer.text,
    rs: config.realServers.map((server) => server.text),
    scheduler: config.policy.scheduler,
    mode: config.mode,
    intervalMs: config.policy.intervalMs,
    dryRun: config.dryRun,
  };
}
