import { answered, classOf, type Evidence, type EvidenceClass } from '../values/evidence.js';

export type HealthState = 'unknown' | 'up' | 'sick' | 'dead';

/** What is known of one real server. Immutable: {@link step} returns the next. Times are of the monotonic clock. */
export interface Health {
  readonly state: HealthState;
  /** When `state` was entered, in milliseconds. */
  readonly sinceMs: number;
  readonly lastEvidence: Evidence | null;
  /** How many pieces of evidence in a row, the last one included, were of its class. */
  readonly sameClass: number;
  /** How many in a row were failures, of whatever class. 0 after a success. */
  readonly failures: number;
  /** When the successes in a row that the last evidence belongs to began, in milliseconds; null if it is none. */
  readonly okSinceMs: number | null;
  /** How far it came since its port last refused a connection: a restart begins with refusals. */
  readonly start: Start;
  /** When it last answered, be it by a refusal, in milliseconds. */
  readonly answeredMs: number | null;
  /** Silent, as far as the last evidence goes; null if it was something else. */
  readonly silence: Silence | null;
  /** When it last came back up, in milliseconds; null if it never was down. */
  readonly readmittedMs: number | null;
  /** How often in a row it fell soon after it had come back. */
  readonly relapses: number;
}

/** Neither a refusal nor a good answer was seen yet; it has not been well since a refusal; it has. */
type Start = 'unseen' | 'pending' | 'done';

interface Silence {
  /** When the pieces of evidence in a row that say so began, in milliseconds. */
  readonly sinceMs: number;
  /** As many pieces of evidence in a row as make a server down. */
  readonly sure: boolean;
  readonly count: number;
  /** How many of them are of probes that began after another server had answered. */
  readonly proofs: number;
  /** It was asked when this node was not cut off, and was silent all the same. */
  readonly witnessed: boolean;
}

/** How a piece of evidence came to be. */
interface Question {
  /** When it was asked, in milliseconds; null for the loss of a kept connection, which answers no probe. */
  readonly askedMs: number | null;
  /** When another server first answered since this one fell silent, in milliseconds; null if none has. */
  readonly witnessedMs: number | null;
}

const UNASKED: Question = { askedMs: null, witnessedMs: null };

export interface HealthPolicy {
  /** Failures in a row that make a server down. At least 1. */
  readonly fall: number;
  /** Successes in a row that make a server that was down up again. At least 1. */
  readonly rise: number;
  /** The longest that a server which flaps is held out although it answers, in milliseconds; 0 for never. */
  readonly maxHoldMs: number;
}

/** A server that falls again within this time after it came back has relapsed. */
const STEADY_MS = 10_000;
/** The hold after the first relapse; it doubles with each. */
const FIRST_HOLD_MS = 1000;

export function unknownHealth(nowMs: number): Health {
  return {
    state: 'unknown',
    sinceMs: nowMs,
    lastEvidence: null,
    sameClass: 0,
    failures: 0,
    okSinceMs: null,
    start: 'unseen',
    answeredMs: null,
    silence: null,
    readmittedMs: null,
    relapses: 0,
  };
}

/**
 * The health after one more piece of evidence. The table is in docs/decisions.md.
 *
 * @param question Matters for silence alone.
 */
export function step(
  health: Health,
  evidence: Evidence,
  nowMs: number,
  policy: HealthPolicy,
  question = UNASKED,
): Health {
  const { kind } = evidence;
  const evidenceClass = classOf(kind);
  const lastClass = health.lastEvidence === null ? null : classOf(health.lastEvidence.kind);
  const seen: Health = {
    ...health,
    lastEvidence: evidence,
    sameClass: evidenceClass === lastClass ? health.sameClass + 1 : 1,
    failures: evidenceClass === 'up' ? 0 : health.failures + 1,
    okSinceMs: evidenceClass === 'up' ? (health.okSinceMs ?? nowMs) : null,
    start: evidenceClass === 'up' ? 'done' : kind === 'refused' ? 'pending' : health.start,
    answeredMs: answered(kind) ? nowMs : health.answeredMs,
    silence: kind === 'silent' ? silenceOf(health, evidence, nowMs, policy, question) : null,
  };
  return enter(seen, nextState(seen, evidenceClass, nowMs, policy), nowMs, policy);
}

/**
 * What was asked before this node could reach any server proves nothing: the answer may be lost in an outage of its own, which
 * was over when the other one answered.
 */
function silenceOf(
  { silence }: Health,
  { unreachable, witnessed }: Evidence,
  nowMs: number,
  { fall }: HealthPolicy,
  { askedMs, witnessedMs }: Question,
): Silence {
  const sinceMs = silence?.sinceMs ?? nowMs;
  const count = (silence?.count ?? 0) + 1;
  const proves = witnessed === true || (askedMs !== null && witnessedMs !== null && askedMs >= witnessedMs);
  const proofs = (silence?.proofs ?? 0) + (proves ? 1 : 0);
  // The kernel may have found during the outage that a server cannot be reached.
  const enough = proves && proofs >= (unreachable === true ? 2 : 1);
  return { sinceMs, count, sure: count >= fall, proofs, witnessed: silence?.witnessed === true || enough };
}

function nextState(
  seen: Health,
  evidenceClass: EvidenceClass,
  nowMs: number,
  policy: HealthPolicy,
): HealthState {
  const { state, sameClass, failures, lastEvidence } = seen;
  if (evidenceClass === 'up') {
    // A server without a failure yet needs no witness.
    if (state === 'unknown') return 'up';
    return sameClass >= policy.rise && nowMs >= (heldUntilMs(seen, policy) ?? nowMs) ? 'up' : state;
  }
  if (sameClass >= policy.fall || lastEvidence?.conclusive === true) return evidenceClass;
  // Down, but not for one reason: believe the gentler one, which lets live connections finish.
  return failures >= policy.fall && (state === 'up' || state === 'unknown') ? 'sick' : state;
}

function enter(health: Health, state: HealthState, nowMs: number, policy: HealthPolicy): Health {
  if (state === health.state) return health;
  const entered = { ...health, state, sinceMs: nowMs };
  if (state === 'up') return { ...entered, readmittedMs: health.state === 'unknown' ? null : nowMs };
  if (health.state !== 'up') return entered;
  // It may be this node that was cut off.
  if (health.silence?.witnessed === false) return entered;
  const steadyMs = STEADY_MS + 2 * holdMs(health, policy);
  const relapsed = health.readmittedMs !== null && nowMs - health.readmittedMs < steadyMs;
  return { ...entered, relapses: relapsed ? health.relapses + 1 : 0 };
}

/** For how long it must answer without a failure before it is believed again, beside `rise`. */
function holdMs({ relapses }: Health, policy: HealthPolicy): number {
  return relapses === 0 ? 0 : Math.min(FIRST_HOLD_MS * 2 ** (relapses - 1), policy.maxHoldMs);
}

/**
 * Until when a server that is down and answers again is held out because it flaps, in milliseconds of the monotonic
 * clock; null for one that does not flap, or does not answer.
 */
export function heldUntilMs(health: Health, policy: HealthPolicy): number | null {
  const { state, okSinceMs } = health;
  const hold = holdMs(health, policy);
  return okSinceMs === null || hold === 0 || state === 'up' ? null : okSinceMs + hold;
}

/** Whether the next piece of evidence may change the state, so that it is worth having soon. */
export function onEdge(health: Health): boolean {
  if (health.lastEvidence === null) return true;
  const evidenceClass = classOf(health.lastEvidence.kind);
  return health.state !== evidenceClass;
}

interface ProbePace {
  /** Between probes, in milliseconds. */
  readonly intervalMs: number;
  /** Between probes while the next one may change the verdict, in milliseconds. */
  readonly fastIntervalMs: number;
}

/** How long to wait before the next probe, in milliseconds. */
export function probeDelayMs(health: Health, nowMs: number, policy: HealthPolicy & ProbePace): number {
  const { intervalMs, fastIntervalMs } = policy;
  if (!onEdge(health)) return intervalMs;
  const heldMs = (heldUntilMs(health, policy) ?? nowMs) - nowMs;
  // One that is held out changes its state by failing, which may wait, or when the hold is over.
  return Math.max(fastIntervalMs, Math.min(heldMs, intervalMs));
}
