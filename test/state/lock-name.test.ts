import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { takeLockName } from '../../src/state/lock-name.js';
import { FakeClock } from '../control-loop/fake-clock.js';

let made = 0;
/** The longest name, as that of a lock. */
function newName(): string {
  made += 1;
  return `\0lock-name-test/${process.pid}/${made}`.padEnd(108, '\0');
}

/** Whether a process listens. */
function isTaken(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(name, () => {
      socket.destroy();
      resolve(true);
    }).once('error', () => {
      resolve(false);
    });
  });
}

async function knock(name: string, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) await isTaken(name);
  // The last ones are accepted after they were connected.
  await new Promise((resolve) => setTimeout(resolve, 50));
}

describe('the name of a lock', () => {
  it('is kept while few connect, however long', async () => {
    const [name, clock] = [newName(), new FakeClock()];
    const taken = await takeLockName(name, clock);
    for (let second = 0; second < 3; second += 1) {
      await knock(name, 400);
      assert.ok(await isTaken(name));
      await clock.advance(1000);
    }
    await assert.rejects(takeLockName(name, clock), { code: 'EADDRINUSE' });
    await taken.release();
    assert.ok(!(await isTaken(name)));
  });

  it('is given up for ten seconds when many connect, and taken again', async () => {
    const [name, clock] = [newName(), new FakeClock()];
    const taken = await takeLockName(name, clock);
    await knock(name, 520);
    assert.ok(!(await isTaken(name)));
    await clock.advance(9999);
    assert.ok(!(await isTaken(name)));
    const other = await takeLockName(name, clock);
    await clock.advance(1);
    await other.release();
    assert.ok(!(await isTaken(name)), 'it is tried again after the other');
    await clock.advance(10_000);
    while (!(await isTaken(name))) await new Promise((resolve) => setImmediate(resolve));
    await taken.release();
    assert.ok(!(await isTaken(name)));
  });

  it('is not taken again after its release', async () => {
    const [name, clock] = [newName(), new FakeClock()];
    const taken = await takeLockName(name, clock);
    await knock(name, 520);
    await taken.release();
    await clock.advance(20_000);
    assert.ok(!(await isTaken(name)));
    assert.equal(clock.sleepers, 0);
  });
});
