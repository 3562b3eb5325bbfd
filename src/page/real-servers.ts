import type { HealthState } from '../decisions/health.js';
import type { CountedDestination } from '../values/counters.js';
import type { KernelReport } from '../report/report.js';
import type { ServerReport, VirtualServerReport } from '../report/report.js';
import { glyph, hourStrip, millis, sparkline } from './drawings.js';
import { clipped, markup, type Content, type Markup } from './markup.js';
import { certificateLevel, notesOf } from './severity.js';
import { ago, daysUntil, moment, since } from './times.js';

/** The roles are said because a narrow screen shows the rows as cards, by a style that would have browsers forget them. */
const HEADINGS: readonly (readonly [className: string, words: string])[] = [
  ['server', 'Real server'],
  ['state', 'State'],
  ['latency', 'Answers in'],
  ['probes', 'Probes of the last hour'],
  ['weight', 'Weight'],
  ['active', 'Active'],
  ['inactive', 'Inactive'],
  ['certificate', 'Certificate'],
];

/** The real servers of one virtual server, and what else the kernel has as such. */
export function realServers(
  virtualServer: VirtualServerReport,
  look: KernelReport | null,
  nowMs: number,
): Markup {
  const { servers } = virtualServer;
  const rows = new Map(look?.table?.destinations.map((row) => [row.server, row]));
  const configured = new Set(servers.map(({ server }) => server));
  const others = [...rows.values()].filter((row) => !configured.has(row.server));
  return markup`<table role="table">
<caption>Real servers of ${virtualServer.virtualServer}</caption>
<thead role="rowgroup"><tr role="row">${HEADINGS.map(([className, words]) => markup`<th role="columnheader" scope="col" class="${className}">${words}</th>`)}</tr></thead>
<tbody role="rowgroup">
${servers.map((server) => {
  const row = look?.error !== null ? undefined : (rows.get(server.server) ?? null);
  return serverRow(server, virtualServer, row, nowMs);
})}${others.map(leavingRow)}</tbody>
</table>
`;
}

/** The row is undefined when the table could not be read, and null when it has none. */
function serverRow(
  server: ServerReport,
  virtualServer: VirtualServerReport,
  row: CountedDestination | null | undefined,
  nowMs: number,
): Markup {
  const { state, sinceMs, evidence } = server;
  const notes = notesOf(server, virtualServer, nowMs);
  return markup`<tr role="row" data-key="${server.server}" class="${state}">
<th role="rowheader" scope="row" class="server">${server.server}</th>
<td role="cell" class="state">${glyph(state)}<b>${STATES[state]}</b> ${since(sinceMs, nowMs)}${
    evidence === null
      ? markup`<small>not asked yet</small>`
      : markup`<small>${evidence.kind}${evidence.detail === '' ? null : `, ${clipped(evidence.detail)}`}</small>`
  }${notes.map(({ kind, words }) => markup`<small class="note ${kind}">${words}</small>`)}</td>
<td role="cell" class="latency">${latency(server, nowMs)}</td>
<td role="cell" class="probes">${hourStrip(server.history, nowMs)}</td>
${kernelCells(row)}
<td role="cell" class="certificate">${certificate(server, nowMs)}</td>
</tr>
`;
}

/** How long its last answers took; when the last one came, if it does not answer any more. */
function latency({ state, recentMs, lastOk }: ServerReport, nowMs: number): Markup {
  const last = recentMs.at(-1);
  if (last === undefined) return missing('it never answered');
  const past =
    state === 'up' || lastOk === null ? null : markup`<small>last ${ago(lastOk.atMs, nowMs)}</small>`;
  return markup`${sparkline(recentMs)}<span class="${past === null ? 'last' : 'last quiet'}">${millis(last)}</span>${past}`;
}

const STATES: Readonly<Record<HealthState, string>> = {
  up: 'Up',
  sick: 'Sick',
  dead: 'Dead',
  unknown: 'Unknown',
};

/** What the kernel has and nobody configured: a master that left. */
function leavingRow(row: CountedDestination): Markup {
  return markup`<tr role="row" data-key="${row.server}" class="leaving">
<th role="rowheader" scope="row" class="server">${row.server}</th>
<td role="cell" class="state"><small>not configured: it goes when nobody uses it any more</small></td>
<td role="cell" class="latency">${missing('not asked')}</td>
<td role="cell" class="probes">${missing('not asked')}</td>
${kernelCells(row)}
<td role="cell" class="certificate">${missing('not asked')}</td>
</tr>
`;
}

function kernelCells(row: CountedDestination | null | undefined): Markup {
  const cells = (['weight', 'active', 'inactive'] as const).map((what) => {
    const content =
      row === undefined || row === null
        ? missing(row === null ? "not in the kernel's table" : "the kernel's table was not read")
        : row[what];
    return markup`<td role="cell" class="${what}">${content}</td>`;
  });
  return markup`${cells}`;
}

function certificate(server: ServerReport, nowMs: number): Content {
  const endMs = server.certificateNotAfterMs;
  if (endMs === null) return missing('not known');
  const level = certificateLevel(server, nowMs);
  const days = daysUntil(endMs, nowMs);
  if (level === 'fine') return moment(endMs, inDays(days));
  const expired = days < 0 ? markup`<small>${inDays(-days - 1)} ago</small>` : null;
  return markup`<span class="${level}">${glyph(level === 'critical' ? 'dead' : 'sick')}<b>${moment(endMs, days < 0 ? 'expired' : inDays(days))}</b>${expired}</span>`;
}

/** Whole days, of which a certificate has many. */
function inDays(days: number): string {
  if (days < 1) return 'less than a day';
  return days === 1 ? '1 day' : `${days} days`;
}

/** A dash for the eye, the reason for everybody. */
function missing(why: string): Markup {
  return markup`<span class="missing" title="${why}"><span aria-hidden="true">–</span><span class="unseen">${why}</span></span>`;
}
