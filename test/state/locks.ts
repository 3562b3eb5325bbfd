/** Instance locks for tests, in the network namespace of the tests, of virtual servers that do not exist. */
import assert from 'node:assert/strict';
import type { Clock } from '../../src/control-loop/ports.js';
import { endpoint, type Endpoint } from '../../src/values/endpoint.js';
import { acquireInstanceLock, type InstanceLock } from '../../src/state/instance-lock.js';

export const uid = process.geteuid?.() ?? assert.fail();
const signal = new AbortController().signal;
/** For a lock that must be acquired without a wait. */
export const impatient: Clock = {
  now: () => 0,
  sleep: () => Promise.reject(new Error('it must not wait')),
};

/** Different for each test process. */
export const PORT = (process.pid % 65535) + 1;
let last = 0;
/** Of TEST-NET-2. */
export const virtualServer = (): Endpoint => endpoint('ipv4', `198.51.100.${++last}`, PORT);

export function take(vs = virtualServer(), clock = impatient): Promise<InstanceLock> {
  return acquireInstanceLock(vs, { uid, clock, signal });
}
