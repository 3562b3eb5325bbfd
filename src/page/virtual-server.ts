import { discoveryInWords, virtualServerConditions, type Condition } from '../report/conditions.js';
import { durationInWords } from '../report/summary.js';
import type { KernelReport } from '../report/report.js';
import type { VirtualServerReport } from '../report/report.js';
import { glyph, millis, type Glyph } from './drawings.js';
import { capitalized, clipped, markup, type Markup } from './markup.js';
import { realServers } from './real-servers.js';
import { levelOf, tally, type Level, type Tally } from '../report/severity.js';
import { ago } from './times.js';

export const LEVEL_GLYPHS: Readonly<Record<Level, Glyph>> = {
  down: 'dead',
  impaired: 'sick',
  starting: 'unknown',
  well: 'up',
};

/** One virtual server: a line with its state, which opens to show all details. */
export function virtualServerSection(
  virtualServer: VirtualServerReport,
  look: KernelReport | null,
  { nowMs, dryRun, open }: { readonly nowMs: number; readonly dryRun: boolean; readonly open: boolean },
): Markup {
  const { virtualServer: name, servers } = virtualServer;
  const level = levelOf(virtualServer, nowMs);
  return markup`<details class="vs ${level}" data-key="vs ${name}" data-open="${open ? level : 'no'}"${open ? markup` open` : null}>
<summary><h2>${glyph(LEVEL_GLYPHS[level])}<span class="word">${capitalized(level)}</span> <span class="address">${name}</span></h2>
<span class="count">${upOf(tally(servers))}</span>
<span class="row" aria-hidden="true">${servers.map(({ state }) => glyph(state))}</span></summary>
${notices(virtualServer, look, nowMs, dryRun).map(
  ({
    severity,
    words,
  }) => markup`<p class="notice ${severity}">${glyph(severity === 'critical' ? 'dead' : 'sick')}<span>${clipped(words)}</span></p>
`,
)}${realServers(virtualServer, look, nowMs)}${facts(virtualServer, nowMs)}</details>
`;
}

/** `2 of 3 up` */
export function upOf({ up, all }: Tally): string {
  return `${up} of ${all} up`;
}

/** What an operator should know, beside what the kernel has. */
function notices(
  virtualServer: VirtualServerReport,
  look: KernelReport | null,
  nowMs: number,
  dryRun: boolean,
): Condition[] {
  const { virtualServer: name, troubles, lastPass } = virtualServer;
  const found = virtualServerConditions(virtualServer, nowMs);
  const warn = (words: string): unknown => found.push({ severity: 'warning', words });
  const unread = look?.error ?? null;
  if (unread !== null && !troubles.some(({ message }) => message === unread))
    warn(`weights and connections are not known: ${unread}`);
  if (look !== null && unread === null && look.table === null && lastPass !== null && !dryRun)
    warn(`the kernel has no virtual server ${name} at the moment`);
  return found;
}

/** How lvscare manages it. */
function facts(virtualServer: VirtualServerReport, nowMs: number): Markup {
  const { scheduler, mode, masquerade, nodeAddress, intervalMs, discovery, lastPass, repairs } =
    virtualServer;
  const repaired = Object.entries(repairs)
    .toSorted(([, one], [, other]) => other - one)
    .map(([what, count]) => `${what} ${count === 1 ? 'once' : `${count} times`}`);
  const items: readonly (readonly [string, Markup | string])[] = [
    ['Scheduler', scheduler],
    ['Mode', `${mode}${masquerade ? ', masquerading' : ''}`],
    ['This node', nodeAddress ?? 'not known'],
    ['Interval', durationInWords(intervalMs)],
    ...(discovery === null ? [] : [['Discovery', discoveryInWords(discovery, nowMs)] as const]),
    [
      'Last pass',
      lastPass === null
        ? 'none yet'
        : markup`${ago(lastPass.atMs, nowMs)}, ${lastPass.error === null ? `took ${millis(lastPass.durationMs)}` : 'failed'}`,
    ],
    ['Repairs', repaired.length === 0 ? 'none so far' : repaired.join(', ')],
  ];
  return markup`<dl>${items.map(([term, words]) => markup`<div><dt>${term}</dt><dd>${words}</dd></div>`)}</dl>
`;
}
