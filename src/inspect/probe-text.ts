/** A probe for people: a block of lines for each, or, of many probes, a line for each and a summary at the end. */
import type { Forecast } from '../decisions/forecast.js';
import type { HealthState } from '../decisions/health.js';
import type { Paint, Style } from '../text/paint.js';
import type { ChainMember, ProbeReport } from './probe-report.js';

/** More names of a certificate than one reads. */
const MOST_NAMES = 40;

/**
 * @param fall How many failures in a row make a verdict.
 * @param running What the lvscares that are running say of the server, in words.
 */
export function probeText(
  report: ProbeReport,
  forecast: Forecast,
  fall: number,
  running: readonly string[],
  paint: Paint,
): string {
  const { server, askedAt, hint, tls } = report;
  const where = askedAt === server ? server : `${server}, asked at ${askedAt}`;
  return [
    `${paint('strong', where)}  ${outcomeWords(report, paint)}`,
    ...labelled('hint', hint === null ? [] : [hint]),
    `  care  ${forecastWords(report, forecast, fall)}`,
    ...labelled('now', running),
    ...labelled(
      'time',
      [phaseWords(report.phases)].filter((words) => words !== ''),
    ),
    ...(tls === null ? [] : [`  TLS   ${tls.protocol}, ${tls.cipher}, certificate ${tls.certificate}`]),
    ...(tls?.chain ?? []).flatMap((member, index) =>
      labelled(index === 0 ? 'cert' : 'CA', certificateWords(member, index === 0, paint)),
    ),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function labelled(label: string, lines: readonly string[]): string[] {
  return lines.map((line, index) => `  ${(index === 0 ? label : '').padEnd(4)}  ${line}`);
}

function outcomeWords({ ok, evidence, inconclusive: why }: ProbeReport, paint: Paint): string {
  if (evidence === null) return paint('doubtful', `inconclusive: ${why ?? ''}`);
  const words = `${evidence.kind}: ${evidence.detail}`;
  return paint(ok ? 'good' : 'bad', words);
}

function forecastWords({ evidence }: ProbeReport, { state, intent }: Forecast, fall: number): string {
  if (evidence === null) return "no verdict: the fault is this node's own, and says nothing about the server";
  if (state === 'up') return 'up: it gets new connections';
  const when = fall === 1 ? '' : ` after ${fall} such probes in a row`;
  return `${state}${when}: while another server is up, it ${fateWords(intent)}`;
}

function fateWords(intent: Forecast['intent']): string {
  switch (intent.kind) {
    case 'drain':
      return intent.untilIdle
        ? 'gets no new connections, and is removed with its last one'
        : 'gets no new connections, and those that it has are given --drain-timeout';
    case 'remove':
      return 'is removed, and its connections are reset';
    // Of no server that fails.
    case 'serve':
    case 'keep':
    case 'rest':
      return 'stays as it is';
  }
}

function phaseWords({ connectMs, handshakeMs, firstByteMs, totalMs }: ProbeReport['phases']): string {
  return [
    ['connect', connectMs] as const,
    ['TLS', handshakeMs] as const,
    ['first byte', firstByteMs] as const,
    ['total', totalMs] as const,
  ]
    .flatMap(([name, ms]) => (ms === null ? [] : [`${name} ${ms.toFixed(1)} ms`]))
    .join(', ');
}

function certificateWords(member: ChainMember, own: boolean, paint: Paint): string[] {
  const { subject, issuer, names, notBefore, notAfter, validity, daysLeft, atFault } = member;
  const left = daysLeft === null ? '' : daysLeft < 0 ? `, ${-daysLeft} days ago` : `, ${daysLeft} days left`;
  const valid = `valid from ${notBefore ?? '?'} to ${notAfter ?? '?'}${left}`;
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  return [
    `${subject === '' ? 'without a name' : subject}${atFault ? paint('bad', '  (not accepted)') : ''}`,
    `by ${issuer === '' ? 'nobody' : issuer}`,
    validity === 'valid' ? valid : paint('bad', `${validity.toUpperCase()}: ${valid}`),
    ...(own
      ? [
          names.length === 0
            ? 'for no alternative names'
            : `for ${names.slice(0, MOST_NAMES).join(', ')}${more}`,
        ]
      : []),
  ];
}

const STYLES: Readonly<Record<HealthState, Style>> = {
  up: 'good',
  unknown: 'doubtful',
  sick: 'bad',
  dead: 'bad',
};

/** One probe of many, in one line; `width` is that of the longest server. */
export function watchLine(report: ProbeReport, state: HealthState, width: number, paint: Paint): string {
  const time = report.at.slice(11, 23);
  const phases = phaseWords(report.phases);
  const cells = [
    time,
    report.server.padEnd(width),
    paint(STYLES[state], state.padEnd(7)),
    outcomeWords(report, paint),
  ];
  return `${cells.join('  ')}${phases === '' ? '' : `  (${phases})`}\n`;
}

/** What is counted of each server while it is watched. */
export interface Tally {
  readonly server: string;
  readonly state: HealthState;
  readonly probes: number;
  readonly failed: number;
  /** That proved nothing. */
  readonly voids: number;
  /** The answers that were ok, and how long they took. */
  readonly well: {
    readonly count: number;
    readonly sumMs: number;
    readonly leastMs: number;
    readonly mostMs: number;
  };
}

export function tallyLine(tally: Tally, width: number): string {
  const { server, state, probes, failed, voids, well } = tally;
  const { count, leastMs, sumMs, mostMs } = well;
  const times =
    count === 0
      ? 'never well'
      : `well in ${[leastMs, sumMs / count, mostMs].map((ms) => ms.toFixed(1)).join('/')} ms (min/mean/max)`;
  const proved = voids === 0 ? '' : `, ${voids} proved nothing`;
  return `${server.padEnd(width)}  ${state.padEnd(7)}  ${probes} probes, ${failed} failed${proved}; ${times}\n`;
}
