// What is usual of a server, by which clients and probes are late. The table of suspicions is tested in test/control-loop.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lateAfterMs, questionLateAfterMs } from '../../src/decisions/suspicion.js';

const times = (count: number, ms: number): number[] => Array<number>(count).fill(ms);

describe('how long is usual', () => {
  it('is 3 s while nothing is known', () => {
    assert.deepEqual([lateAfterMs([], []), questionLateAfterMs([])], [3000, 3000]);
  });

  it('is the least that counts when answers are quick: 200 ms for a client, 150 ms for a probe', () => {
    const answers = times(5, 2);
    assert.deepEqual([lateAfterMs([8, 9], answers), questionLateAfterMs(answers)], [200, 150]);
  });

  it('of a client is never less than the fastest new connection took', () => {
    assert.equal(lateAfterMs([700, 450, 500], times(5, 2)), 450);
  });

  it('is three times as long as an answer takes in a slow network, as soon as three of five have come', () => {
    const answers = [...times(3, 220), ...times(2, 2)];
    assert.deepEqual([lateAfterMs([8], answers), questionLateAfterMs(answers)], [660, 660]);
    assert.equal(questionLateAfterMs([...times(2, 220), ...times(3, 2)]), 150);
  });

  it('is not changed by one hang, nor by the first answer, which may be slow', () => {
    assert.equal(questionLateAfterMs([2500, 2, 2]), 150);
    assert.equal(questionLateAfterMs([2, 400]), 150);
  });
});
