/** The report, in Markdown: medians and spread. Pure. */
import { EVENT_NAMES, type EventName } from '../failover/events.js';
import type { EventSample } from '../failover/sample.js';
import type { ScaleSample } from '../scale/scale-sample.js';
import { summarize } from '../statistics.js';
import type { SteadySample } from '../steady/steady.js';
import { combine, type Measured } from './combine.js';
import { amount, seconds, spread, table } from './format.js';
import type { Results } from './results.js';

/** Of one run, for the terminal. */
export function report(results: Results): string {
  return [...heading(results), ...sections(results)].join('\n\n');
}

/** Of several runs, as a page that is kept. `peers` is their order. */
export function resultsPage(runs: readonly Results[], peers: readonly string[]): string {
  const measured = combine(runs, peers);
  return [
    '# Benchmark results',
    'Written by `scripts/write-benchmarks.mjs` from what `npm run bench` measured; ' +
      '[benchmarks.md](benchmarks.md) says what that is.',
    ...runs.flatMap(heading),
    table(['peer', 'settings'], Object.entries(measured.recipes)),
    ...sections(measured),
  ].join('\n\n');
}

function heading({ command, startedAt, finishedAt, machine, errors }: Results): string[] {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  // Where the samples were written says nothing about them.
  const what = command.replace(/ --json[ =]\S+/, '');
  return [
    `\`${what}\`, ${startedAt.slice(0, 16).replace('T', ' ')} UTC${finishedAt === null ? ', **not finished**' : ''}. ` +
      `Kernel ${machine.kernel} (${machine.guest}, ${machine.cpus} CPU); ${versions.join(', ')}.`,
    ...errors.map((error) => `**Failed:** ${firstLine(error)}`),
  ];
}

function sections(measured: Measured): string[] {
  return [...failoverReport(measured), ...steadyReport(measured.steady), ...scaleReport(measured.scale)];
}

// ---- failover

/** A number of each sample; Infinity for what did not happen within the limit. */
interface Measure {
  readonly title: string;
  readonly of: (sample: EventSample) => number;
  readonly show: (value: number) => string;
}

function failoverReport({ failover, limitsMs }: Measured): string[] {
  const peers = Object.keys(failover);
  if (peers.length === 0) return [];
  const events = EVENT_NAMES.filter((event) => peers.some((peer) => failover[peer]?.[event] !== undefined));
  const samples = (peer: string, event: EventName): EventSample[] => failover[peer]?.[event] ?? [];
  const inTime = (limitMs: number) => (value: number) =>
    value === Infinity ? `>${seconds(limitMs)}` : seconds(value);

  const out: Measure = {
    title: 'Out of rotation',
    of: ({ outMs }) => outMs ?? Infinity,
    show: inTime(limitsMs.out),
  };
  const back: Measure = {
    title: 'Back in rotation, from the recovery on',
    of: ({ backMs }) => backMs ?? Infinity,
    show: inTime(limitsMs.back),
  };
  const hang: Measure = {
    title: 'How long a busy established connection hangs (0.1 s between requests)',
    of: ({ busy }) => (busy.untilBack ? Infinity : busy.hangMs),
    show: (value) => (value === Infinity ? 'until back' : seconds(value)),
  };
  const failures: Measure = {
    title: 'Failed client connections, of 27 a second',
    of: (sample) => sample.failures,
    show: amount,
  };
  const last: Measure = {
    title: 'Begin of the last client connection that failed',
    of: ({ lastFailureMs }) => lastFailureMs,
    show: seconds,
  };

  const medians = (measure: Measure): string =>
    table(
      [measure.title, ...events],
      peers.map((peer) => [
        peer,
        ...events.map((event) => spread(summarize(samples(peer, event).map(measure.of)), measure.show)),
      ]),
    );

  const measures = [out, failures, last, hang, back];
  return [
    '## Failover: medians (least to most)',
    ...measures.map(medians),
    whatBecameOfIt(peers, events, samples),
    besides(peers, events, samples),
  ];
}

type Samples = (peer: string, event: EventName) => readonly EventSample[];

/** How the kept connection ended, by peer and event. */
function whatBecameOfIt(peers: readonly string[], events: readonly EventName[], samples: Samples): string {
  return table(
    ['What became of that connection', ...events],
    peers.map((peer) => [
      peer,
      ...events.map((event) => {
        const counts = new Map<string, number>();
        for (const { busy } of samples(peer, event)) {
          const end = busy.ended ?? 'kept';
          counts.set(end, (counts.get(end) ?? 0) + 1);
        }
        return [...counts].map(([end, count]) => `${count} ${end}`).join(', ');
      }),
    ]),
  );
}

/** What tells how far the numbers can be trusted. */
function besides(peers: readonly string[], events: readonly EventName[], samples: Samples): string {
  return table(
    ['', 'healthy servers taken out', 'busy share of the CPU, median'],
    peers.map((peer) => {
      const all = events.flatMap((event) => samples(peer, event));
      const falsely = all.reduce((sum, sample) => sum + sample.falseVerdicts, 0);
      const load = summarize(all.map((sample) => sample.load))?.median ?? 0;
      return [peer, `${falsely} in ${all.length} events`, `${Math.round(load * 100)} %`];
    }),
  );
}

// ---- steady state

function steadyReport(steady: Results['steady']): string[] {
  const peers = Object.entries(steady);
  if (peers.length === 0) return [];
  const columns: readonly (readonly [string, (sample: SteadySample) => number, (value: number) => string])[] =
    [
      ['CPU s/min', ({ cpuS }) => cpuS, (value) => value.toFixed(2)],
      ['RSS', ({ rssKiB }) => rssKiB, mebibytes],
      ['anonymous', ({ anonymousKiB }) => anonymousKiB, mebibytes],
      ['connections/min', ({ connections }) => connections, amount],
      ['handshakes/min', ({ handshakes }) => handshakes, amount],
      ['requests/min', ({ requests }) => requests, amount],
      ['packets/min', ({ packets }) => packets, amount],
      ["apiserver's CPU s/min", ({ apiserverCpuS }) => apiserverCpuS, (value) => value.toFixed(2)],
    ];
  const head = columns.map(([title]) => title);
  return [
    '## Steady state, three real servers, no clients',
    table(
      ['', ...head],
      peers.map(([peer, sample]) => [peer, ...columns.map(([, of, show]) => show(of(sample)))]),
    ),
  ];
}

function mebibytes(kib: number): string {
  return `${(kib / 1024).toFixed(1)} MiB`;
}

// ---- scale

function scaleReport(scale: readonly ScaleSample[]): string[] {
  if (scale.length === 0) return [];
  const head = [
    ...['peer', 'VS', 'RS each', 'until all in', 'CPU s/min', 'RSS', 'notices a kill'],
    ...['a reload', 'longest pause of probes'],
    ...['a reconcile', 'loop delay p99', 'most'],
  ];
  return [
    '## Scale',
    table(
      head,
      scale.map((sample) => [
        sample.peer,
        String(sample.virtualServers),
        String(sample.realServers),
        sample.startMs === null ? 'not within the limit' : seconds(sample.startMs),
        sample.cpuS.toFixed(2),
        mebibytes(sample.rssKiB),
        spread(summarize(sample.noticeMs.map((ms) => ms ?? Infinity)), noticed),
        spread(summarize(sample.reloadMs.map((ms) => ms ?? Infinity)), noticed),
        seconds(sample.longestPauseMs),
        spread(summarize(sample.reconcileMs), milliseconds),
        sample.loopDelayMs === null ? '' : milliseconds(sample.loopDelayMs.p99),
        sample.loopDelayMs === null ? '' : milliseconds(sample.loopDelayMs.max),
      ]),
    ),
  ];
}

function noticed(ms: number): string {
  return ms === Infinity ? 'not within the limit' : seconds(ms);
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(1)} ms`;
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
