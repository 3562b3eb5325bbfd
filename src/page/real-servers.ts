import type { CountedDestination } from '../values/counters.js';
import type { KernelReport } from '../report/report.js';
import type { ServerReport, VirtualServerReport } from '../report/report.js';
import { glyph, hourStrip, millis, sparkline } from './drawings.js';
import { capitalized, clipped, markup, type Content, type Markup } from './markup.js';
import { statusHint } from '../decisions/status-meaning.js';
import { remedyOf, serverConditions } from '../report/conditions.js';
import { bytesInWords, durationInWords } from '../report/summary.js';
import { certificateLevel, daysUntil } from '../report/severity.js';
import { ago, moment, since } from './times.js';

/** The roles are explicit because a narrow screen shows the rows as cards: with that style browsers forget that it is a table. */
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

/** The real servers of one virtual server, and further ones that the kernel has. */
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

/** `row` is undefined if the table could not be read, and null if the kernel has no such row. */
function serverRow(
  server: ServerReport,
  virtualServer: VirtualServerReport,
  row: CountedDestination | null | undefined,
  nowMs: number,
): Markup {
  const { state, sinceMs, evidence } = server;
  const hint = statusHint(evidence?.status) ?? remedyOf(server);
  return markup`<tr role="row" data-key="${server.server}" class="${state}">
<th role="rowheader" scope="row" class="server">${server.server}</th>
<td role="cell" class="state">${glyph(state)}<b>${capitalized(state)}</b> ${since(sinceMs, nowMs)}${
    evidence === null
      ? markup`<small>not probed yet</small>`
      : markup`<small>${evidence.kind}${evidence.detail === '' ? null : `, ${clipped(evidence.detail)}`}</small>`
  }${hint === null ? null : markup`<small>${hint}</small>`}${serverConditions(server, virtualServer.intervalMs, nowMs).map(({ severity, words }) => markup`<small class="note ${severity}">${words}</small>`)}<small class="counts">${countsInWords(server, row)}</small></td>
<td role="cell" class="latency">${latency(server, nowMs)}</td>
<td role="cell" class="probes">${hourStrip(server.history, nowMs)}</td>
${kernelCells(row)}
<td role="cell" class="certificate">${certificate(server, nowMs)}</td>
</tr>
`;
}

/** What the kernel carries to it, and how often and how long it failed since the start. */
function countsInWords(
  { probes, failures, downMs }: ServerReport,
  row: CountedDestination | null | undefined,
): string {
  const traffic = row?.traffic ?? null;
  return [
    ...(traffic === null
      ? []
      : [
          `${traffic.connectionsPerSecond} connections a second`,
          `${bytesInWords(traffic.bytesInPerSecond)}/s in`,
          `${bytesInWords(traffic.bytesOutPerSecond)}/s out`,
        ]),
    `${failures} of ${probes} probes failed`,
    ...(downMs === 0 ? [] : [`down for ${durationInWords(downMs)} in all`]),
  ].join(', ');
}

/** How long its last answers took; and when the last one came, if it no longer answers. */
function latency({ state, recentMs, lastOk }: ServerReport, nowMs: number): Markup {
  const last = recentMs.at(-1);
  if (last === undefined) return missing('it never answered');
  // A time beside a server that does not answer would read as its answer.
  if (state !== 'up' && lastOk !== null)
    return markup`${sparkline(recentMs)}<small>last ${ago(lastOk.atMs, nowMs)}</small>`;
  return markup`${sparkline(recentMs)}<span class="last">${millis(last)}</span>`;
}

/** A row of the kernel that is not configured: a master that left. */
function leavingRow(row: CountedDestination): Markup {
  return markup`<tr role="row" data-key="${row.server}" class="leaving">
<th role="rowheader" scope="row" class="server">${row.server}</th>
<td role="cell" class="state"><small>not configured: it is removed after its last connection</small></td>
<td role="cell" class="latency">${missing('not probed')}</td>
<td role="cell" class="probes">${missing('not probed')}</td>
${kernelCells(row)}
<td role="cell" class="certificate">${missing('not probed')}</td>
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

/** Whole days. */
function inDays(days: number): string {
  if (days < 1) return 'less than a day';
  return days === 1 ? '1 day' : `${days} days`;
}

/** A dash, and the reason for screen readers and as a tip. */
function missing(why: string): Markup {
  return markup`<span class="missing" title="${why}"><span aria-hidden="true">–</span><span class="unseen">${why}</span></span>`;
}
