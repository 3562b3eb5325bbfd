// Names in the network namespace of the tests, for virtual servers that nobody has. Other users and other network
// namespaces are in test/program/instance.kernel.test.ts.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, describe, it } from 'node:test';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { Clock } from '../../src/care/ports.js';
import { systemClock } from '../../src/clock.js';
import { endpoint } from '../../src/core/endpoint.js';
import { lvscareAtWork } from '../../src/core/holder.js';
import {
  heldNames,
  inTurn,
  lookAtHold,
  mayBeHeld,
  takeHold,
  wordsFor,
  type Hold,
} from '../../src/kernel/hold.js';
import { startTool } from '../support/tools.js';

const uid = process.geteuid?.() ?? assert.fail();
const signal = new AbortController().signal;
/** None that a test would wait for. */
const impatient: Clock = { now: () => 0, sleep: () => Promise.reject(new Error('nobody was to wait')) };

let last = 0;
/** Of TEST-NET-2, with ports of this process's own. */
const virtualServer = () => endpoint('ipv4', `198.51.100.${++last}`, (process.pid % 65535) + 1);

function take(vs = virtualServer(), clock = impatient): Promise<Hold> {
  return takeHold(vs, { uid, clock, signal });
}

/** The names of listening sockets of ours, as the kernel lists them. */
function names(): string[] {
  return readFileSync('/proc/net/unix', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(' ').at(-1) ?? '')
    .filter((name) => name.startsWith('@lvscare/198.51.100.'));
}

/** Takes a name as somebody who is no lvscare may, and does with it what it is told on stdin. */
const SQUATTER = `
import socket, sys
name = b'\\0' + bytes('lvscare/' + sys.argv[1], 'ascii').ljust(107, b'\\0')
holder = socket.socket(socket.AF_UNIX)
holder.bind(name)
print('bound', flush=True)
guests = []
for command in sys.stdin:
    if command == 'listen\\n':
        holder.listen()
    if command == 'fill\\n':
        holder.listen(0)
        while True:
            guest = socket.socket(socket.AF_UNIX)
            guest.setblocking(False)
            guests.append(guest)
            try:
                guest.connect(name)
            except BlockingIOError:
                break
    print('done', flush=True)
`;

interface Squatter {
  readonly pid: number;
  /** Resolves when it is done. */
  tell(command: string): Promise<void>;
  kill(): Promise<void>;
}

const squatters: Squatter[] = [];

async function squat(vs: string): Promise<Squatter> {
  const child = startTool('python3', '-c', SQUATTER, vs);
  const ended = once(child, 'exit');
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  assert.equal((await answers.next()).value, 'bound');
  const squatter: Squatter = {
    pid: child.pid ?? assert.fail(),
    async tell(command) {
      child.stdin.write(`${command}\n`);
      assert.equal((await answers.next()).value, 'done');
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
  squatters.push(squatter);
  return squatter;
}

describe('hold of a virtual server', () => {
  const holds: Hold[] = [];
  const keep = (hold: Hold): Hold => {
    holds.push(hold);
    return hold;
  };
  afterEach(async () => {
    for (const hold of holds.splice(0)) if (hold.kind === 'ours') await hold.release();
    for (const squatter of squatters.splice(0)) await squatter.kill();
    assert.deepEqual(names(), []);
  });

  it('is had by one, whom the second is told of, and is free again when it lets go', async () => {
    const vs = virtualServer();
    const first = await take(vs);
    assert.ok(first.kind === 'ours');
    assert.deepEqual(await take(vs), { kind: 'taken', by: { pid: process.pid, uid } });
    await first.release();
    assert.equal(keep(await take(vs)).kind, 'ours');
  });

  it('is for each address, family and port', async () => {
    const { address, port } = virtualServer();
    const others = [
      endpoint('ipv4', address, port),
      endpoint('ipv4', address, port === 1 ? 2 : port - 1),
      endpoint('ipv4', `${address.slice(0, -1)}9`, port),
      endpoint('ipv6', 'ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255', 65535),
    ];
    for (const vs of others) assert.equal(keep(await take(vs)).kind, 'ours', vs.text);
  });

  it('goes by a name that fills all its room, whatever this version of Node fills up', async () => {
    const vs = virtualServer();
    keep(await take(vs));
    assert.deepEqual(names(), [`@lvscare/${vs.text}`.padEnd(108, '@')]);
  });

  it('is had by exactly one of many who try at once', async () => {
    const vs = virtualServer();
    const all = await Promise.all(Array.from({ length: 50 }, () => take(vs, systemClock)));
    for (const hold of all) keep(hold);
    const kinds = all.map(({ kind }) => kind).sort();
    assert.deepEqual(kinds, ['ours', ...Array.from({ length: 49 }, () => 'taken')]);
  });

  it('keeps no process alive, and ends with it', async () => {
    const vs = virtualServer();
    const script = `
      import { takeHold } from '${new URL('../../src/kernel/hold.js', import.meta.url).href}';
      const hold = await takeHold(${JSON.stringify(vs)}, { uid: ${uid} });
      console.log(hold.kind);
    `;
    const args = ['--input-type=module', '-e', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
    assert.equal(stdout, 'ours\n');
    assert.equal(keep(await take(vs)).kind, 'ours');
  });

  it('is told of a process that is stopped, and free at once when that is killed', async () => {
    const vs = virtualServer();
    const other = await squat(vs.text);
    await other.tell('listen');
    process.kill(other.pid, 'SIGSTOP');
    assert.deepEqual(await take(vs), { kind: 'taken', by: { pid: other.pid, uid } });
    await other.kill();
    assert.equal(keep(await take(vs)).kind, 'ours');
  });

  it('waits for one who has the name and does not listen yet', async () => {
    const vs = virtualServer();
    const other = await squat(vs.text);
    const clock: Clock = { now: () => 0, sleep: () => other.tell('listen') };
    assert.deepEqual(await take(vs, clock), { kind: 'taken', by: { pid: other.pid, uid } });
  });

  it('is taken when the one who had it has gone meanwhile', async () => {
    const vs = virtualServer();
    const other = await squat(vs.text);
    const clock: Clock = { now: () => 0, sleep: () => other.kill() };
    assert.equal(keep(await take(vs, clock)).kind, 'ours');
  });

  for (const [what, command, code] of [
    ['never listens', 'nothing', 'ECONNREFUSED'],
    ['lets nobody ask', 'fill', 'EAGAIN'],
  ] as const) {
    it(`is done without after a second if somebody has the name who ${what}`, async () => {
      const vs = virtualServer();
      await (await squat(vs.text)).tell(command);
      const slept: number[] = [];
      const clock: Clock = { now: () => 0, sleep: (ms) => Promise.resolve(void slept.push(ms)) };
      const hold = await take(vs, clock);
      assert.ok(hold.kind === 'unguarded');
      assert.match(hold.why, new RegExp(`^the name is taken, and who has it cannot be asked: ${code}$`));
      const sum = slept.reduce((total, ms) => total + ms, 0);
      assert.ok(sum >= 500 && sum <= 1500, `${sum} ms`);
    });
  }

  it('is waited for no longer than until the signal', async () => {
    const vs = virtualServer();
    await squat(vs.text);
    const stopping = new AbortController();
    let slept = 0;
    const sleep = (): Promise<void> => {
      slept += 1;
      stopping.abort();
      return Promise.resolve();
    };
    const hold = await takeHold(vs, { uid, clock: { now: () => 0, sleep }, signal: stopping.signal });
    assert.deepEqual([hold.kind, slept], ['unguarded', 1]);
  });

  it('is known to whoever asks who has it, and nobody else may pass for that', async () => {
    const vs = virtualServer();
    assert.deepEqual(await lookAtHold(vs), { kind: 'free' });
    const other = await squat(vs.text);
    assert.ok((await heldNames()).includes(vs.text));
    assert.deepEqual(await lookAtHold(vs), { kind: 'free' }, 'it does not listen yet');
    assert.equal(await mayBeHeld(vs), false);
    await other.tell('listen');
    const look = await lookAtHold(vs);
    assert.deepEqual(look, { kind: 'held', by: { pid: other.pid, uid } });
    assert.equal(await mayBeHeld(vs), true);
    assert.deepEqual(lvscareAtWork(look, uid), { pid: other.pid, uid });
    if (uid === 0) return;
    assert.equal(lvscareAtWork(look, uid + 1), null, 'a squatter');
  });

  it('may be had by somebody who lets nobody ask', async () => {
    const vs = virtualServer();
    await (await squat(vs.text)).tell('fill');
    assert.deepEqual(await lookAtHold(vs), { kind: 'unanswerable', why: 'EAGAIN' });
    assert.equal(await mayBeHeld(vs), true);
  });

  it('has its name listed while it lasts', async () => {
    const all = [virtualServer(), endpoint('ipv6', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe', 65535)];
    for (const vs of all) keep(await take(vs));
    const listed = await heldNames();
    for (const vs of all) assert.ok(listed.includes(vs.text), listed.join(' '));
  });

  it('is told of in words', () => {
    assert.equal(wordsFor({ pid: 4711, uid: 0 }), 'process 4711');
    assert.equal(wordsFor({ pid: null, uid: 0 }), 'a process outside of this container');
  });
});

describe('who has hold of a virtual server', () => {
  it('is nobody, then whoever took it, then nobody again', async () => {
    const vs = virtualServer();
    assert.deepEqual(await lookAtHold(vs), { kind: 'free' });
    const hold = await take(vs);
    assert.ok(hold.kind === 'ours');
    assert.deepEqual(await lookAtHold(vs), { kind: 'held', by: { pid: process.pid, uid } });
    await hold.release();
    assert.deepEqual(await lookAtHold(vs), { kind: 'free' });
  });
});

describe('a turn', () => {
  it('is taken by one after the other, also when one fails', async () => {
    const vs = virtualServer();
    const told: string[] = [];
    const turn = (name: string) =>
      inTurn(vs, systemClock, async () => {
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

  it('is for each virtual server, and no hold of it', async () => {
    const [vs, other] = [virtualServer(), virtualServer()];
    const told = await inTurn(vs, impatient, () =>
      inTurn(other, impatient, async () => {
        assert.deepEqual(await heldNames(), []);
        return lookAtHold(vs);
      }),
    );
    assert.deepEqual(told, { kind: 'free' });
  });

  it('of somebody who does not end it is not waited for without end', async () => {
    const vs = virtualServer();
    let nowMs = 0;
    const clock: Clock = { now: () => (nowMs += 500), sleep: () => Promise.resolve() };
    const inner = await inTurn(vs, clock, () => inTurn(vs, clock, () => Promise.resolve('done')));
    assert.equal(inner, 'done');
    assert.ok(nowMs >= 1000);
  });
});
