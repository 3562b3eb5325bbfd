import type { Report, TransitionReport } from '../report/report.js';
import { glyph } from './drawings.js';
import { clipped, markup, type Markup } from './markup.js';
import { ago, dayOf, moment, timeOfDay } from './times.js';

const MOST = 100;

/** The last transitions of all virtual servers, the newest first. */
export function timeline({ atMs: nowMs, virtualServers }: Report): Markup {
  const several = virtualServers.length > 1;
  const last = virtualServers
    .flatMap(({ virtualServer, transitions }) =>
      transitions.map((transition) => ({ virtualServer, transition })),
    )
    .toSorted((one, other) => other.transition.atMs - one.transition.atMs)
    .slice(0, MOST);
  const heading = markup`<h2 id="transitions">Last transitions</h2>`;
  if (last.length === 0)
    return markup`<section aria-labelledby="transitions">${heading}<p class="quiet">None so far.</p></section>`;
  const days = new Set(last.map(({ transition }) => dayOf(transition.atMs)));
  return markup`<section aria-labelledby="transitions">${heading}
${[...days].map(
  (
    day,
  ) => markup`<div data-key="${day}"><h3>${day === dayOf(nowMs) ? 'Today' : day} <span class="quiet">UTC</span></h3>
<ol>
${last
  .filter(({ transition }) => dayOf(transition.atMs) === day)
  .map(({ virtualServer, transition }) =>
    entry(transition, several ? virtualServer : null, nowMs),
  )}</ol></div>
`,
)}</section>`;
}

function entry(transition: TransitionReport, virtualServer: string | null, nowMs: number): Markup {
  const { atMs, server, from, to, evidence, why } = transition;
  const key = `${virtualServer ?? ''} ${server} ${Math.round(atMs)} ${to}`;
  const reason = evidence === null ? why : `${evidence}, ${why}`;
  return markup`<li data-key="${key}" class="${to}">${moment(atMs, timeOfDay(atMs))} ${glyph(to)}<span class="said"><span class="address">${server}</span> <b>is ${to}</b> <span class="quiet">(was ${from}${virtualServer === null ? null : `, of ${virtualServer}`})</span>: ${clipped(reason)}</span> <span class="quiet">${ago(atMs, nowMs)}</span></li>
`;
}
