#!/usr/bin/env node
/** The one place that composes the program, and the only one that touches `process`. */
import process from 'node:process';
import type { Logger } from 'pino';
import { readBuildInfo } from './build-info.js';
import { care, type CareParts } from './care/care.js';
import { dryTable, dryUpkeep } from './care/dry-run.js';
import { cleanUp, setUpOnce } from './care/once.js';
import type { Upkeep } from './care/ports.js';
import { readCommandLine, type Command } from './cli/command-line.js';
import { systemClock } from './clock.js';
import { readCareConfig, type CareConfig } from './config/care-config.js';
import { Settings } from './config/settings.js';
import { UsageError } from './config/usage-error.js';
import { kernelChanges } from './kernel/changes.js';
import { ipvsTable } from './kernel/ipvs-table.js';
import { localRoute } from './kernel/local-route.js';
import { nodeAddress, type NodeAddress } from './kernel/node-address.js';
import { sysctl } from './kernel/sysctl.js';
import { logReporter } from './log/log-reporter.js';
import { createLogger } from './log/logger.js';
import { Ipvs, Rtnetlink } from './netlink/index.js';
import { createProber } from './probe/prober.js';

const DONE = 0;
const FAILED = 1;
const WRONG_ARGUMENTS = 2;

async function main(): Promise<number> {
  try {
    const command = await readCommandLine(process.argv.slice(2), helpWidth());
    switch (command.kind) {
      case 'print':
        process.stdout.write(`${command.text}\n`);
        return DONE;
      case 'version':
        return printVersion(command.short);
      case 'care':
        return await runCare(command);
    }
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n`);
      return WRONG_ARGUMENTS;
    }
    process.stderr.write(`lvscare: ${(error as Error).message}\n`);
    return FAILED;
  }
}

function helpWidth(): number {
  return Math.min(process.stdout.columns || 100, 120);
}

function printVersion(short: boolean): number {
  const build = readBuildInfo();
  process.stdout.write(short ? `${build.gitVersion}\n` : `${JSON.stringify(build, null, 2)}\n`);
  return DONE;
}

async function runCare({ given, stray }: Extract<Command, { kind: 'care' }>): Promise<number> {
  const config = readCareConfig(new Settings(given, process.env), process.env);
  const log = createLogger(config.log, process.stdout.isTTY);
  for (const text of stray) log.warn(`ignoring the stray argument ${JSON.stringify(text)}`);
  for (const note of config.notes) log.warn(note);

  const signal = untilStopped(log);
  await using ipvs = Ipvs.open();
  await using rtnetlink = Rtnetlink.open();
  const parts = compose(config, log, ipvs, rtnetlink);
  switch (config.task) {
    case 'care':
      log.info(
        summary(config),
        `taking care of ${config.virtualServer.text}${config.dryRun ? ', without changing anything' : ''}`,
      );
      await care(config.realServers, config.policy, parts, signal);
      log.info(`stopped; ${config.virtualServer.text} stays as it is`);
      return DONE;
    case 'run-once':
      return (await setUpOnce(config.realServers, config.policy, parts)) ? DONE : FAILED;
    case 'clean': {
      const taken = await cleanUp(config.virtualServer, parts);
      const verb = config.dryRun ? 'would remove' : 'removed';
      for (const what of taken) log.info(`${verb} ${what}`);
      if (taken.length === 0) log.info(`nothing of ${config.virtualServer.text} was there to remove`);
      return DONE;
    }
  }
}

/** Aborts at SIGTERM or SIGINT. The rules stay: an upgrade must not cut the node off. */
function untilStopped(log: Logger): AbortSignal {
  const stopping = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      log.info(`${name}: stopping`);
      stopping.abort();
    });
  }
  return stopping.signal;
}

function compose(config: CareConfig, log: Logger, ipvs: Ipvs, rtnetlink: Rtnetlink): CareParts {
  const table = ipvsTable(ipvs, config.virtualServer);
  const expireNodest = sysctl(
    'net.ipv4.vs.expire_nodest_conn',
    '1',
    'connections to a dead real server hang instead of being reset',
  );
  const route = localRoute(rtnetlink, config.virtualServer, nodeAddressTold(config, log, rtnetlink));
  // Cleaning takes away what any mode may have made.
  const routed = config.mode === 'local' || config.task === 'clean';
  const upkeeps: Upkeep[] = routed ? [expireNodest, route] : [expireNodest];
  return {
    table: config.dryRun ? dryTable(table) : table,
    upkeeps: config.dryRun ? upkeeps.map(dryUpkeep) : upkeeps,
    changes: kernelChanges(rtnetlink, config.virtualServer),
    prober: createProber(config.probe),
    clock: systemClock,
    random: Math.random,
    reporter: logReporter(log, { dryRun: config.dryRun }),
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

function summary(config: CareConfig): object {
  return {
    version: readBuildInfo().gitVersion,
    vs: config.virtualServer.text,
    rs: config.realServers.map((server) => server.text),
    scheduler: config.policy.scheduler,
    mode: config.mode,
    intervalMs: config.policy.intervalMs,
    dryRun: config.dryRun,
  };
}

process.exitCode = await main();
