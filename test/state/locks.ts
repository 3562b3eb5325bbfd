/** Holds that tests take: in the network namespace of the tests, of virtual servers that nobody has. */
import assert from 'node:assert/strict';
import type { Clock } from '../../src/control-loop/ports.js';
import { endpoint, type Endpoint } from '../../src/values/endpoint.js';
import { acquireInstanceLock, type InstanceLock } from '../../src/state/instance-lock.js';

export const uid = process.geteuid?.() ?? assert.fail();
const signal = new AbortController().signal;
/** None that a test would wait for. */
export const impatient: Clock = {
  now: () => 0,
  sleep: () => Promise.reject(new Error('nobody was to wait')),
};

/** This process's own. */
export const PORT = (process.pid % 65535) + 1;
let last = 0;
/** Of TEST-NET-2. */
export const virtualServer = (): Endpoint => endpoint('ipv4', `198.51.100.${++last}`, PORT);

export function take(vs = virtualServer(), clock = impatient): Promise<InstanceLock> {
  return acquireInstanceLock(vs, { uid, clock, signal });
}
