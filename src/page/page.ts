/** The status page: one document that loads nothing else, made from plain values. */
import { createHash } from 'node:crypto';
import type { KernelReport } from '../report/report.js';
import type { Report } from '../report/report.js';
import { glyph, GLYPH_SYMBOLS, iconOf } from './drawings.js';
import { capitalized, Markup, markup } from './markup.js';
import { SCRIPT } from './script.js';
import { levelOf, overall, tally, worstFirst, type Level } from '../report/severity.js';
import { STYLE } from './style.js';
import { timeline } from './timeline.js';
import { ago, moment, timeOfDay } from './times.js';
import { LEVEL_GLYPHS, upOf, virtualServerSection } from './virtual-server.js';

/** Up to so many virtual servers, all are opened at first. */
const FEW = 4;
/** Of more, only the worst is, if it is not well. */
const MOST_OPENED = 1;
/** How often a browser without JavaScript loads it again, in seconds. */
const RELOAD_S = 15;

/** The Content-Security-Policy to send with the page. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src '${hashOf(STYLE)}'`,
  `script-src '${hashOf(SCRIPT)}'`,
  'img-src data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * The whole page in HTML, in pieces: a thousand real servers take too long to write without a pause. All durations are as of
 * `report.atMs`.
 *
 * @param looks What the kernel has; a virtual server that is not among them was not read.
 */
export function* statusPage(report: Report, looks: readonly KernelReport[]): Generator<string> {
  const { atMs, program, virtualServers } = report;
  const level = overall(report);
  const all = tally(virtualServers.flatMap(({ servers }) => servers));
  const title = `${all.up}/${all.all} up – ${program.host} – ${names(report)}${program.dryRun ? ' (dry run)' : ''}`;
  const opened = new Set(
    virtualServers.length <= FEW
      ? virtualServers
      : worstFirst(report)
          .filter((server) => levelOf(server, atMs) !== 'well')
          .slice(0, MOST_OPENED),
  );
  yield markup`<!doctype html>
<html lang="en" data-build="${BUILD}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="${iconOf(LEVEL_GLYPHS[level], ICON_COLOURS[level])}">
<style>${new Markup(STYLE)}</style>
<noscript><meta http-equiv="refresh" content="${RELOAD_S}"></noscript>
</head>
<body>
<a class="skip" href="#main">Skip to the virtual servers</a>
${GLYPH_SYMBOLS}
<p id="news" class="unseen" role="status"></p>
<p id="lost" class="notice critical" role="status" hidden></p>
<div id="page">
<header>
<h1>lvscare <span class="unseen">status</span> <span class="host">${program.host}</span></h1>
<p class="overall ${level}">${glyph(LEVEL_GLYPHS[level])}<b>${capitalized(level)}</b> <span>${upOf(all)}</span></p>
<p class="quiet asof">as of ${moment(atMs, `${timeOfDay(atMs)} UTC`)}<span class="live"></span><noscript>, loaded again every ${RELOAD_S} s</noscript></p>
${program.dryRun ? markup`<p class="notice info">${glyph('unknown')}<span><b>Dry run:</b> servers are probed, and nothing in the kernel is changed.</span></p>` : null}
</header>
<main id="main" tabindex="-1">
`.text;
  for (const virtualServer of worstFirst(report))
    yield virtualServerSection(
      virtualServer,
      looks.find((look) => look.virtualServer === virtualServer.virtualServer) ?? null,
      {
        nowMs: atMs,
        dryRun: program.dryRun,
        open: opened.has(virtualServer),
      },
    ).text;
  yield markup`${timeline(report)}
</main>
<footer>
${legend()}
<p>lvscare ${program.version}${program.commit === '' ? null : ` (${program.commit.slice(0, 12)})`}, process ${program.pid}, started ${ago(program.startedAtMs, atMs)}</p>
<p>For machines: <a href="report.json">report.json</a>, <a href="metrics">metrics</a></p>
</footer>
</div>
<script>${new Markup(SCRIPT)}</script>
</body>
</html>
`.text;
}

/** What the bars mean. Screen readers get each bar in words. */
function legend(): Markup {
  return markup`<p class="legend" aria-hidden="true">Each minute: <svg width="3" height="20"><path class="o" d="M0 15.5h3"/></svg> ok <svg width="3" height="20"><path class="o" d="M0 15.5h3"/><path class="s" d="M0 5h3"/></svg> some failed <svg width="3" height="20"><path class="f" d="M0 10h3"/></svg> all failed <svg width="3" height="20"><path class="n" d="M0 19h3"/></svg> not probed</p>`;
}

function names({ virtualServers }: Report): string {
  const [first] = virtualServers;
  if (first === undefined) return 'lvscare';
  return virtualServers.length === 1 ? first.virtualServer : `${virtualServers.length} virtual servers`;
}

/** Visible on light and dark tabs. */
const ICON_COLOURS: Readonly<Record<Level, string>> = {
  down: '#d6373c',
  impaired: '#c98a00',
  starting: '#7d8896',
  well: '#229a5c',
};

/** A page that is open in a browser reloads itself when lvscare was replaced by a build with another page. */
const BUILD = hashOf(STYLE + SCRIPT).slice(7, 19);

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
