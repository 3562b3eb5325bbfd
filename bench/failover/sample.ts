/** From what was seen of one event to what is reported of it. Pure. */
import type { BusyResult, StreamResult } from '../client/client-calls.js';
import type { EventName } from './events.js';

/** The moments of one event, in ms of the run's clock. */
export interface Moments {
  readonly struckMs: number;
  /** Out of rotation, or null if that did not happen within the limit. */
  readonly outMs: number | null;
  readonly recoveredMs: number;
  /** Back in rotation; null likewise. */
  readonly backMs: number | null;
  /** The end of watching. */
  readonly endedMs: number;
}

/** The longest time that the kept connection was silent, from the event on. */
interface Hang {
  /** The request every 100 ms makes 100 ms usual. */
  readonly hangMs: number;
  /** It lasted until the server was back. */
  readonly untilBack: boolean;
  /** How the connection ended, before the recovery or after it; null if it was kept. */
  readonly ended: string | null;
}

export interface EventSample {
  readonly event: EventName;
  readonly master: string;
  /** Where in the interval between two checks the event was put. */
  readonly phaseMs: number;
  /** null: longer than the limit. */
  readonly outMs: number | null;
  readonly backMs: number | null;
  /** Connections of the stream that began from the event on. */
  readonly attempts: number;
  readonly failures: number;
  readonly codes: Readonly<Record<string, number>>;
  /** When the last connection that failed began, from the event on; 0 if none did. */
  readonly lastFailureMs: number;
  readonly busy: Hang;
  /** How often a healthy server was taken out meanwhile. */
  readonly falseVerdicts: number;
  /** How busy the guest's CPU was, 0 to 1. Near 1 all times are longer than they had to be. */
  readonly load: number;
}

/** What was known before, and what was counted beside. */
type Circumstances = Pick<EventSample, 'event' | 'master' | 'phaseMs' | 'falseVerdicts' | 'load'>;

export function sampleOf(
  circumstances: Circumstances,
  moments: Moments,
  stream: StreamResult,
  busy: BusyResult,
): EventSample {
  const { struckMs, outMs, recoveredMs, backMs } = moments;
  // A connection that was under way when it happened suffers from it as well.
  const failures = stream.failures.filter(({ beganMs }) => beganMs >= struckMs - UNDER_WAY_MS);
  const codes: Record<string, number> = {};
  for (const { code } of failures) codes[code] = (codes[code] ?? 0) + 1;
  return {
    ...circumstances,
    outMs: outMs === null ? null : outMs - struckMs,
    // The observer may have seen it before we were told that the server listens.
    backMs: backMs === null ? null : Math.max(0, backMs - recoveredMs),
    attempts: stream.attempts,
    failures: failures.length,
    codes,
    lastFailureMs: Math.max(0, ...failures.map(({ beganMs }) => beganMs - struckMs)),
    busy: longestHang(busy, moments),
  };
}

/** Two connections of the stream may overlap. */
const UNDER_WAY_MS = 100;

export function longestHang({ answersMs, ending }: BusyResult, moments: Moments): Hang {
  const { struckMs, recoveredMs, endedMs } = moments;
  const lastMs = ending?.atMs ?? endedMs;
  const marks = [...answersMs.filter((atMs) => atMs > struckMs && atMs < lastMs), Math.max(struckMs, lastMs)];
  let hangMs = 0;
  let untilBack = false;
  let sinceMs = struckMs;
  for (const atMs of marks) {
    if (sinceMs < recoveredMs && atMs - sinceMs > hangMs) {
      hangMs = atMs - sinceMs;
      untilBack = atMs >= recoveredMs && hangMs > LIVELY_MS;
    }
    sinceMs = atMs;
  }
  return { hangMs, untilBack, ended: ending?.code ?? null };
}

/** Answers further apart than this were held up by somebody. */
const LIVELY_MS = 500;
