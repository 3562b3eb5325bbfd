import { exclusionOf } from '../decisions/deletion-contention.js';
import { durationInWords } from '../report/summary.js';
import type { KernelReport } from '../report/report.js';
import type { VirtualServerReport } from '../report/report.js';
import { glyph, millis, type Glyph } from './drawings.js';
import { clipped, markup, type Markup } from './markup.js';
import { realServers } from './real-servers.js';
import { levelOf, stuckForMs, tally, type Level, type Tally } from './severity.js';
import { ago, since } from './times.js';

export const LEVEL_WORDS: Readonly<Record<Level, string>> = {
  down: 'Down',
  impaired: 'Impaired',
  starting: 'Starting',
  well: 'Well',
};

export const LEVEL_GLYPHS: Readonly<Record<Level, Glyph>> = {
  down: 'dead',
  impaired: 'sick',
  starting: 'unknown',
  well: 'up',
};

/** One virtual server: a line that says how it stands, and behind it all that is known. */
export function virtualServerSection(
  virtualServer: VirtualServerReport,
  look: KernelReport | null,
  { nowMs, dryRun, open }: { readonly nowMs: number; readonly dryRun: boolean; readonly open: boolean },
): Markup {
  const { virtualServer: name, servers } = virtualServer;
  const level = levelOf(virtualServer, nowMs);
  return markup`<details class="vs ${level}" data-key="vs ${name}" data-open="${open ? level : 'no'}"${open ? markup` open` : null}>
<summary><h2>${glyph(LEVEL_GLYPHS[level])}<span class="word">${LEVEL_WORDS[level]}</span> <span class="address">${name}</span></h2>
<span class="count">${upOf(tally(servers))}</span>
<span class="row" aria-hidden="true">${servers.map(({ state }) => glyph(state))}</span></summary>
${notices(virtualServer, look, nowMs, dryRun).map(
  (
    notice,
  ) => markup`<p class="notice ${notice.kind}">${glyph(notice.kind === 'critical' ? 'dead' : 'sick')}<span>${notice.words}</span></p>
`,
)}${realServers(virtualServer, look, nowMs)}${facts(virtualServer, nowMs)}</details>
`;
}

/** `2 of 3 up` */
export function upOf({ up, all }: Tally): string {
  return `${up} of ${all} up`;
}

interface Notice {
  readonly kind: 'critical' | 'warning';
  readonly words: Markup;
}

/** What somebody should know, or do something about. */
function notices(
  virtualServer: VirtualServerReport,
  look: KernelReport | null,
  nowMs: number,
  dryRun: boolean,
): Notice[] {
  const { virtualServer: name, servers, lastResort, deletedRepeatedly, troubles, lastPass } = virtualServer;
  const found: Notice[] = [];
  const critical = (words: Markup): unknown => found.push({ kind: 'critical', words });
  const warn = (words: Markup): unknown => found.push({ kind: 'warning', words });

  if (lastResort)
    critical(
      markup`<b>Last resort:</b> no real server is up, so those most likely to answer serve. Look at the apiservers, or at this node’s own network.`,
    );
  else if (servers.length > 0 && servers.every(({ state }) => state === 'sick' || state === 'dead'))
    critical(
      markup`<b>No real server is up.</b> ${lastPass?.error === null ? 'Clients are refused at once.' : null}`,
    );
  const stuckMs = stuckForMs(virtualServer, nowMs);
  if (stuckMs !== null)
    critical(
      markup`<b>Nothing was reconciled for ${durationInWords(stuckMs)}.</b> What is shown may be out of date; restart lvscare if this lasts.`,
    );
  if (deletedRepeatedly)
    warn(
      markup`<b>Something keeps deleting ${name}.</b> If it is kube-proxy in ipvs mode, set <code>${exclusionOf(addressOf(name))}</code> in its configuration.`,
    );
  for (const { what, message, sinceMs } of troubles)
    warn(markup`<b>${what}:</b> ${clipped(message)} <span class="quiet">(${since(sinceMs, nowMs)})</span>`);
  const unread = look?.error ?? null;
  if (unread !== null && !troubles.some(({ message }) => message === unread))
    warn(markup`<b>Weights and connections are not known:</b> ${clipped(unread)}`);
  if (look !== null && unread === null && look.table === null && lastPass !== null && !dryRun)
    warn(markup`<b>The kernel has no virtual server ${name}</b> at the moment.`);
  return found;
}

/** Of `10.103.97.2:6443` or `[fd00::2]:6443`. */
function addressOf(endpoint: string): string {
  return endpoint.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}

/** How it is kept, for who wants to know. */
function facts(virtualServer: VirtualServerReport, nowMs: number): Markup {
  const { scheduler, mode, masquerade, nodeAddress, intervalMs, lastPass, repairs } = virtualServer;
  const repaired = Object.entries(repairs)
    .toSorted(([, one], [, other]) => other - one)
    .map(([what, count]) => `${what} ${count === 1 ? 'once' : `${count} times`}`);
  const items: readonly (readonly [string, Markup | string])[] = [
    ['Scheduler', scheduler],
    ['Mode', `${mode}${masquerade ? ', masquerading' : ''}`],
    ['This node', nodeAddress ?? 'not known'],
    ['Interval', durationInWords(intervalMs)],
    [
      'Last pass',
      lastPass === null
        ? 'none yet'
        : markup`${ago(lastPass.atMs, nowMs)}, ${lastPass.error === null ? `took ${millis(lastPass.durationMs)}` : 'failed'}`,
    ],
    ['Put right', repaired.length === 0 ? 'nothing so far' : repaired.join(', ')],
  ];
  return markup`<dl>${items.map(([term, words]) => markup`<div><dt>${term}</dt><dd>${words}</dd></div>`)}</dl>
`;
}
