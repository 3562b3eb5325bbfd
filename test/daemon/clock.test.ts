import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { systemClock } from '../../src/daemon/clock.js';

/** A signal that does not abort. */
function never(): AbortSignal {
  return new AbortController().signal;
}

/** Whether a promise has been settled by now. */
async function settled(promise: Promise<void>): Promise<boolean> {
  let done = false;
  void promise.then(() => (done = true));
  await new Promise((resolve) => setImmediate(resolve));
  return done;
}

function freezeTimers(t: TestContext): void {
  t.mock.timers.enable({ apis: ['setTimeout'] });
}

describe('the clock', () => {
  it('sleeps for the given time', async (t) => {
    freezeTimers(t);
    const sleep = systemClock.sleep(5000, never());
    t.mock.timers.tick(4999);
    assert.equal(await settled(sleep), false);
    t.mock.timers.tick(1);
    assert.equal(await settled(sleep), true);
  });

  it('sleeps for longer than setTimeout can', async () => {
    const stop = new AbortController();
    const sleep = systemClock.sleep(Number.MAX_SAFE_INTEGER, stop.signal);
    // Node makes 1 ms of what it cannot wait for.
    await systemClock.sleep(20, never());
    assert.equal(await settled(sleep), false);
    stop.abort();
    await sleep;
  });

  it('wakes at once when the signal aborts, and keeps neither timer nor listener', async () => {
    const stop = new AbortController();
    const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const sleep = systemClock.sleep(3_600_000, stop.signal);
    assert.equal(getEventListeners(stop.signal, 'abort').length, 1);
    stop.abort();
    await sleep;
    assert.equal(getEventListeners(stop.signal, 'abort').length, 0);
    assert.equal(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length, before);
  });

  it('does not begin to sleep when the signal has aborted', async () => {
    assert.equal(await settled(systemClock.sleep(3_600_000, AbortSignal.abort())), true);
  });

  it('leaves no listener on a signal that outlives many sleeps', async () => {
    const signal = never();
    for (let sleeps = 0; sleeps < 20; sleeps += 1) await systemClock.sleep(0, signal);
    assert.deepEqual(getEventListeners(signal, 'abort'), []);
  });
});
