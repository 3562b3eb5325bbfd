import { desire, type Intent } from './desired.js';
import type { Endpoint } from './endpoint.js';
import type { Evidence } from './evidence.js';
import { step, unknownHealth, type Health, type HealthState } from './health.js';
import type { Row } from './table.js';

/** What one probe of a server found; null for one that proved nothing. */
interface Probed {
  readonly server: Endpoint;
  readonly evidence: Evidence | null;
}

/** What becomes of a server, did it go on like this. */
export interface Prospect {
  readonly state: HealthState;
  readonly intent: Intent;
  /** It serves although it is not up, because none is. */
  readonly lastResort: boolean;
}

/**
 * What care would come to if each server went on answering as it did this once: as many times as make a verdict, and
 * while each has a row with a connection. In the order of the servers.
 */
export function prospects(probed: readonly Probed[], fall: number): readonly Prospect[] {
  const heard = probed.filter(({ evidence }) => evidence !== null && evidence.kind !== 'silent');
  const servers = probed.map(({ server, evidence }) => ({
    server,
    health: healthAfter(evidence, fall, heard.length > 0),
  }));
  const found = probed.map(({ server }) => rowOf(server));
  const { rows, lastResort } = desire(servers, found, new Map(), 0, POLICY);
  return servers.map(({ health: { state } }, index) => {
    const intent = rows[index]?.intent ?? { kind: 'keep' };
    return { state, intent, lastResort: lastResort && state !== 'up' && intent.kind === 'serve' };
  });
}

const POLICY = { scheduler: 'rr', weight: 1, drainTimeoutMs: Infinity };

function healthAfter(evidence: Evidence | null, fall: number, witnessed: boolean): Health {
  let health = unknownHealth(0);
  if (evidence === null) return health;
  const question = { askedMs: 0, heardMs: witnessed ? 0 : null };
  // Two prove even that nobody could be reached.
  for (let count = 0; count < Math.max(fall, 2); count += 1)
    health = step(health, evidence, 0, { fall, rise: 1, maxHoldMs: 0 }, question);
  return health;
}

function rowOf(server: Endpoint): Row {
  const limits = { upperThreshold: 0, lowerThreshold: 0 };
  return { server, weight: 1, forwarding: 'masquerade', ...limits, active: 1, connections: 1 };
}
