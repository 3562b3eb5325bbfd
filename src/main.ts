#!/usr/bin/env node
/** The program's edge: the only place that touches `process`. */
import { closeSync, fstatSync } from 'node:fs';
import inspector from 'node:inspector';
import process from 'node:process';
import { isatty } from 'node:tty';
import v8 from 'node:v8';
import { isMainThread, workerData } from 'node:worker_threads';
import { readBuildInfo } from './cli/build-info.js';
import { readCommandLine, type Command } from './cli/command-line.js';
import { readDaemonConfig, type DaemonConfig } from './config/care-config.js';
import { readProbeCommandConfig } from './config/probe-command-config.js';
import { readAllSettings, readSettings } from './config/config-file.js';
import { Settings } from './config/settings.js';
import { readDrainConfig, readStatusConfig } from './config/status-config.js';
import { UsageError } from './config/usage-error.js';
import { plainPaint, terminalPaint } from './text/paint.js';
import type { Usage } from './daemon/http.js';
import type { Output, Screen } from './cli/output.js';

const DONE = 0;
const FAILED = 1;
const WRONG_ARGUMENTS = 2;

/** The standard descriptors that are a terminal at the start. */
const TERMINALS = [0, 1, 2].filter((descriptor) => isatty(descriptor));
const terminalsGone = (): number[] => TERMINALS.filter(isGone);

async function main(): Promise<number> {
  try {
    const command = await readCommandLine(process.argv.slice(2), helpWidth(), process.env);
    switch (command.kind) {
      case 'print':
        output().out(command.text.endsWith('\n') ? command.text : `${command.text}\n`);
        return DONE;
      case 'run':
        return exitCodeOf(await RUN[command.name](command));
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

/** V8 lets the space for new objects grow to 16 MiB and more while many virtual servers start, and hardly ever shrinks it again. */
function keepHeapSmall(): void {
  v8.setFlagsFromString('--semi-space-growth-factor=1');
}

type Run = Extract<Command, { kind: 'run' }>;

/** Each command, by its name. Resolves to whether it was done, or to an exit code of its own. */
const RUN: Readonly<Record<Run['name'], (command: Run) => Promise<boolean | number> | boolean>> = {
  care: runCare,
  status: runStatus,
  drain: (command) => runDrain(command, true),
  undrain: (command) => runDrain(command, false),
  doctor: runDoctor,
  probe: runProbe,
  config: runConfig,
  manifest: runManifest,
  version: printVersion,
};

function exitCodeOf(done: boolean | number): number {
  if (typeof done === 'number') return done;
  return done ? DONE : FAILED;
}

function helpWidth(): number {
  return Math.min(process.stdout.columns || 100, 120);
}

function printVersion({ given }: Run): boolean {
  const build = readBuildInfo();
  const short = new Settings(given, {}).read('short');
  output().out(short ? `${build.gitVersion}\n` : `${JSON.stringify(build, null, 2)}\n`);
  return true;
}

async function runStatus({ given }: Run): Promise<boolean | number> {
  const config = readStatusConfig(new Settings(given, {}));
  const { runStatusCommand } = await import('./commands/status.js');
  return await runStatusCommand(config, screen(), untilSignal([...ENDING, 'SIGHUP']));
}

async function runDrain({ name, given, words: [word = ''] }: Run, drained: boolean): Promise<boolean> {
  const config = readDrainConfig(`lvscare ${name}`, new Settings(given, {}), word);
  const { runDrainCommand } = await import('./commands/drain.js');
  return await runDrainCommand(config, drained, output());
}

async function runConfig({ given, words: [file = ''] }: Run): Promise<boolean> {
  const json = new Settings(given, {}).read('json');
  const { runConfigCommand } = await import('./commands/config.js');
  return await runConfigCommand({ file, json, environment: process.env }, output());
}

async function runManifest({ given, spelled }: Run): Promise<boolean> {
  const { runManifestCommand } = await import('./commands/manifest.js');
  const program = {
    image: readBuildInfo().image ?? null,
    interpreter: process.execPath,
    script: process.argv[1] ?? '',
  };
  const { text, notes } = await runManifestCommand(given, program, spelled);
  const to = output();
  for (const note of notes) to.note(`lvscare: ${note}`);
  to.out(text);
  return true;
}

async function runCare({ given, spelled, words: stray }: Run): Promise<boolean> {
  // From the start: without a listener they end the process.
  const others = listenToOtherSignals();
  const readConfig = async (): Promise<DaemonConfig> =>
    readDaemonConfig(await readAllSettings(given, process.env, spelled), process.env);
  const config = await readConfig();
  // Only now: help, version and wrong arguments need not wait for HTTP and netlink to be loaded.
  const { createLogger } = await import('./log/logger.js');
  keepHeapSmall();
  const { runCareCommand } = await import('./commands/care.js');

  const { log, ...written } = await createLogger(config.log, {
    terminal: process.stdout.isTTY,
    colours: showsColours(),
  });
  for (const text of stray)
    log.warn({ event: 'stray-argument' }, `ignoring the stray argument ${JSON.stringify(text)}`);
  for (const { text } of config.notes) log.warn(text);
  const { gitVersion, gitCommit } = readBuildInfo();
  const program = {
    version: gitVersion,
    commit: gitCommit,
    pid: process.pid,
    usage: usageOfProcess,
    readConfig,
    onReload: (listener: () => void) => {
      reload = listener;
    },
    onSummary: (listener: () => void) => {
      logSummary = listener;
    },
    module: new URL(import.meta.url),
  };
  let reload: (() => void) | null = null;
  let logSummary: (() => void) | null = null;
  // The rules stay: an upgrade must not cut the node off.
  const stopping = untilSignal(ENDING, (name) => {
    log.info({ event: 'stopping', signal: name }, `${name}: stopping`);
  });
  others.onSignal = (name, terminalIsGone) => {
    if (terminalIsGone)
      log.info({ event: 'stopping', signal: name }, `${name}: stopping, because its terminal is gone`);
    else if (name === 'SIGHUP' && reload !== null) {
      log.info({ event: 'reloading', signal: name }, `${name}: reading the configuration again`);
      reload();
    } else if (name === 'SIGUSR1' && logSummary !== null) logSummary();
    else
      log.warn({ event: 'signal-ignored', signal: name }, `${name}: ignored; only SIGTERM and SIGINT end it`);
  };
  try {
    return await runCareCommand(config, program, log, AbortSignal.any([stopping, others.hangup]));
  } finally {
    written.flush();
  }
}

async function runDoctor({ given, spelled }: Run): Promise<boolean> {
  const { runDoctorCommand } = await import('./commands/doctor.js');
  const request = { given, spelled, environment: process.env, pid: process.pid, uid: effectiveUid() };
  const to = output();
  const signal = untilSignal(ENDING, () => {
    to.note('lvscare: stopped before everything was looked at');
    // It only looks: if it hangs, nothing waits for it.
    process.exit(FAILED);
  });
  return await runDoctorCommand(request, to, signal);
}

async function runProbe({ given, spelled }: Run): Promise<boolean> {
  const config = readProbeCommandConfig(await readSettings(given, process.env, spelled));
  const { runProbeCommand } = await import('./commands/probe.js');
  return await runProbeCommand(config, output(), untilSignal(ENDING));
}

/** Standard output and error, for people. */
function output(): Output {
  // Who reads no further, such as head, is no fault of ours.
  process.stdout.on('error', () => process.exit(DONE));
  return {
    paint: showsColours() ? terminalPaint : plainPaint,
    out: (text) => {
      process.stdout.write(text);
    },
    note: (line) => {
      process.stderr.write(`${line}\n`);
    },
  };
}

function screen(): Screen {
  const { stdout } = process;
  return {
    ...output(),
    size: () => (isScreen() ? { columns: stdout.columns || 80, rows: stdout.rows || 24 } : null),
    onResize: (listener) => {
      stdout.on('resize', listener);
    },
  };
}

function isScreen(): boolean {
  return process.stdout.isTTY && process.env['TERM'] !== 'dumb';
}

/** With NO_COLOR (no-color.org) there are none. */
function showsColours(): boolean {
  return isScreen() && (process.env['NO_COLOR'] ?? '') === '';
}

function effectiveUid(): number {
  return process.geteuid?.() ?? 0;
}

function usageOfProcess(): Usage {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return { cpuSeconds: (user + system) / 1e6, residentBytes: rss, heapUsedBytes: heapUsed };
}

const ENDING = ['SIGTERM', 'SIGINT'] as const;

/** When to look whether a terminal has ended after the shell on it. */
const TERMINAL_ENDS_MS = [1000, 3000, 10_000];

/** Whether a terminal has been hung up, or its other end has closed: then the kernel has removed its device file. */
function isGone(terminal: number): boolean {
  return !isatty(terminal) || fstatSync(terminal).nlink === 0;
}

interface OtherSignals {
  /** Aborts at a SIGHUP that came because the terminal is gone. */
  readonly hangup: AbortSignal;
  /** What to do at each signal. */
  onSignal: (name: string, terminalIsGone: boolean) => void;
}

/**
 * Signals that would end the process or open a debugger. At SIGHUP from the terminal on which it was started, which closed, `lvscare care`
 * ends as by SIGTERM.
 */
function listenToOtherSignals(): OtherSignals {
  const hangup = new AbortController();
  const signals: OtherSignals = { hangup: hangup.signal, onSignal: () => undefined };
  for (const name of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const)
    process.on(name, () => {
      const isHangup = name === 'SIGHUP';
      const endIfTerminalIsGone = (): boolean => {
        if (terminalsGone().length === 0) return false;
        signals.onSignal(name, true);
        hangup.abort(name);
        return true;
      };
      if (isHangup && endIfTerminalIsGone()) return;
      signals.onSignal(name, false);
      // A shell that ends before its terminal does has the kernel send the signal, too, and no other one follows.
      if (isHangup) for (const afterMs of TERMINAL_ENDS_MS) setTimeout(endIfTerminalIsGone, afterMs).unref();
    });
  return signals;
}

function untilSignal(
  names: readonly NodeJS.Signals[],
  onSignal: (name: string) => void = () => undefined,
): AbortSignal {
  const stopping = new AbortController();
  for (const name of names) {
    process.once(name, () => {
      onSignal(name);
      stopping.abort(name);
    });
  }
  return stopping.signal;
}

if (isMainThread) {
  // Without a listener Node.js opens its debugger at SIGUSR1, and every user of this machine could give orders to it. It did so if the
  // signal came while Node.js itself started.
  process.on('SIGUSR1', () => undefined);
  if (!process.execArgv.some((arg) => arg.startsWith('--inspect'))) inspector.close();
  process.exitCode = await main();
  // At its end Node.js resets the terminal that it was started on, and aborts if that is gone.
  for (const descriptor of terminalsGone()) closeSync(descriptor);
} else {
  const { runComparison } = await import('./daemon/bcrypt.js');
  await runComparison(workerData as Parameters<typeof runComparison>[0]);
}
