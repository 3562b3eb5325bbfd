/** Instance locks for tests, in the network namespace of the tests, of virtual servers that do not exist. */
import assert from 'node:assert/strict';
import type { Clock } from '../../src/control-loop/ports.js';
import { endpoint, type Endpoint } from '../../src/values/endpoint.js';
import type { Claims } from '../../src/state/instance-claims.js';
import { acquireInstanceLock, type InstanceLock } from '../../src/state/instance-lock.js';

export const uid = process.geteuid?.() ?? assert.fail();
const signal = new AbortController().signal;
/** Virtual servers that an lvscare in another process claims; test/program/instance.kernel.test.ts has the kernel's own claims. */
export const claimedElsewhere = new Set<string>();
const ours = new Map<number, string>();
let lastPort = 0;
/** Claims without NET_ADMIN. */
export const claims: Claims = {
  open(name) {
    const portId = (lastPort += 1);
    ours.set(portId, name);
    return { portId, close: () => void ours.delete(portId) };
  },
  openAmong(names, own) {
    const open = [...ours].filter(([portId]) => portId !== own?.portId).map(([, name]) => name);
    return Promise.resolve(names.filter((name) => open.includes(name) || claimedElsewhere.has(name)));
  },
};

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
  return acquireInstanceLock(vs, { clock, signal, claims });
}
