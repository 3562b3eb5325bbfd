import { desire, type Intent } from './desired.js';
import { endpoint, type Endpoint } from '../values/endpoint.js';
import type { Evidence } from '../values/evidence.js';
import { step, unknownHealth, type Health, type HealthState } from './health.js';
import type { Destination } from '../values/table.js';

/** What becomes of a server while another one is up. */
export interface Forecast {
  readonly state: HealthState;
  readonly intent: Intent;
}

/**
 * What care would come to if a server went on answering as it did this once: as many times as make a verdict, and while it
 * has a destination with a connection and another server is up. If none is, the result depends on all
 * servers, which only care knows.
 *
 * @param evidence What one probe found; null for one that proved nothing.
 */
export function forecast(server: Endpoint, evidence: Evidence | null, fall: number): Forecast {
  const health = healthAfter(evidence, fall);
  const usual = { drained: false, preferred: false, suspectSinceMs: null };
  const servers = [
    { server, health, ...usual },
    { server: ANOTHER, health: healthAfter({ kind: 'ok', detail: '' }, 1), ...usual },
  ];
  const { destinations } = desire(servers, [rowOf(server)], new Map(), 0, POLICY);
  return { state: health.state, intent: destinations[0]?.intent ?? { kind: 'keep' } };
}

const POLICY = { scheduler: 'rr', weights: new Map(), drainTimeoutMs: Infinity };

/** No server has this address. */
const ANOTHER = endpoint('ipv4', '0.0.0.0', 0);

function healthAfter(evidence: Evidence | null, fall: number): Health {
  let health = unknownHealth(0);
  if (evidence === null) return health;
  // The other server answered, so a silence is the fault of this one.
  const question = { askedMs: 0, witnessedMs: 0 };
  // Two prove even that the server is unreachable.
  for (let count = 0; count < Math.max(fall, 2); count += 1)
    health = step(health, evidence, 0, { fall, rise: 1, maxHoldMs: 0 }, question);
  return health;
}

function rowOf(server: Endpoint): Destination {
  const limits = { upperThreshold: 0, lowerThreshold: 0 };
  return { server, weight: 1, forwarding: 'masquerade', ...limits, active: 1, connections: 1 };
}
