/** `lvscare care`, composed: the one place that knows every part of it. */
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { care, type CareParts } from './care/care.js';
import { dryTable, dryUpkeep } from './care/dry-run.js';
import { cleanUp, setUpOnce } from './care/once.js';
import type { Prober, Upkeep } from './care/ports.js';
import { systemClock } from './clock.js';
import type { CareConfig } from './config/care-config.js';
import { kernelChanges } from './kernel/changes.js';
import { ipvsTable } from './kernel/ipvs-table.js';
import { localRoute } from './kernel/local-route.js';
import { masquerade, noMasquerade } from './kernel/masquerade.js';
import { nftProgram } from './kernel/nft.js';
import { nodeAddress, type NodeAddress } from './kernel/node-address.js';
import { sysctl } from './kernel/sysctl.js';
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
  const parts = compose(config, log, ipvs, rtnetlink);
  const { virtualServer, realServers, policy, dryRun } = config;
  switch (config.task) {
    case 'care': {
      const manner = dryRun ? ', without changing anything' : '';
      const refused = takePrecedence();
      if (refused !== null) log.debug(`running at the usual priority: ${refused.message}`);
      log.info(summary(config, version), `taking care of ${virtualServer.text}${manner}`);
      await care(realServers, policy, { ...parts, prober: await composeProber(config, log) }, signal);
      log.info(`stopped; ${virtualServer.text} stays as it is`);
      return true;
    }
    case 'run-once':
      return await setUpOnce(realServers, policy, parts);
    case 'clean': {
      const taken = await cleanUp(virtualServer, parts);
      for (const what of taken) log.info(`${dryRun ? 'would remove' : 'removed'} ${what}`);
      if (taken.length === 0) log.info(`nothing of ${virtualServer.text} was there to remove`);
      return true;
    }
  }
}

function compose(
  config: CareConfig,
  log: Logger,
  ipvs: Ipvs,
  rtnetlink: Rtnetlink,
): Omit<CareParts, 'prober'> {
  const table = ipvsTable(ipvs, config.virtualServer);
  const expireNodest = sysctl(
    'net.ipv4.vs.expire_nodest_conn',
    '1',
    'connections to a dead real server hang instead of being reset',
  );
  const route = localRoute(rtnetlink, config.virtualServer, nodeAddressTold(config, log, rtnetlink));
  // Cleaning takes away what any mode may have made.
  const routed = config.mode === 'local' || config.task === 'clean';
  const upkeeps: Upkeep[] = [expireNodest, composeMasquerade(config, log), ...(routed ? [route] : [])];
  return {
    table: config.dryRun ? dryTable(table) : table,
    upkeeps: config.dryRun ? upkeeps.map(dryUpkeep) : upkeeps,
    changes: kernelChanges(rtnetlink, config.virtualServer),
    clock: systemClock,
    random: Math.random,
    reporter: logReporter(log, { dryRun: config.dryRun }),
  };
}

function composeMasquerade({ virtualServer, masquerade: wanted, task }: CareConfig, log: Logger): Upkeep {
  const nft = nftProgram();
  if (wanted) return masquerade(nft, virtualServer);
  return noMasquerade(nft, virtualServer, ({ message }) => {
    // Who never masqueraded need not have nft; who cleans up is to know what was not looked for.
    log[task === 'clean' ? 'warn' : 'debug'](`no masquerade table was looked for: ${message}`);
  });
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

/** NODE_IP, looked up each time, with a line in the log when it is first known and when it changes. */
function nodeAddressTold(config: CareConfig, log: Logger, rtnetlink: Rtnetlink): () => Promise<string> {
  let told: NodeAddress | null = null;
  return async () => {
    const found = await nodeAddress(rtnetlink, {
      given: config.nodeAddress,
      family: config.virtualServer.family,
      realServers: config.realServers,
    });
    if (found.address !== told?.address) {
      log.info(
        { nodeAddress: found.address, from: found.from },
        `this node is ${found.address} (${found.from})`,
      );
      told = found;
    }
    return found.address;
  };
}

function summary(config: CareConfig, version: string): object {
  return {
    version,
    vs: config.virtualServer.text,
    rs: config.realServers.map((server) => server.text),
    scheduler: config.policy.scheduler,
    mode: config.mode,
    masquerade: config.masquerade,
    intervalMs: config.policy.intervalMs,
    dryRun: config.dryRun,
  };
}
