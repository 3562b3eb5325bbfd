import { durationInWords } from '../report/summary.js';
import { markup, type Markup } from './markup.js';

/** `12 s ago`, with the time as a tip. */
export function ago(atMs: number, nowMs: number): Markup {
  return moment(atMs, `${durationInWords(nowMs - atMs)} ago`);
}

/** `for 12 s`, with the time when it began as a tip. */
export function since(sinceMs: number, nowMs: number): Markup {
  return moment(sinceMs, `for ${durationInWords(nowMs - sinceMs)}`);
}

/** Words about a moment, with its time for machines and as a tip. */
export function moment(atMs: number, words: string): Markup {
  const iso = isoOf(atMs);
  return markup`<time datetime="${iso}" title="${dateAndTime(iso)}">${words}</time>`;
}

/** `2026-10-05 12:03:04 UTC`, as in the log. */
function dateAndTime(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')} UTC`;
}

/** `12:03:04`, in UTC. */
export function timeOfDay(atMs: number): string {
  return isoOf(atMs).slice(11, 19);
}

/** `2026-10-05`, in UTC. */
export function dayOf(atMs: number): string {
  return isoOf(atMs).slice(0, 10);
}

function isoOf(atMs: number): string {
  return new Date(atMs).toISOString();
}
