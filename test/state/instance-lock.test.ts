// Other users and other network namespaces are in test/program/instance.kernel.test.ts, processes that have the name and do not
// listen in instance-lock.tools.test.ts.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, describe, it } from 'node:test';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { timeLimit } from '../../lab/time-limit.js';
import type { Clock } from '../../src/control-loop/ports.js';
import { systemClock } from '../../src/daemon/clock.js';
import { endpoint } from '../../src/values/endpoint.js';
import type { Claims } from '../../src/state/instance-claims.js';
import {
  acquireInstanceLock,
  lockedNames,
  exclusively,
  readLock,
  processInWords,
  type InstanceLock,
} from '../../src/state/instance-lock.js';
import { hasNetAdmin } from '../../src/values/process-rights.js';
import type { LockHolder } from '../../src/values/lock-holder.js';
import { startListener } from '../support/listener.js';
import { claimedElsewhere, claims, impatient, PORT, take, uid, virtualServer } from './locks.js';

/** A process as it is named: without NET_ADMIN, with which the tests need not run, it is taken for a squatter beside an lvscare. */
async function named(pid: number): Promise<LockHolder | null> {
  return hasNetAdmin(await readFile(`/proc/${pid}/status`, 'utf8')) ? { pid, uid } : null;
}

/** The names of this process's locks, as the kernel lists them: other tests may be running. */
function names(): string[] {
  return readFileSync('/proc/net/unix', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(' ').at(-1) ?? '')
    .filter((name) => name.startsWith('@lvscare/198.51.100.') && name.includes(`:${PORT}@`));
}

describe('the instance lock of a virtual server', () => {
  const locks: InstanceLock[] = [];
  const keep = (lock: InstanceLock): InstanceLock => {
    locks.push(lock);
    return lock;
  };
  afterEach(async () => {
    for (const lock of locks.splice(0)) if (lock.kind === 'acquired') await lock.release();
    assert.deepEqual(names(), []);
  });

  it('is acquired by one process, which the second one learns, and is free again after its release', async () => {
    const vs = virtualServer();
    const first = await take(vs);
    assert.ok(first.kind === 'acquired');
    assert.deepEqual(await take(vs), { kind: 'held', by: await named(process.pid) });
    await first.release();
    assert.equal(keep(await take(vs)).kind, 'acquired');
  });

  it('is a different one for each address, family and port', async () => {
    const { address, port } = virtualServer();
    const others = [
      endpoint('ipv4', address, port),
      endpoint('ipv4', address, port === 1 ? 2 : port - 1),
      endpoint('ipv4', `${address.slice(0, -1)}9`, port),
      endpoint('ipv6', 'ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255', 65535),
    ];
    for (const vs of others) assert.equal(keep(await take(vs)).kind, 'acquired', vs.text);
  });

  it('has a name of full length, however this version of Node pads it', async () => {
    const vs = virtualServer();
    keep(await take(vs));
    assert.deepEqual(names(), [`@lvscare/${vs.text}`.padEnd(108, '@')]);
  });

  it('is acquired by exactly one of many attempts at once', async () => {
    const vs = virtualServer();
    const all = await Promise.all(Array.from({ length: 50 }, () => take(vs, systemClock)));
    for (const lock of all) keep(lock);
    const kinds = all.map(({ kind }) => kind).sort();
    assert.deepEqual(kinds, ['acquired', ...Array.from({ length: 49 }, () => 'held')]);
  });

  it('keeps no process alive, and ends with it', async () => {
    const vs = virtualServer();
    const script = `
      import { acquireInstanceLock } from '${new URL('../../src/state/instance-lock.js', import.meta.url).href}';
      const claims = { open: () => ({ portId: 1, close() {} }), openAmong: async () => [] };
      const lock = await acquireInstanceLock(${JSON.stringify(vs)}, { claims });
      console.log(lock.kind);
    `;
    const args = ['--input-type=module', '-e', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: timeLimit(60_000) });
    assert.equal(stdout, 'acquired\n');
    assert.equal(keep(await take(vs)).kind, 'acquired');
  });

  it('is held by a stopped process, and free at once when that is killed', async () => {
    const vs = virtualServer();
    const other = await startListener(`\0lvscare/${vs.text}`.padEnd(108, '\0'));
    claimedElsewhere.add(vs.text);
    other.signal('SIGSTOP');
    assert.deepEqual(await take(vs), { kind: 'held', by: await named(other.pid) });
    await other.kill();
    claimedElsewhere.delete(vs.text);
    assert.equal(keep(await take(vs)).kind, 'acquired');
  });

  it('has its name listed while it is held', async () => {
    const all = [virtualServer(), endpoint('ipv6', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe', 65535)];
    for (const vs of all) keep(await take(vs));
    const listed = await lockedNames(claims);
    for (const vs of all) assert.ok(listed.includes(vs.text), listed.join(' '));
  });

  it('is acquired without its name if a process has it and does not claim the lock, and the name is taken when it is free', async () => {
    const vs = virtualServer();
    const squatter = await startListener(`\0lvscare/${vs.text}`.padEnd(108, '\0'));
    const slept: number[] = [];
    const lock = keep(await take(vs, { now: () => 0, sleep: (ms) => Promise.resolve(void slept.push(ms)) }));
    assert.ok(lock.kind === 'acquired');
    assert.equal(lock.withoutName, `process ${squatter.pid} (uid ${uid}) has its name and is not an lvscare`);
    assert.ok(slept.reduce((sum, ms) => sum + ms, 0) >= 500, 'an lvscare that starts has time to claim');
    assert.deepEqual(await readLock(vs, claims), { kind: 'held', by: await named(squatter.pid) });
    const second = await take(vs, impatient);
    assert.equal(second.kind, 'held', 'the claim alone is the lock');
    assert.equal(await lock.takeName(), false);
    await squatter.kill();
    assert.equal(await lock.takeName(), true);
    assert.equal(await lock.takeName(), true, 'it is ours already');
  });

  it('is refused to a process that gets the name while another lvscare has only the claim', async () => {
    const vs = virtualServer();
    claimedElsewhere.add(vs.text);
    assert.deepEqual(await take(vs), { kind: 'held', by: null });
    assert.deepEqual(names(), [], 'the name is free again');
    claimedElsewhere.delete(vs.text);
    assert.equal(keep(await take(vs)).kind, 'acquired');
  });

  it('is unavailable, and its name free, without the right to claim it', async () => {
    const refusing: Claims = {
      ...claims,
      open() {
        throw Object.assign(new Error('Operation not permitted'), { code: 'EPERM' });
      },
    };
    const lock = await acquireInstanceLock(virtualServer(), {
      clock: impatient,
      signal: new AbortController().signal,
      claims: refusing,
    });
    assert.deepEqual(lock, { kind: 'unavailable', why: 'the kernel does not let us claim it: EPERM' });
  });

  it('names its holder in words', () => {
    assert.equal(processInWords({ pid: 4711, uid: 0 }), 'process 4711');
    assert.equal(processInWords({ pid: null, uid: 0 }), 'a process outside of this container');
    assert.equal(processInWords(null), 'a process that the kernel does not name');
  });
});

describe('the state of an instance lock', () => {
  it('is free, then held, then free again', async () => {
    const vs = virtualServer();
    assert.deepEqual(await readLock(vs, claims), { kind: 'free' });
    const lock = await take(vs);
    assert.ok(lock.kind === 'acquired');
    assert.deepEqual(await readLock(vs, claims), { kind: 'held', by: await named(process.pid) });
    await lock.release();
    assert.deepEqual(await readLock(vs, claims), { kind: 'free' });
  });
});

describe('exclusively', () => {
  it('runs one action after the other, also if one fails', async () => {
    const vs = virtualServer();
    const told: string[] = [];
    const turn = (name: string) =>
      exclusively(vs, systemClock, async () => {
        told.push(`${name} begins`);
        await new Promise(setImmediate);
        told.push(`${name} ends`);
        if (name === 'b') throw new Error('b failed');
        return name;
      });
    const results = await Promise.allSettled(['a', 'b', 'c'].map(turn));
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.equal(told.length, 6);
    for (let index = 0; index < told.length; index += 2)
      assert.equal(told[index + 1], told[index]?.replace('begins', 'ends'));
  });

  it('is separate for each virtual server, and holds no instance lock', async () => {
    const [vs, other] = [virtualServer(), virtualServer()];
    const told = await exclusively(vs, impatient, () =>
      exclusively(other, impatient, async () => {
        const held = await lockedNames(claims);
        for (const { text } of [vs, other]) assert.ok(!held.includes(text), held.join(' '));
        return readLock(vs, claims);
      }),
    );
    assert.deepEqual(told, { kind: 'free' });
  });

  it('waits for a second at most', async () => {
    const vs = virtualServer();
    let nowMs = 0;
    const clock: Clock = { now: () => (nowMs += 500), sleep: () => Promise.resolve() };
    const inner = await exclusively(vs, clock, () => exclusively(vs, clock, () => Promise.resolve('done')));
    assert.equal(inner, 'done');
    assert.ok(nowMs >= 1000);
  });
});
