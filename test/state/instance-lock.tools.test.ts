// A name that a process has taken and does not listen on, or whose queue is full: a Python program, because Node binds no socket
// without listening on it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, describe, it } from 'node:test';
import type { Clock } from '../../src/control-loop/ports.js';
import { runningLvscare } from '../../src/values/lock-holder.js';
import { lockedNames, readLock, mayBeLocked, acquireInstanceLock } from '../../src/state/instance-lock.js';
import { startTool } from '../support/tools.js';
import { take, uid, virtualServer } from './locks.js';

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
    const clock: Clock = { now: () => 0, sleep: () => other.tell('listen') };
    assert.deepEqual(await take(vs, clock), { kind: 'held', by: { pid: other.pid, uid } });
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
    it(`is unavailable after a second if a process has the name and ${what}`, async () => {
      const vs = virtualServer();
      await (await squat(vs.text)).tell(command);
      const slept: number[] = [];
      const clock: Clock = { now: () => 0, sleep: (ms) => Promise.resolve(void slept.push(ms)) };
      const lock = await take(vs, clock);
      assert.ok(lock.kind === 'unavailable');
      assert.match(lock.why, new RegExp(`^a process that cannot be identified holds it: ${code}$`));
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
      uid,
      clock: { now: () => 0, sleep },
      signal: stopping.signal,
    });
    assert.deepEqual([lock.kind, slept], ['unavailable', 1]);
  });

  it('names its holder to every process that asks, and no other process can pass for the holder', async () => {
    const vs = virtualServer();
    assert.deepEqual(await readLock(vs), { kind: 'free' });
    const other = await squat(vs.text);
    assert.ok((await lockedNames()).includes(vs.text));
    assert.deepEqual(await readLock(vs), { kind: 'free' }, 'it does not listen yet');
    assert.equal(await mayBeLocked(vs), false);
    await other.tell('listen');
    const look = await readLock(vs);
    assert.deepEqual(look, { kind: 'held', by: { pid: other.pid, uid } });
    assert.equal(await mayBeLocked(vs), true);
    assert.deepEqual(runningLvscare(look, uid), { pid: other.pid, uid });
  });

  it('may be had by a process whose queue is full', async () => {
    const vs = virtualServer();
    await (await squat(vs.text)).tell('fill');
    assert.deepEqual(await readLock(vs), { kind: 'unknown', why: 'EAGAIN' });
    assert.equal(await mayBeLocked(vs), true);
  });
});
