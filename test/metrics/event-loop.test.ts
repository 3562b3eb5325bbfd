import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Clock } from '../../src/control-loop/ports.js';
import { watchEventLoop } from '../../src/metrics/event-loop.js';

describe('the delay of the event loop', () => {
  it('is by how much each timer was late, and none for one that was not', async () => {
    const late = [0, 250, -1, 3000];
    const ending = new AbortController();
    let nowMs = 1000;
    const clock: Clock = {
      now: () => nowMs,
      sleep: (ms) => {
        const lateMs = late.shift();
        if (lateMs === undefined) ending.abort();
        nowMs += ms + (lateMs ?? 0);
        return Promise.resolve();
      },
    };
    const observed: number[] = [];
    const eventLoopDelay = { observe: (seconds: number) => observed.push(seconds) };
    await watchEventLoop({ eventLoopDelay }, clock, ending.signal);
    assert.deepEqual(observed, [0, 0.25, 0, 3]);
  });
});
