#!/usr/bin/env node
/** The program's edge: the only place that touches `process`. */
import process from 'node:process';
import type { Logger } from 'pino';
import { readBuildInfo } from './build-info.js';
import { readCommandLine, type Command } from './cli/command-line.js';
import { readCareConfig } from './config/care-config.js';
import { Settings } from './config/settings.js';
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

  const terminal = process.stdout.isTTY;
  const log = await createLogger(config.log, { terminal, colours: terminal && wantsColours(process.env) });
  for (const text of stray)
    log.warn({ event: 'stray-argument' }, `ignoring the stray argument ${JSON.stringify(text)}`);
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

/** Whoever sets NO_COLOR (no-color.org) wants none, and a dumb terminal has none. */
function wantsColours({ NO_COLOR: no = '', TERM: terminal }: NodeJS.ProcessEnv): boolean {
  return no === '' && terminal !== 'dumb';
}

/** Aborts at SIGTERM or SIGINT. The rules stay: an upgrade must not cut the node off. */
function untilStopped(log: Logger): AbortSignal {
  const stopping = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      log.info({ event: 'stopping', signal: name }, `${name}: stopping`);
      stopping.abort(name);
    });
  }
  return stopping.signal;
}

process.exitCode = await main();
