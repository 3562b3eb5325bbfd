// A name that a process has taken and does not listen on, or whose queue is full: a Python program, because Node binds no socket
// without listening on it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, describe, it } from 'node:test';
import type { Clock } from '../../src/control-loop/ports.js';
import { lockedNames, readLock, mayBeLocked, acquireInstanceLock } from '../../src/state/instance-lock.js';
import { startTool } from '../support/tools.js';
import { claimedElsewhere, claims, take, uid, virtualServer } from './locks.js';

/** A process that is no lvscare: it takes a name, and does with it what stdin says. */
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

describe('the instance lock whose name another process has', () => {
  afterEach(async () => {
    for (const squatter of squatters.splice(0)) await squatter.kill();
  });

  it('waits for a process that has the name and does not listen yet', async () => {
    const vs = virtualServer();
    const other = await squat(vs.text);
    const clock: Clock = {
      now: () => 0,
      async sleep() {
        await other.tell('listen');
        claimedElsewhere.add(vs.text);
      },
    };
    assert.equal((await take(vs, clock)).kind, 'held');
  });

  it('is acquired when the process that had the name has ended meanwhile', async () => {
    const vs = virtualServer();
    const other = await squat(vs.text);
    const clock: Clock = { now: () => 0, sleep: () => other.kill() };
    const lock = await take(vs, clock);
    assert.ok(lock.kind === 'acquired');
    await lock.release();
  });

  for (const [what, command, code] of [
    ['never listens', 'nothing', 'ECONNREFUSED'],
    ['has a full queue', 'fill', 'EAGAIN'],
  ] as const) {
    it(`is acquired without its name after a second if a process has the name and ${what}`, async () => {
      const vs = virtualServer();
      await (await squat(vs.text)).tell(command);
      const slept: number[] = [];
      const clock: Clock = { now: () => 0, sleep: (ms) => Promise.resolve(void slept.push(ms)) };
      const lock = await take(vs, clock);
      assert.ok(lock.kind === 'acquired');
      assert.equal(
        lock.withoutName,
        `a process that cannot be identified (${code}) has its name and is not an lvscare`,
      );
      await lock.release();
      const sum = slept.reduce((total, ms) => total + ms, 0);
      assert.ok(sum >= 500 && sum <= 1500, `${sum} ms`);
    });
  }

  it('waits only until the signal aborts', async () => {
    const vs = virtualServer();
    await squat(vs.text);
    const stopping = new AbortController();
    let slept = 0;
    const sleep = (): Promise<void> => {
      slept += 1;
      stopping.abort();
      return Promise.resolve();
    };
    const lock = await acquireInstanceLock(vs, {
      clock: { now: () => 0, sleep },
      signal: stopping.signal,
      claims,
    });
    assert.ok(lock.kind === 'acquired');
    assert.deepEqual([lock.withoutName !== null, slept], [true, 1]);
    await lock.release();
  });

  it('names a squatter to every process that asks, and nothing of it counts as locked', async () => {
    const vs = virtualServer();
    assert.deepEqual(await readLock(vs, claims), { kind: 'free' });
    const other = await squat(vs.text);
    assert.deepEqual(await readLock(vs, claims), { kind: 'free' }, 'it does not listen yet');
    await other.tell('listen');
    assert.deepEqual(await readLock(vs, claims), { kind: 'squatted', by: { pid: other.pid, uid } });
    assert.ok(!(await lockedNames(claims)).includes(vs.text));
    assert.equal(await mayBeLocked(vs, claims), false);
  });

  it('is squatted by an unknown process if its queue is full', async () => {
    const vs = virtualServer();
    await (await squat(vs.text)).tell('fill');
    assert.deepEqual(await readLock(vs, claims), { kind: 'squatted', by: null });
    assert.equal(await mayBeLocked(vs, claims), false);
  });
});
