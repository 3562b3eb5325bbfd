import { classOf, type Evidence, type EvidenceClass } from './evidence.js';

export type HealthState = 'unknown' | 'up' | 'sick' | 'dead';

/** What is known of one real server. Immutable: {@link step} returns the next. */
export interface Health {
  readonly state: HealthState;
  /** When `state` was entered, in milliseconds of the monotonic clock. */
  readonly sinceMs: number;
  readonly lastEvidence: Evidence | null;
  /** How many pieces of evidence in a row, the last one included, were of its class. */
  readonly sameClass: number;
  /** How many in a row were failures, of whatever class. 0 after a success. */
  readonly failures: number;
}

export interface HealthPolicy {
  /** Failures in a row that make a server down. At least 1. */
  readonly fall: number;
  /** Successes in a row that make a server that was down up again. At least 1. */
  readonly rise: number;
}

export function unknownHealth(nowMs: number): Health {
  return { state: 'unknown', sinceMs: nowMs, lastEvidence: null, sameClass: 0, failures: 0 };
}

/** The health after one more piece of evidence. The table is in docs/decisions.md. */
export function step(health: Health, evidence: Evidence, nowMs: number, policy: HealthPolicy): Health {
  const evidenceClass = classOf(evidence.kind);
  const lastClass = health.lastEvidence === null ? null : classOf(health.lastEvidence.kind);
  const sameClass = evidenceClass === lastClass ? health.sameClass + 1 : 1;
  const failures = evidenceClass === 'up' ? 0 : health.failures + 1;
  const state = nextState(health.state, evidenceClass, sameClass, failures, policy);
  const sinceMs = state === health.state ? health.sinceMs : nowMs;
  return { state, sinceMs, lastEvidence: evidence, sameClass, failures };
}

function nextState(
  state: HealthState,
  evidenceClass: EvidenceClass,
  sameClass: number,
  failures: number,
  policy: HealthPolicy,
): HealthState {
  if (evidenceClass === 'up') {
    // A server that nobody has doubted yet needs no second opinion to be believed.
    return state === 'unknown' || sameClass >= policy.rise ? 'up' : state;
  }
  if (sameClass >= policy.fall) return evidenceClass;
  // Down, but not for one reason: believe the gentler one, which lets live connections finish.
  return failures >= policy.fall && (state === 'up' || state === 'unknown') ? 'sick' : state;
}

/** Whether the next piece of evidence may change the state, so that it is worth having soon. */
export function onEdge(health: Health): boolean {
  if (health.lastEvidence === null) return true;
  const evidenceClass = classOf(health.lastEvidence.kind);
  return health.state !== evidenceClass;
}
