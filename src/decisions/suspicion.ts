/**
 * Whether a server that is up is suspect: clients of this node wait for it for unusually long, it does not answer a probe either, and
 * another server does. The table of decisions is in docs/decisions.md. Times are of the monotonic clock, in milliseconds.
 */

/** What is suspected of one server. Immutable. */
export interface Suspicion {
  /** Since when it is suspect; null if it is not. */
  readonly sinceMs: number | null;
  /** How many suspicions in a row an answer ended within {@link WARRANTED_MS}. */
  readonly falseAlarms: number;
  /** When the last suspicion ended; null if there was none. */
  readonly endedMs: number | null;
}

export const UNSUSPECTED: Suspicion = { sinceMs: null, falseAlarms: 0, endedMs: null };

/** A suspicion without a verdict ends after so long, or with the probe that is under way then. */
export const LONGEST_SUSPICION_MS = 3000;
/** A client is late after so long at the soonest, and after {@link LONGEST_LATE_MS} at the latest. */
const SHORTEST_LATE_MS = 200;
/** A probe for late clients is late after so long at the soonest. */
const SHORTEST_QUESTION_MS = 150;
const LONGEST_LATE_MS = 3000;
/** A suspicion that lasted for so long was no false alarm: new clients would have waited as long. */
const WARRANTED_MS = 1000;
/** After the first false alarm a server is not suspected for so long; the time doubles with each. */
const FIRST_TRUST_MS = 10_000;
const LONGEST_TRUST_MS = 60_000;

/** An answer that takes so many times as long as the median of the last ones takes longer than usual. */
const LONGER = 3;

/** The longest that is usual, by how long the last answers took; Infinity without any. In milliseconds. */
function longestUsualMs(answersMs: readonly number[]): number {
  return LONGER * (answersMs.toSorted((one, other) => one - other)[(answersMs.length - 1) >> 1] ?? Infinity);
}

/**
 * After how long a client that waits for one packet is late, in milliseconds. A new connection, its TLS handshake and a request take three
 * round trips at least: a client that waits longer than that for one of them waits longer than usual.
 *
 * @param freshMs How long the last answers over new connections took, in milliseconds.
 * @param answersMs How long the last answers took, over whatever connection.
 */
export function lateAfterMs(freshMs: readonly number[], answersMs: readonly number[]): number {
  return between(
    SHORTEST_LATE_MS,
    Math.max(Math.min(...freshMs), longestUsualMs(answersMs)),
    LONGEST_LATE_MS,
  );
}

/** After how long a probe over the kept connection is late, for which clients wait, too. Parameter and unit as of {@link lateAfterMs}. */
export function questionLateAfterMs(answersMs: readonly number[]): number {
  return between(SHORTEST_QUESTION_MS, longestUsualMs(answersMs), LONGEST_LATE_MS);
}

function between(least: number, value: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

/** Whether late clients are a reason to probe the server, and to suspect it if it is silent. */
export function maySuspect({ sinceMs, falseAlarms, endedMs }: Suspicion, nowMs: number): boolean {
  if (sinceMs !== null) return false;
  if (endedMs === null || falseAlarms === 0) return true;
  return nowMs - endedMs >= Math.min(LONGEST_TRUST_MS, FIRST_TRUST_MS * 2 ** (falseAlarms - 1));
}

/** The server is suspect from now on. */
export function suspect(suspicion: Suspicion, nowMs: number): Suspicion {
  return { ...suspicion, sinceMs: nowMs };
}

/** Why a server is suspect no longer: it answered, or it is down, or {@link LONGEST_SUSPICION_MS} are over. */
export type SuspicionEnd = 'answered' | 'down' | 'no verdict';

/** The server is suspect no longer. */
export function endSuspicion(
  { sinceMs, falseAlarms }: Suspicion,
  nowMs: number,
  why: SuspicionEnd,
): Suspicion {
  const lastedMs = sinceMs === null ? 0 : nowMs - sinceMs;
  // Without a verdict it is damped, or the server would be suspected again at once.
  const warranted = why === 'down' || (why === 'answered' && lastedMs >= WARRANTED_MS);
  return { sinceMs: null, falseAlarms: warranted ? 0 : falseAlarms + 1, endedMs: nowMs };
}

/**
 * Which of the servers that are up and serve get no new connections because they are suspect: those that have been longest, at most
 * half of them, and never all.
 *
 * @param sinceMs Of each server that is up: since when it is suspect, or null.
 */
export function believedSuspects<Server>(sinceMs: ReadonlyMap<Server, number | null>): ReadonlySet<Server> {
  const suspects = [...sinceMs].flatMap(([server, since]) => (since === null ? [] : [{ server, since }]));
  suspects.sort((one, other) => one.since - other.since);
  return new Set(suspects.slice(0, Math.floor(sinceMs.size / 2)).map(({ server }) => server));
}
