/** `lvscare probe`, composed: what care would see of each server, without doing anything about it. */
import { Semaphore } from '../async/semaphore.js';
import { systemClock } from '../daemon/clock.js';
import type { ProbeCommandConfig } from '../config/probe-command-config.js';
import { endpoint, type Endpoint } from '../values/endpoint.js';
import { step, unknownHealth, type Health } from '../decisions/health.js';
import { inOneLine, harmlessJson } from '../text/one-line.js';
import { forecast, type Forecast } from '../decisions/forecast.js';
import { probeReport, type ProbeReport } from '../inspect/probe-report.js';
import { probeText, tallyLine, watchLine, type Tally } from '../inspect/probe-text.js';
import { runningInstances } from '../daemon/running-instances.js';
import type { Output } from '../cli/output.js';
import { composeAsk, troubleInWords, type OnTrouble } from '../daemon/probing.js';
import { isStatus } from '../status/shape.js';
import { runningIn, type Running } from '../status/running.js';
import type { Status } from '../status/status.js';

/**
 * Asks every server, once or until the signal aborts.
 *
 * @returns Whether each answer was well.
 */
// ts-unused-exports:disable-next-line
export async function runProbeCommand(
  config: ProbeCommandConfig,
  output: Output,
  signal: AbortSignal,
): Promise<boolean> {
  for (const { text } of config.notes) output.note(text);
  const ask = await composeReports(config, (trouble) => {
    output.note(inOneLine(troubleInWords(trouble), 500));
  });
  return config.watch
    ? await watchAll(config, ask, output, signal)
    : await askOnce(config, ask, askRunning(), output, signal);
}

async function askOnce(
  { realServers, json, fall }: ProbeCommandConfig,
  ask: Ask,
  running: Promise<readonly Status[]>,
  output: Output,
  signal: AbortSignal,
): Promise<boolean> {
  const reports = await Promise.all(realServers.map((server) => ask(server, signal)));
  const statuses = await running;
  const seen = realServers.flatMap((server, index) => {
    const report = reports[index];
    if (report === undefined) return [];
    const expected = forecast(server, report.evidence, fall);
    return [{ report, expected, running: runningIn(statuses, server.text) }];
  });
  const ok = reports.every((report) => report.ok);
  if (json) output.out(`${harmlessJson({ ok, fall, servers: seen.map(asJson) }, 2)}\n`);
  else
    for (const one of seen) {
      const words = one.running.map((each) => each.words);
      output.out(probeText(one.report, one.expected, fall, words, output.paint));
    }
  return ok;
}

interface Seen {
  readonly report: ProbeReport;
  readonly expected: Forecast;
  readonly running: ReturnType<typeof runningIn>;
}

interface ServerJson extends ProbeReport {
  /** What care would come to; the state is null while nothing is known. */
  readonly verdict: {
    readonly state: 'up' | 'sick' | 'dead' | null;
    readonly intent: Forecast['intent']['kind'];
  };
  readonly running: readonly Running[];
}

function asJson({ report, expected: { state, intent }, running }: Seen): ServerJson {
  const verdict = { state: state === 'unknown' ? null : state, intent: intent.kind };
  return { ...report, verdict, running: running.map((each) => each.report) };
}

/** How long a running lvscare is waited for: its answer is only an addition to the probe. */
const RUNNING_MS = 1000;

/** What the lvscares of this network namespace say. An lvscare that does not answer is left out. Never rejects. */
async function askRunning(): Promise<readonly Status[]> {
  const around = runningInstances();
  const call = { method: 'GET', path: '/status', timeoutMs: RUNNING_MS } as const;
  const names = await around.list().catch(() => []);
  const answers = await Promise.all(names.map((name) => around.call(name, call).catch(() => null)));
  return answers.flatMap((one) => (one?.kind === 'answered' && isStatus(one.body) ? [one.body] : []));
}

async function watchAll(
  { realServers, json, intervalMs, fall, rise }: ProbeCommandConfig,
  ask: Ask,
  output: Output,
  signal: AbortSignal,
): Promise<boolean> {
  const stopped = (): boolean => signal.aborted;
  const width = Math.max(...realServers.map(({ text }) => text.length));
  const watched = realServers.map((server) => ({
    server,
    health: unknownHealth(systemClock.now()),
    probes: 0,
    failed: 0,
    voids: 0,
    well: NOTHING_WELL,
  }));
  while (!stopped()) {
    const startMs = systemClock.now();
    const reports = await Promise.all(watched.map(({ server }) => ask(server, signal)));
    // What was cut off says nothing.
    if (stopped()) break;
    reports.forEach((report, index) => {
      const one = watched[index];
      if (one === undefined) return;
      one.probes += 1;
      if (report.evidence === null) one.voids += 1;
      else if (!report.ok) one.failed += 1;
      else one.well = countWell(one.well, report.phases.totalMs ?? 0);
      one.health = judged(one.health, report, { fall, rise });
      output.out(
        json
          ? `${harmlessJson({ ...report, state: one.health.state })}\n`
          : watchLine(report, one.health.state, width, output.paint),
      );
    });
    await systemClock.sleep(Math.max(0, intervalMs - (systemClock.now() - startMs)), signal);
  }
  if (!json)
    for (const { server, health, ...counts } of watched) {
      const tally: Tally = { server: server.text, state: health.state, ...counts };
      output.out(tallyLine(tally, width));
    }
  return watched.every(({ failed, voids }) => failed + voids === 0);
}

const NOTHING_WELL = { count: 0, sumMs: 0, leastMs: Infinity, mostMs: 0 };

/** Not the times themselves: a watch may last for weeks. */
function countWell(well: Tally['well'], ms: number): Tally['well'] {
  return {
    count: well.count + 1,
    sumMs: well.sumMs + ms,
    leastMs: Math.min(well.leastMs, ms),
    mostMs: Math.max(well.mostMs, ms),
  };
}

function judged(
  health: Health,
  { evidence }: ProbeReport,
  { fall, rise }: { readonly fall: number; readonly rise: number },
): Health {
  if (evidence === null) return health;
  return step(health, evidence, systemClock.now(), { fall, rise, maxHoldMs: 0 });
}

/** How many are asked at a time: were a thousand, we would be too busy to hear any of them in time. */
const AT_A_TIME = 50;

/** Asks one server once, and says what it saw. */
type Ask = (server: Endpoint, signal: AbortSignal) => Promise<ProbeReport>;

async function composeReports({ probe }: ProbeCommandConfig, onTrouble: OnTrouble): Promise<Ask> {
  const ask = await composeAsk(probe, onTrouble);
  const places = new Semaphore(AT_A_TIME);
  return async (server, signal) => {
    const release = await places.acquire();
    try {
      const answer = await ask(server, signal);
      const askedAt = endpoint(server.family, server.address, probe.port ?? server.port).text;
      return probeReport({ server, askedAt, ...answer }, probe.tls.verify);
    } finally {
      release();
    }
  };
}
