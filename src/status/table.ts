/** `lvscare status` as text: the columns of `ipvsadm -Ln`, and what lvscare knows beside them. */
import { plainPaint, type Paint, type Style } from '../text/paint.js';
import type { NamedForwarding } from '../values/table.js';
import { inOneLine } from '../text/one-line.js';
import { statusHint } from '../decisions/status-meaning.js';
import {
  discoveryInWords,
  drainedInWords,
  serverConditions,
  virtualServerConditions,
} from '../report/conditions.js';
import type { CountedDestination, Traffic } from '../values/counters.js';
import type { ServerReport, VirtualServerReport } from '../report/report.js';
import { bytesInWords, durationInWords } from '../report/summary.js';
import type { DrainedServer, Status, VirtualServerStatus } from './status.js';

/** Of text that came from elsewhere. */
const MOST_CHARACTERS = 500;

interface Look {
  /** Columns of the terminal, or null for no limit. */
  readonly width: number | null;
  readonly paint: Paint;
}

/** What is shown of one real server beside the columns of ipvsadm. */
interface Details {
  readonly health: string;
  readonly style: Style;
  readonly since: string;
  readonly latency: string;
  readonly rates: readonly [connections: string, bytesIn: string, bytesOut: string];
  readonly reason: string;
}

interface Line {
  /** What `ipvsadm -Ln` shows. */
  readonly row: string;
  readonly details: Details;
}

const HEADING = ['Health', 'Since', 'Answer', 'Conn/s', 'In/s', 'Out/s', 'Why'] as const;
const NOTHING = '-';

/**
 * The lines of a status. In a terminal that is too narrow for all columns, what lvscare knows is below each row instead of
 * beside it.
 */
export function statusLines(status: Status, { width, paint }: Look): readonly string[] {
  const wide = lines(status, true, paint);
  if (width === null || wide.plain.every((line) => line.length <= width)) return wide.painted;
  return lines(status, false, paint).painted;
}

function lines(
  { atMs, virtualServers }: Status,
  wide: boolean,
  paint: Paint,
): { readonly plain: readonly string[]; readonly painted: readonly string[] } {
  const services = virtualServers.map((one) => ({ one, rows: linesOf(one, atMs) }));
  const widths = columnWidths(services.flatMap(({ rows }) => rows));
  const draw = (brush: Paint): string[] => [
    'Prot LocalAddress:Port Scheduler Flags',
    [
      rowOf('RemoteAddress:Port', 'Forward', 'Weight', 'ActiveConn', 'InActConn'),
      ...(wide ? [cells(HEADING, widths)] : []),
    ]
      .join(' ')
      .trimEnd(),
    ...services.flatMap(({ one, rows }) => [
      `TCP  ${[one.virtualServer, one.kernel?.scheduler ?? NOTHING, one.kernel?.flags ?? ''].join(' ').trimEnd()}`,
      ...rows.flatMap((line) => (wide ? [besideRow(line, widths, brush)] : belowRow(line, brush))),
      ...notesOf(one, atMs).map(([style, note]) => brush(style, `  ${note}`)),
    ]),
  ];
  return { plain: draw(plainPaint), painted: draw(paint) };
}

/** As `ipvsadm -Ln` aligns it. */
function rowOf(server: string, forward: string, weight: string, active: string, inactive: string): string {
  return [
    '  ->',
    server.padEnd(28),
    forward.padEnd(7),
    weight.padEnd(6),
    active.padEnd(10),
    inactive.padEnd(10),
  ].join(' ');
}

function columnWidths(rows: readonly Line[]): readonly number[] {
  const all = [HEADING, ...rows.map(({ details }) => texts(details))];
  return HEADING.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
}

function texts({ health, since, latency, rates, reason }: Details): readonly string[] {
  return [health, since, latency, ...rates, reason];
}

function cells(row: readonly string[], widths: readonly number[]): string {
  return row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
}

function besideRow({ row, details }: Line, widths: readonly number[], paint: Paint): string {
  const [health = '', ...others] = texts(details);
  const [healthWidth = 0, ...otherWidths] = widths;
  return `${row} ${paint(details.style, health.padEnd(healthWidth))}  ${cells(others, otherWidths)}`.trimEnd();
}

function belowRow({ row, details }: Line, paint: Paint): readonly string[] {
  const { health, style, since, latency, rates, reason } = details;
  const [connections, bytesIn, bytesOut] = rates;
  const shown = [
    since === NOTHING ? '' : `for ${since}`,
    latency === NOTHING ? '' : `answers in ${latency}`,
    connections === NOTHING ? '' : `${connections} conn/s, ${bytesIn}/s in, ${bytesOut}/s out`,
  ].filter((text) => text !== '');
  return [
    row.trimEnd(),
    `     ${paint(style, health)}${shown.length === 0 ? '' : ` ${shown.join(', ')}`}`,
    ...(reason === '' ? [] : [`     ${reason}`]),
  ];
}

/** The configured servers in their order, whether the kernel has them or not, then what else it has. */
function linesOf({ care, kernel, drained }: VirtualServerStatus, atMs: number): readonly Line[] {
  const rows = new Map(kernel?.destinations.map((row) => [row.server, row]));
  const configured = (care?.servers ?? []).map((report) => {
    const row = rows.get(report.server);
    rows.delete(report.server);
    return {
      row: kernelRow(report.server, row),
      details: detailsOf(report, row, care?.intervalMs ?? 0, atMs),
    };
  });
  const others = [...rows.values()].map((row) => {
    const by = drained.find(({ server }) => server === row.server);
    return { row: kernelRow(row.server, row), details: unjudged(row, care !== null, by, atMs) };
  });
  return [...configured, ...others];
}

const FORWARDING: Readonly<Record<NamedForwarding, string>> = {
  masquerade: 'Masq',
  local: 'Local',
  tunnel: 'Tunnel',
  direct: 'Route',
  bypass: 'Bypass',
};

/** What the record has for a key; else what another version may mean by it. */
function known<Key extends string, Value>(
  record: Readonly<Record<Key, Value>>,
  key: Key,
  other: Value,
): Value {
  return Object.hasOwn(record, key) ? record[key] : other;
}

function kernelRow(server: string, row: CountedDestination | undefined): string {
  if (row === undefined) return rowOf(server, NOTHING, NOTHING, NOTHING, NOTHING);
  const { forwarding, weight, active, inactive } = row;
  const method =
    typeof forwarding === 'number' ? String(forwarding) : known(FORWARDING, forwarding, forwarding);
  return rowOf(server, method, String(weight), String(active), String(inactive));
}

/** The details of a configured real server. */
export function detailsOf(
  report: ServerReport,
  row: CountedDestination | undefined,
  intervalMs: number,
  atMs: number,
): Details {
  const { state, sinceMs, evidence, drained, standby, suspect, lastOk } = report;
  const qualifier =
    drained !== null ? ', drained' : standby ? ', standby' : suspect !== null ? ', suspect' : '';
  const reasons = [
    ...serverConditions(report, intervalMs, atMs).map(({ words }) => words),
    evidence === null ? 'not probed yet' : inOneLine(`${evidence.kind}, ${evidence.detail}`, MOST_CHARACTERS),
  ];
  return {
    health: `${state}${qualifier}`,
    style: drained === null && suspect === null ? known(STYLES, state, 'doubtful') : 'doubtful',
    since: durationInWords(atMs - sinceMs),
    latency:
      lastOk === null || state === 'sick' || state === 'dead'
        ? NOTHING
        : `${lastOk.durationMs.toFixed(1)} ms`,
    rates: ratesOf(row?.traffic ?? null),
    reason: reasons.join('; '),
  };
}

const STYLES: Readonly<Record<ServerReport['state'], Style>> = {
  up: 'good',
  sick: 'doubtful',
  dead: 'bad',
  unknown: 'faint',
};

/** Of a row that lvscare does not probe: no lvscare runs, or the row is not of --rs. */
function unjudged(
  row: CountedDestination,
  cared: boolean,
  by: DrainedServer | undefined,
  atMs: number,
): Details {
  return {
    health: cared ? 'not configured' : by === undefined ? NOTHING : 'drained',
    style: cared || by !== undefined ? 'doubtful' : 'faint',
    since: NOTHING,
    latency: NOTHING,
    rates: ratesOf(row.traffic),
    reason: by === undefined ? '' : drainedInWords(by.sinceMs, atMs),
  };
}

function ratesOf(traffic: Traffic | null): Details['rates'] {
  if (traffic === null) return [NOTHING, NOTHING, NOTHING];
  const { connectionsPerSecond, bytesInPerSecond, bytesOutPerSecond } = traffic;
  return [String(connectionsPerSecond), bytesInWords(bytesInPerSecond), bytesInWords(bytesOutPerSecond)];
}

type Note = readonly [style: Style, text: string];

function notesOf(one: VirtualServerStatus, atMs: number): readonly Note[] {
  const { care, program } = one;
  const rest = unseen(one).map(({ server, sinceMs }): Note => [
    'doubtful',
    `${server}: ${drainedInWords(sinceMs, atMs)}`,
  ]);
  const notes = one.notes
    // The last pass may have found the same.
    .filter((note) => care?.troubles.some(({ message }) => message === note) !== true)
    .map((note): Note => ['doubtful', inOneLine(note, MOST_CHARACTERS)]);
  if (care === null || program === null) return [...rest, ...notes];
  return [
    ...virtualServerConditions(care, atMs).map(({ words }): Note => [
      'bad',
      inOneLine(words, MOST_CHARACTERS),
    ]),
    ...hints(care),
    ...notes,
    ['faint', programInWords(program, care, atMs)],
  ];
}

/** Drained servers that have no row. */
function unseen({ care, kernel, drained }: VirtualServerStatus): readonly DrainedServer[] {
  if (care !== null) return [];
  return drained.filter(({ server }) => kernel?.destinations.some((row) => row.server === server) !== true);
}

/** What the statuses of the answers mean, each once. */
function hints({ servers }: VirtualServerReport): Note[] {
  const statuses = new Set(servers.map(({ evidence }) => evidence?.status ?? 0));
  return [...statuses].flatMap((status): Note[] => {
    const hint = statusHint(status);
    return hint === null ? [] : [['doubtful', `status ${status}: ${hint}`]];
  });
}

function programInWords(
  { version, pid, startedAtMs }: NonNullable<VirtualServerStatus['program']>,
  { mode, masquerade, nodeAddress, discovery, repairs }: VirtualServerReport,
  atMs: number,
): string {
  const count = Object.values(repairs).reduce((sum, each) => sum + each, 0);
  const parts = [
    `lvscare ${version}, process ${pid}, for ${durationInWords(atMs - startedAtMs)}`,
    `mode ${mode}${masquerade ? ' with masquerading' : ''}`,
    ...(nodeAddress === null ? [] : [`this node is ${nodeAddress}`]),
    ...(discovery === null
      ? []
      : [`discovery: ${inOneLine(discoveryInWords(discovery, atMs), MOST_CHARACTERS)}`]),
    ...(count === 0 ? [] : [`${count} ${count === 1 ? 'repair' : 'repairs'}`]),
  ];
  return parts.join('; ');
}
