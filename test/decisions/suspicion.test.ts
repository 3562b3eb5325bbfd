// What is usual of a server, by which clients and probes are late. The table of suspicions is tested in test/control-loop.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  lateAfterMs,
  questionLateAfterMs,
  usualAfter,
  type UsualAnswer,
} from '../../src/decisions/suspicion.js';

function usualOf(...answersMs: readonly number[]): UsualAnswer | null {
  return answersMs.reduce<UsualAnswer | null>(usualAfter, null);
}

const times = (count: number, ms: number): number[] => Array<number>(count).fill(ms);

describe('how long is usual', () => {
  it('is 3 s while nothing is known', () => {
    assert.deepEqual([lateAfterMs([], null), questionLateAfterMs(null)], [3000, 3000]);
  });

  it('is the least that counts when answers are quick: 200 ms for a client, 150 ms for a probe', () => {
    const usual = usualOf(...times(10, 2));
    assert.deepEqual([lateAfterMs([8, 9], usual), questionLateAfterMs(usual)], [200, 150]);
  });

  it('of a client is never less than the fastest new connection took', () => {
    assert.equal(lateAfterMs([700, 450, 500], usualOf(...times(10, 2))), 450);
  });

  it('is longer than an answer takes in a slow network, as soon as a few have come', () => {
    const usual = usualOf(...times(10, 2), ...times(3, 220));
    assert.ok(questionLateAfterMs(usual) > 220, `${questionLateAfterMs(usual)} ms`);
    assert.ok(lateAfterMs([8], usual) > 220);
  });

  it('is longer than one repetition takes in a network that loses every fifth packet', () => {
    const lossy = [200, 200, 620, 200, 200, 200, 640, 200, 200, 620];
    assert.ok(questionLateAfterMs(usualOf(...lossy)) > 640);
  });

  it('is hardly changed by one hang', () => {
    const usual = usualOf(...times(10, 2), 2500);
    assert.ok(questionLateAfterMs(usual) <= 400, `${questionLateAfterMs(usual)} ms`);
    assert.equal(questionLateAfterMs(usualOf(...times(10, 2), 2500, ...times(8, 2))), 150);
  });
});
