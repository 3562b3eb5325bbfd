/** The style of the page: light and dark, wide and narrow. Colour alone never shows a state. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f4f6f8; --sheet: #fff; --raised: #f9fafb; --line: #dce1e7; --text: #18212c; --quiet: #566373;
  --good: #177245; --poor: #8a5a00; --bad: #b8252b; --none: #76828f; --accent: #1d5fbf;
  --good-bar: #2f9e68; --poor-bar: #c98a00; --bad-bar: #cf3339; --none-bar: #b9c2cc;
  --poor-tint: #fdf5e2; --bad-tint: #fdeeee; --info-tint: #edf3fb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0f1319; --sheet: #161c24; --raised: #1b222c; --line: #2a333f; --text: #e4e9ef; --quiet: #9aa8b8;
    --good: #56c98e; --poor: #e2b04a; --bad: #ff8a84; --none: #93a0ae; --accent: #7eb2ff;
    --good-bar: #3fae78; --poor-bar: #d9a02f; --bad-bar: #f0625c; --none-bar: #414d5b;
    --poor-tint: #2b2413; --bad-tint: #331b1d; --info-tint: #17263b;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem clamp(0.75rem, 3vw, 2rem) 3rem; max-width: 82rem;
  background: var(--ground); color: var(--text);
  font: 0.875rem/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif;
}
h1, h2, h3, p, ol, dl, dd { margin: 0; padding: 0; }
time { white-space: nowrap; }
h1 { font-size: 1.25rem; letter-spacing: -0.01em; }
h2 { font-size: 1rem; }
h3 { font-size: 0.8125rem; margin: 0.75rem 0 0.25rem; }
small { display: block; font-size: 0.8125rem; color: var(--quiet); overflow-wrap: anywhere; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
main:focus { outline: none; }
.address, th.server { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 0.8125rem; }
.quiet { color: var(--quiet); font-weight: 400; }
.unseen, caption {
  position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
.skip { position: absolute; left: -999px; }
.skip:focus { left: 1rem; top: 0.5rem; padding: 0.5rem 0.75rem; background: var(--sheet); z-index: 1; }
.defs { position: absolute; width: 0; height: 0; }

header { display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 1rem; margin-bottom: 1rem; }
header .asof { margin-left: auto; font-variant-numeric: tabular-nums; }
header .notice { flex-basis: 100%; }
.overall { display: flex; align-items: center; gap: 0.4rem; padding: 0.15rem 0.7rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--sheet); }

.glyph { width: 0.8125rem; height: 0.8125rem; flex: none; fill: var(--none); vertical-align: -0.09rem; }
.notice > .glyph, li > .glyph { position: relative; top: 0.1rem; }
.glyph.up { fill: var(--good-bar); }
.glyph.sick { fill: var(--poor-bar); }
.glyph.dead { fill: var(--bad-bar); }

.notice { display: flex; gap: 0.6rem; align-items: baseline; margin: 0.5rem 0 0; padding: 0.5rem 0.75rem; border-radius: 6px; border-left: 3px solid; overflow-wrap: anywhere; }
.notice[hidden] { display: none; }
.notice.critical { background: var(--bad-tint); border-color: var(--bad-bar); }
.notice.warning { background: var(--poor-tint); border-color: var(--poor-bar); }
.notice.info { background: var(--info-tint); border-color: var(--accent); }
#lost { position: sticky; top: 0.5rem; z-index: 1; margin: 0 0 1rem; box-shadow: 0 2px 10px #0003; }

.vs, section { margin: 0 0 0.75rem; border: 1px solid var(--line); border-radius: 8px; background: var(--sheet); }
.vs > .notice { margin: 0 1rem 0.6rem; }
summary {
  display: grid; grid-template-columns: 1rem minmax(17rem, max-content) 7rem 1fr; align-items: center; gap: 0.75rem;
  padding: 0.7rem 1rem; cursor: pointer; list-style: none; border-radius: 8px;
}
summary::-webkit-details-marker { display: none; }
summary::before {
  content: ""; width: 0.4rem; height: 0.4rem; margin: 0 0 0 0.1rem; border: solid var(--quiet); border-width: 0 1.5px 1.5px 0; transform: rotate(-45deg);
}
details[open] > summary::before { transform: translateY(-0.1rem) rotate(45deg); }
summary:hover { background: var(--raised); }
summary h2 { display: flex; align-items: center; gap: 0.5rem; }
summary .word { min-width: 4.5rem; font-weight: 600; font-size: 0.875rem; }
summary .address { font-size: 0.9375rem; font-weight: 600; }
summary .count { font-variant-numeric: tabular-nums; color: var(--quiet); }
summary .row { display: flex; flex-wrap: wrap; gap: 3px; justify-content: flex-end; }

table { width: 100%; table-layout: fixed; border-collapse: collapse; border-top: 1px solid var(--line); }
thead .server { width: 11.5rem; }
thead .latency { width: 12.25rem; }
thead .probes { width: 16.25rem; }
thead .weight, thead .active { width: 3.75rem; }
thead .inactive { width: 4.5rem; }
thead .certificate { width: 8.25rem; }
th, td { padding: 0.55rem 0.6rem; text-align: left; vertical-align: baseline; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { padding-left: 1rem; }
th:last-child, td:last-child { padding-right: 1rem; }
thead th { padding-block: 0.4rem; font-size: 0.75rem; font-weight: 500; color: var(--quiet); background: var(--raised); white-space: nowrap; }
tbody tr:last-child > * { border-bottom-color: var(--line); }
th.server { font-weight: 600; overflow-wrap: anywhere; }
thead th.server { font: inherit; font-size: 0.75rem; font-weight: 500; }
td.state .glyph { margin-right: 0.4rem; }
td.state small { padding-left: 1.2125rem; }
.leaving td.state small { padding-left: 0; }
tr.up b, li.up b { color: var(--good); }
tr.sick b, li.sick b { color: var(--poor); }
tr.dead b, li.dead b { color: var(--bad); }
.counts { color: var(--quiet); font-variant-numeric: tabular-nums; }
.host { font-weight: 500; color: var(--quiet); }
.note.warning { color: var(--poor); }
.weight, .active, .inactive { text-align: right; font-variant-numeric: tabular-nums; }
.latency, .probes, .certificate { white-space: nowrap; }
.last { display: inline-block; min-width: 3.4rem; text-align: right; font-variant-numeric: tabular-nums; }
.certificate .glyph { margin-right: 0.4rem; }
tr .certificate .warning b { color: var(--poor); }
tr .certificate .critical b { color: var(--bad); }
.missing { color: var(--quiet); }
.spark, .hour, .legend svg { vertical-align: -2px; }
.spark { overflow: visible; }
.spark path { fill: none; stroke: var(--quiet); stroke-width: 1.25; stroke-linejoin: round; }
.spark circle { fill: var(--accent); }
.hour path { stroke-dasharray: 3 1; }
.hour path, .legend path { fill: none; }
.o { stroke: var(--good-bar); stroke-width: 9; }
.s { stroke: var(--poor-bar); stroke-width: 10; }
.f { stroke: var(--bad-bar); stroke-width: 20; }
.n { stroke: var(--none-bar); stroke-width: 2; }

dl { display: flex; flex-wrap: wrap; gap: 0.3rem 1.75rem; padding: 0.7rem 1rem; font-size: 0.8125rem; }
dl div { display: flex; gap: 0.4rem; }
dt { white-space: nowrap; color: var(--quiet); }

section { padding: 0.8rem 1rem; margin-top: 1.25rem; }
ol { list-style: none; }
li { display: grid; grid-template-columns: 4.6rem 1rem 1fr auto; gap: 0.25rem; align-items: baseline; padding: 0.22rem 0; }
li + li { border-top: 1px solid var(--line); }
li time { font-variant-numeric: tabular-nums; }
li .said { overflow-wrap: anywhere; }
footer { display: flex; flex-wrap: wrap; gap: 0.3rem 1.75rem; padding: 0.25rem 1rem; font-size: 0.8125rem; color: var(--quiet); }
footer .legend { flex-basis: 100%; }
footer .legend svg { margin-left: 0.75rem; }

@media (max-width: 78rem) {
  table, tbody { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody tr { display: grid; grid-template-columns: minmax(0, 1fr) 3.5rem 3.5rem 4rem 9rem; gap: 0.4rem 1rem; padding: 0.8rem 1rem; border-bottom: 1px solid var(--line); }
  tbody th, tbody td, tbody th:first-child, tbody td:last-child { display: block; padding: 0; border: 0; text-align: left; }
  th.server { grid-area: 1 / 1; }
  td.state { grid-area: 2 / 1 / span 2; }
  td.probes { grid-area: 1 / 2 / auto / -1; }
  td.latency { grid-area: 2 / 2 / auto / -1; }
  td.weight, td.active, td.inactive, td.certificate { grid-row: 3; text-align: left; }
  td.latency::before { content: "Answers in "; }
  td.probes::before { content: "Probes of the last hour "; }
  td.weight::before { content: "Weight "; }
  td.active::before { content: "Active "; }
  td.inactive::before { content: "Inactive "; }
  td.certificate::before { content: "Certificate "; }
  td.latency::before, td.probes::before, td.weight::before, td.active::before, td.inactive::before, td.certificate::before { display: block; color: var(--quiet); font-size: 0.75rem; }
  .leaving .latency, .leaving .probes { display: none; }
}
@media (max-width: 44rem) {
  header .asof { margin: 0; flex-basis: 100%; }
  summary { grid-template-columns: 1rem 1fr; gap: 0.4rem 0.75rem; }
  summary .count, summary .row { grid-column: 2; justify-content: flex-start; }
  tbody tr { grid-template-columns: repeat(3, auto) 1fr; }
  th.server, td.state, td.probes, td.latency { grid-area: auto / 1 / auto / -1; }
  td.weight, td.active, td.inactive, td.certificate { grid-row: auto; }
  li { grid-template-columns: 4.6rem 1rem 1fr; }
  li > .quiet { grid-column: 3; font-size: 0.8125rem; }
}
@media (forced-colors: active) {
  .glyph, .spark circle { fill: CanvasText; }
  .hour path, .legend path, .spark path { stroke: CanvasText; }
}
`;
