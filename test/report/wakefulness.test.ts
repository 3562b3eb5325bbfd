import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Wakefulness } from '../../src/report/wakefulness.js';
import { FakeClock } from '../control-loop/fake-clock.js';

describe('wakefulness', () => {
  it('lasts from the start while it beats', async () => {
    const clock = new FakeClock();
    const startMs = clock.now();
    const wakefulness = new Wakefulness(clock);
    const ending = new AbortController();
    const running = wakefulness.run(ending.signal);
    await clock.advance(100_000);
    assert.equal(wakefulness.awakeSinceMs(), startMs);
    ending.abort();
    await running;
  });

  it('begins anew after a pause, even for who asks before the next beat', async () => {
    const clock = new FakeClock();
    const wakefulness = new Wakefulness(clock);
    // Nobody beats: as in a process that is stopped.
    await clock.advance(60_000);
    assert.equal(wakefulness.awakeSinceMs(), clock.now());
    const sinceMs = clock.now();
    await clock.advance(4000);
    assert.equal(wakefulness.awakeSinceMs(), sinceMs);
  });
});
