#!/usr/bin/env node
/** The program's edge: the only place that touches `process`. */
import process from 'node:process';
import type { Logger } from 'pino';
import { readBuildInfo } from './build-info.js';
import { readCommandLine, type Command } from './cli/command-line.js';
import { readCareConfig } from './config/care-config.js';
import { readProbeCommandConfig } from './config/probe-command-config.js';
import { Settings } from './config/settings.js';
import type { Output } from './inspect/output.js';
import { UsageError } from './config/usage-error.js';

const DONE = 0;
const FAILED = 1;
const WRONG_ARGUMENTS = 2;

async function main(): Promise<number> {
  try {
    const command = await readCommandLine(process.argv.slice(2), helpWidth());
    switch (command.kind) {
      case 'print':
        process.stdout.write(command.text.endsWith('\n') ? command.text : `${command.text}\n`);
        return DONE;
      case 'run':
        return await RUN[command.name](command);
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

type Run = Extract<Command, { kind: 'run' }>;

/** Each command, by its name. */
const RUN: Readonly<Record<Run['name'], (command: Run) => Promise<number> | number>> = {
  care: runCare,
  doctor: runDoctor,
  probe: runProbe,
  version: printVersion,
};

function helpWidth(): number {
  return Math.min(process.stdout.columns || 100, 120);
}

function printVersion({ given }: Run): number {
  const build = readBuildInfo();
  const short = new Settings(given, {}).switch('short', false);
  process.stdout.write(short ? `${build.gitVersion}\n` : `${JSON.stringify(build, null, 2)}\n`);
  return DONE;
}

async function runCare({ given, words: stray }: Run): Promise<number> {
  const config = readCareConfig(new Settings(given, process.env), process.env);
  // Only now: help, version and wrong arguments need not wait for HTTP and netlink to be loaded.
  const { createLogger } = await import('./log/logger.js');
  const { runCareCommand } = await import('./care-command.js');

  const log = await createLogger(config.log, process.stdout.isTTY);
  for (const text of stray) log.warn(`ignoring the stray argument ${JSON.stringify(text)}`);
  for (const note of config.notes) log.warn(note);
  const { gitVersion, gitCommit } = readBuildInfo();
  const program = {
    version: gitVersion,
    commit: gitCommit,
    pid: process.pid,
    uid: process.geteuid?.() ?? 0,
  };
  return (await runCareCommand(config, program, log, untilStopped(log))) ? DONE : FAILED;
}

async function runDoctor({ given }: Run): Promise<number> {
  const { runDoctorCommand } = await import('./doctor-command.js');
  const request = { given, environment: process.env, pid: process.pid, uid: process.geteuid?.() ?? 0 };
  return (await runDoctorCommand(
    request,
    output(),
    untilSignal(() => undefined),
  ))
    ? DONE
    : FAILED;
}

async function runProbe({ given }: Run): Promise<number> {
  const config = readProbeCommandConfig(new Settings(given, process.env));
  const { runProbeCommand } = await import('./probe-command.js');
  return (await runProbeCommand(
    config,
    output(),
    untilSignal(() => undefined),
  ))
    ? DONE
    : FAILED;
}

/** Standard output and error, for people. */
function output(): Output {
  // Who reads no further, such as head, is no fault of ours.
  process.stdout.on('error', () => process.exit(DONE));
  const { NO_COLOR, TERM } = process.env;
  return {
    colour: process.stdout.isTTY && (NO_COLOR ?? '') === '' && TERM !== 'dumb',
    out: (text) => {
      process.stdout.write(text);
    },
    note: (line) => {
      process.stderr.write(`${line}\n`);
    },
  };
}

/** Aborts at SIGTERM or SIGINT. The rules stay: an upgrade must not cut the node off. */
function untilStopped(log: Logger): AbortSignal {
  return untilSignal((name) => {
    log.info(`${name}: stopping`);
  });
}

function untilSignal(onSignal: (name: string) => void): AbortSignal {
  const stopping = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      onSignal(name);
      stopping.abort(name);
    });
  }
  return stopping.signal;
}

process.exitCode = await main();
