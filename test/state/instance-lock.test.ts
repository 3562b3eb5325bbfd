// Other users and other network namespaces are in test/program/instance.kernel.test.ts, processes that have the name and do not
// listen in instance-lock.tools.test.ts.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { timeLimit } from '../../lab/time-limit.js';
import type { Clock } from '../../src/control-loop/ports.js';
import { systemClock } from '../../src/daemon/clock.js';
import { endpoint } from '../../src/values/endpoint.js';
import {
  lockedNames,
  exclusively,
  readLock,
  processInWords,
  type InstanceLock,
} from '../../src/state/instance-lock.js';
import { startListener } from '../support/listener.js';
import { impatient, PORT, take, uid, virtualServer } from './locks.js';

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

  it('is acquired by one process, which the second one is told, and is free again after its release', async () => {
    const vs = virtualServer();
    const first = await take(vs);
    assert.ok(first.kind === 'acquired');
    assert.deepEqual(await take(vs), { kind: 'held', by: { pid: process.pid, uid } });
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
      const lock = await acquireInstanceLock(${JSON.stringify(vs)}, { uid: ${uid} });
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
    other.signal('SIGSTOP');
    assert.deepEqual(await take(vs), { kind: 'held', by: { pid: other.pid, uid } });
    await other.kill();
    assert.equal(keep(await take(vs)).kind, 'acquired');
  });

  it('has its name listed while it is held', async () => {
    const all = [virtualServer(), endpoint('ipv6', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe', 65535)];
    for (const vs of all) keep(await take(vs));
    const listed = await lockedNames();
    for (const vs of all) assert.ok(listed.includes(vs.text), listed.join(' '));
  });

  it('names its holder in words', () => {
    assert.equal(processInWords({ pid: 4711, uid: 0 }), 'process 4711');
    assert.equal(processInWords({ pid: null, uid: 0 }), 'a process outside of this container');
  });
});

describe('the state of an instance lock', () => {
  it('is free, then held, then free again', async () => {
    const vs = virtualServer();
    assert.deepEqual(await readLock(vs), { kind: 'free' });
    const lock = await take(vs);
    assert.ok(lock.kind === 'acquired');
    assert.deepEqual(await readLock(vs), { kind: 'held', by: { pid: process.pid, uid } });
    await lock.release();
    assert.deepEqual(await readLock(vs), { kind: 'free' });
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
        const held = await lockedNames();
        for (const { text } of [vs, other]) assert.ok(!held.includes(text), held.join(' '));
        return readLock(vs);
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
