#!/usr/bin/env node
/** The program's edge: the only place that touches `process`. */
import process from 'node:process';
import type { Logger } from 'pino';
import { readBuildInfo } from './build-info.js';
import { readCommandLine, type Command } from './cli/command-line.js';
import { CARE_OPTIONS } from './cli/options.js';
import { readCareConfig } from './config/care-config.js';
import { readProbeCommandConfig } from './config/probe-command-config.js';
import { readSettings } from './config/config-file.js';
import { Settings } from './config/settings.js';
import { readDrainConfig, readStatusConfig } from './config/status-config.js';
import type { Output } from './inspect/output.js';
import { UsageError } from './config/usage-error.js';
import type { Usage } from './endpoint-side.js';

const DONE = 0;
const FAILED = 1;
const WRONG_ARGUMENTS = 2;

async function main(): Promise<number> {
  try {
    const command = await readCommandLine(process.argv.slice(2), helpWidth(), process.env);
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
  status: runStatus,
  drain: (command) => runDrain(command, true),
  undrain: (command) => runDrain(command, false),
  doctor: runDoctor,
  probe: runProbe,
  manifest: runManifest,
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

async function runStatus({ given }: Run): Promise<number> {
  const config = readStatusConfig(new Settings(given, {}));
  const { runStatusCommand } = await import('./status-command.js');
  const { stdout, stderr, env } = process;
  const draws = stdout.isTTY && env['TERM'] !== 'dumb';
  const stopping = new AbortController();
  const stop = (): void => {
    stopping.abort();
  };
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(name, stop);
  // Whoever read it has seen enough.
  stdout.on('error', stop);
  const output = {
    write: (text: string) => stdout.write(text),
    complain: (text: string) => stderr.write(text),
    size: () => (draws ? { columns: stdout.columns || 80, rows: stdout.rows || 24 } : null),
    colours: draws && (env['NO_COLOR'] ?? '') === '',
    onResize: (listener: () => void) => stdout.on('resize', listener),
  };
  return (await runStatusCommand(config, effectiveUid(), output, stopping.signal)) ? DONE : FAILED;
}

async function runDrain({ name, given, words: [word = ''] }: Run, drained: boolean): Promise<number> {
  const config = readDrainConfig(`lvscare ${name}`, new Settings(given, {}), word);
  const { runDrainCommand } = await import('./drain-command.js');
  const words = {
    say: (line: string) => process.stdout.write(`${line}\n`),
    complain: (line: string) => process.stderr.write(`lvscare: ${line}\n`),
  };
  return (await runDrainCommand(config, drained, effectiveUid(), words)) ? DONE : FAILED;
}

function effectiveUid(): number {
  return process.geteuid?.() ?? 0;
}

async function runManifest({ given, spelled }: Run): Promise<number> {
  const { runManifestCommand } = await import('./manifest-command.js');
  const { output, notes } = await runManifestCommand(given, readBuildInfo().gitVersion, spelled);
  for (const note of notes) process.stderr.write(`lvscare: ${note}\n`);
  process.stdout.write(output);
  return DONE;
}

async function runCare({ given, spelled, words: stray }: Run): Promise<number> {
  const config = readCareConfig(readSettings(given, process.env, CARE_OPTIONS, spelled), process.env);
  // Only now: help, version and wrong arguments need not wait for HTTP and netlink to be loaded.
  const { createLogger } = await import('./log/logger.js');
  const { runCareCommand } = await import('./care-command.js');

  const terminal = process.stdout.isTTY;
  const colours = terminal && wantsColours(process.env);
  const { log, ...output } = await createLogger(config.log, { terminal, colours });
  for (const text of stray)
    log.warn({ event: 'stray-argument' }, `ignoring the stray argument ${JSON.stringify(text)}`);
  for (const note of config.notes) log.warn(note);
  const { gitVersion, gitCommit } = readBuildInfo();
  const program = {
    version: gitVersion,
    commit: gitCommit,
    pid: process.pid,
    uid: effectiveUid(),
    usage: usageOfProcess,
  };
  try {
    return (await runCareCommand(config, program, log, untilStopped(log))) ? DONE : FAILED;
  } finally {
    output.flush();
  }
}

async function runDoctor({ given, spelled }: Run): Promise<number> {
  const { runDoctorCommand } = await import('./doctor-command.js');
  const request = { given, spelled, environment: process.env, pid: process.pid, uid: effectiveUid() };
  const signal = untilSignal(() => undefined);
  const stopped = new Promise<'stopped'>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve('stopped');
    });
  });
  const fit = await Promise.race([runDoctorCommand(request, output(), signal), stopped]);
  if (fit !== 'stopped') return fit ? DONE : FAILED;
  process.stderr.write('lvscare: stopped before everything was looked at\n');
  // It only looks: whatever hangs, nobody waits for it.
  process.exit(FAILED);
}

async function runProbe({ given, spelled }: Run): Promise<number> {
  const config = readProbeCommandConfig(readSettings(given, process.env, CARE_OPTIONS, spelled));
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
  return {
    colour: process.stdout.isTTY && wantsColours(process.env),
    out: (text) => {
      process.stdout.write(text);
    },
    note: (line) => {
      process.stderr.write(`${line}\n`);
    },
  };
}

function usageOfProcess(): Usage {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return { cpuSeconds: (user + system) / 1e6, residentBytes: rss, heapUsedBytes: heapUsed };
}

/** Whoever sets NO_COLOR (no-color.org) wants none, and a dumb terminal has none. */
function wantsColours({ NO_COLOR: no = '', TERM: terminal }: NodeJS.ProcessEnv): boolean {
  return no === '' && terminal !== 'dumb';
}

/** Aborts at SIGTERM or SIGINT. The rules stay: an upgrade must not cut the node off. */
function untilStopped(log: Logger): AbortSignal {
  return untilSignal((name) => {
    log.info({ event: 'stopping', signal: name }, `${name}: stopping`);
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
