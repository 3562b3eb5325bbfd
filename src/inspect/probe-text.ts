/** Probes as text: a block of lines for one probe; with `--watch` a line for each, and a summary at the end. */
import type { Forecast } from '../decisions/forecast.js';
import type { HealthState } from '../decisions/health.js';
import type { Paint, Style } from '../text/paint.js';
import type { ChainMember, ProbeReport } from './probe-report.js';

/** At most so many names of a certificate are shown. */
const MAX_NAMES = 40;

/**
 * @param fall Failures in a row until a verdict.
 * @param running The state of the server in each running lvscare, in words.
 */
export function probeText(
  report: ProbeReport,
  forecast: Forecast,
  fall: number,
  running: readonly string[],
  paint: Paint,
): string {
  const { server, askedAt, hint, tls } = report;
  const where = askedAt === server ? server : `${server}, probed at ${askedAt}`;
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
  if (evidence === null) return 'no verdict: the fault is on this node, and says nothing about the server';
  if (state === 'up') return 'up: it gets new connections';
  const when = fall === 1 ? '' : ` after ${fall} such probes in a row`;
  return `${state}${when}: while another server is up, it ${fateWords(intent)}`;
}

function fateWords(intent: Forecast['intent']): string {
  switch (intent.kind) {
    case 'drain':
      return intent.untilIdle
        ? 'gets no new connections, and is removed with its last one'
        : 'gets no new connections, and its live ones have --drain-timeout to end';
    case 'remove':
      return 'is removed, and its connections are reset';
    // These are not the intents for a server that fails.
    case 'serve':
    case 'standby':
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
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : '';
  return [
    `${subject === '' ? 'without a name' : subject}${atFault ? paint('bad', '  (not accepted)') : ''}`,
    `by ${issuer === '' ? 'an issuer without a name' : issuer}`,
    validity === 'valid' ? valid : paint('bad', `${validity.toUpperCase()}: ${valid}`),
    ...(own
      ? [
          names.length === 0
            ? 'for no alternative names'
            : `for ${names.slice(0, MAX_NAMES).join(', ')}${more}`,
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

/**
 * One probe of `--watch` in one line.
 *
 * @param width Of the longest server.
 */
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

/** The counts of a server with `--watch`. */
export interface Tally {
  readonly server: string;
  readonly state: HealthState;
  readonly probes: number;
  readonly failed: number;
  /** Inconclusive probes. */
  readonly voids: number;
  /** The probes that were ok, and their durations. */
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
      ? 'never ok'
      : `ok in ${[leastMs, sumMs / count, mostMs].map((ms) => ms.toFixed(1)).join('/')} ms (min/mean/max)`;
  const proved = voids === 0 ? '' : `, ${voids} inconclusive`;
  return `${server.padEnd(width)}  ${state.padEnd(7)}  ${probes} probes, ${failed} failed${proved}; ${times}\n`;
}
