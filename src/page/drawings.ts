/** The drawings of the page: SVG, each with its words. Shapes show what colours show. */
import type { MinuteReport } from '../report/report.js';
import { Markup, markup } from './markup.js';
import { timeOfDay } from './times.js';

const MINUTE_MS = 60_000;
const MINUTES = 60;

const SPARK = { step: 2, height: 20, margin: 2 };
const MOST_ANSWERS = 60;
const BAR = { step: 4, ok: 9, all: 20, none: 2 };

/** The times of the last answers as a line, from zero to the longest. */
export function sparkline(recentMs: readonly number[]): Markup {
  const { step, height, margin } = SPARK;
  const width = 2 * margin + (MOST_ANSWERS - 1) * step;
  const longest = Math.max(...recentMs, 0.001);
  // In halves of a pixel, each point relative to the one before: a page may have a thousand of these.
  const ys = recentMs.map((ms) => Math.round(2 * (1 - ms / longest) * (height - 2 * margin)) / 2 + margin);
  const first = ys[0] ?? margin;
  const moves = ys.slice(1).map((y, index) => y - (ys[index] ?? y));
  const line = moves.map((dy) => `${step}${dy < 0 ? '' : ' '}${dy}`).join(' ');
  const d = `M${width - margin - step * moves.length} ${first}l${line === '' ? '0 0' : line}`;
  return markup`<svg class="spark" width="${width}" height="${height}" role="img" aria-label="${inWords(recentMs)}"><path d="${d}"/><circle cx="${width - margin}" cy="${ys.at(-1) ?? first}" r="2"/></svg>`;
}

function inWords(recentMs: readonly number[]): string {
  const sorted = recentMs.toSorted((one, other) => one - other);
  const [least, median, most] = [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)].map(millis);
  const count = sorted.length === 1 ? 'The last answer' : `The last ${sorted.length} answers`;
  return `${count}: ${least ?? ''} to ${most ?? ''}, half of them within ${median ?? ''}`;
}

/** `0.8 ms`, `12 ms`, `1.2 s` */
export function millis(ms = 0): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** The results of the probes of one minute. */
type MinuteKind = 'ok' | 'some' | 'failed';

/**
 * The last hour as a bar for each minute, now at the right: a short bar if all probes succeeded, a high one if all failed, in
 * two parts if some did, and a dash if there was none.
 */
export function hourStrip(history: readonly MinuteReport[], nowMs: number): Markup {
  const slots = new Array<MinuteReport | null>(MINUTES).fill(null);
  for (const minute of history) {
    const slot = MINUTES - 1 - Math.max(0, Math.floor((nowMs - minute.atMs) / MINUTE_MS));
    if (slot >= 0) slots[slot] = minute;
  }
  const kinds = slots.map((minute) => (minute === null ? null : kindOf(minute)));
  const { all, ok, none } = BAR;
  const bars: readonly (readonly [
    className: string,
    kind: readonly (MinuteKind | null)[],
    number,
    number,
  ])[] = [
    ['n', [null], none, 0],
    ['o', ['ok', 'some'], ok, 0],
    ['s', ['some'], all - ok - 1, ok + 1],
    ['f', ['failed'], all, 0],
  ];
  const paths = bars.map(([className, which, height, above]) => {
    const d = runs(kinds.map((kind) => which.includes(kind)))
      .map(
        ([from, count]) => `M${from * BAR.step} ${round(all - above - height / 2)}h${count * BAR.step - 1}`,
      )
      .join('');
    // One line for each run of minutes, as wide as the bars are high; the dashes are the bars.
    return d === '' ? null : markup`<path class="${className}" d="${d}"/>`;
  });
  const width = MINUTES * BAR.step - 1;
  return markup`<svg class="hour" width="${width}" height="${all}" viewBox="0 0 ${width} ${all}" role="img" aria-label="${hourInWords(slots)}">${paths}</svg>`;
}

function kindOf({ ok, failed }: MinuteReport): MinuteKind {
  if (failed === 0) return 'ok';
  return ok === 0 ? 'failed' : 'some';
}

/** The runs of true flags: where each begins, and how long it is. */
function runs(flags: readonly boolean[]): (readonly [from: number, count: number])[] {
  const found: [number, number][] = [];
  flags.forEach((flag, index) => {
    const last = found.at(-1);
    if (!flag) return;
    if (last !== undefined && last[0] + last[1] === index) last[1] += 1;
    else found.push([index, 1]);
  });
  return found;
}

/** How many of the minutes with failures are listed. */
const MOST_NAMED = 5;

function hourInWords(slots: readonly (MinuteReport | null)[]): string {
  const asked = slots.filter((minute) => minute !== null);
  const wrong = asked.filter(({ failed }) => failed > 0);
  if (asked.length === 0) return 'Last hour: not probed yet';
  const silent = slots.length - asked.length;
  const named = wrong
    .slice(-MOST_NAMED)
    .map(
      ({ atMs, failed, ok, kinds }) =>
        `${timeOfDay(atMs).slice(0, 5)} ${failed} of ${failed + ok} ${kinds.join(', ')}`,
    );
  return [
    `Last hour: ${minutes(asked.length - wrong.length)} without a failure`,
    ...(silent === 0 ? [] : [`${silent} not probed`]),
    ...(wrong.length === 0
      ? []
      : [
          `${wrong.length} with failures, ${wrong.length > MOST_NAMED ? 'the last ' : ''}${named.join('; ')}`,
        ]),
  ].join(', ');
}

function minutes(count: number): string {
  return count === 1 ? '1 minute' : `${count} minutes`;
}

export type Glyph = 'up' | 'sick' | 'dead' | 'unknown';

/** A disc, a triangle, a cross in a square, a ring: they differ without colours, too. In a box of 16 by 16. */
const GLYPHS: Readonly<Record<Glyph, Markup>> = {
  up: new Markup('<circle cx="8" cy="8" r="6.5"/>'),
  sick: new Markup('<path d="M8 1 15.5 14.5H.5z"/>'),
  dead: new Markup(
    '<path fill-rule="evenodd" d="M2.5 1.5h11a1 1 0 0 1 1 1v11a1 1 0 0 1-1 1h-11a1 1 0 0 1-1-1v-11a1 1 0 0 1 1-1M5.8 4.2 4.2 5.8 6.4 8l-2.2 2.2 1.6 1.6L8 9.6l2.2 2.2 1.6-1.6L9.6 8l2.2-2.2-1.6-1.6L8 6.4z"/>',
  ),
  unknown: new Markup(
    '<path fill-rule="evenodd" d="M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2m0 2a4 4 0 1 1 0 8 4 4 0 0 1 0-8"/>',
  ),
};

/** Hidden from screen readers: the same is beside it in words. */
export function glyph(kind: Glyph): Markup {
  return markup`<svg class="glyph ${kind}" viewBox="0 0 16 16" aria-hidden="true"><use href="#g-${kind}"/></svg>`;
}

/** What {@link glyph} refers to. */
export const GLYPH_SYMBOLS = markup`<svg class="defs" aria-hidden="true">${Object.entries(GLYPHS).map(([kind, shape]) => markup`<symbol id="g-${kind}" viewBox="0 0 16 16">${shape}</symbol>`)}</svg>`;

/** The same as an image for the browser's tab. */
export function iconOf(kind: Glyph, colour: string): string {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="${colour}">${GLYPHS[kind].text}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
