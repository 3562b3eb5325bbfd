import { timeLimit } from '../../lab/time-limit.js';
import type { ProbeRequest } from '../../src/probe/request.js';

/** Far beyond what any test takes, however busy the machine is. */
export const LONG_MS = timeLimit(20_000);

/** A probe by HTTPS that verifies certificates, with what is given instead. */
export function probeRequest(more: Partial<ProbeRequest> = {}): ProbeRequest {
  return {
    scheme: 'https',
    port: null,
    sourcePorts: 'auto',
    method: 'GET',
    path: '/healthz',
    headers: {},
    body: null,
    acceptedStatuses: new Set(),
    connectTimeoutMs: LONG_MS,
    timeoutMs: LONG_MS,
    tls: { verify: true, serverName: null },
    ...more,
  };
}
