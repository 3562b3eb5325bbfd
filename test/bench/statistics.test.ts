import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { quantile, seededRandom, stratified, summarize } from '../../bench/statistics.js';

describe('a summary', () => {
  it('has the median, the least and the most', () => {
    assert.deepEqual(summarize([3, 1, 2]), { count: 3, median: 2, min: 1, max: 3 });
  });

  it('takes the middle of two', () => {
    assert.equal(summarize([4, 1, 2, 3])?.median, 2.5);
  });

  it('of nothing is null', () => {
    assert.equal(summarize([]), null);
  });

  it('keeps what never happened as the largest', () => {
    assert.deepEqual(summarize([Infinity, 1, 2]), { count: 3, median: 2, min: 1, max: Infinity });
    assert.equal(summarize([Infinity, Infinity, 1])?.median, Infinity);
    assert.equal(summarize([1, Infinity])?.median, Infinity);
    assert.equal(summarize([Infinity, Infinity])?.median, Infinity);
  });
});

it('a quantile lies between two values in proportion', () => {
  assert.equal(quantile([0, 10, 20, 30, 40], 0.25), 10);
  assert.equal(quantile([0, 10], 0.1), 1);
});

describe('random phases', () => {
  it('are the same for a seed, and others for another', () => {
    const drawn = (seed: number): number[] => Array.from({ length: 5 }, seededRandom(seed));
    assert.deepEqual(drawn(7), drawn(7));
    assert.notDeepEqual(drawn(7), drawn(8));
  });

  it('fall into each part of the interval once, in no order', () => {
    const phases = stratified(10, seededRandom(1));
    assert.notDeepEqual(phases, phases.toSorted());
    assert.deepEqual(
      phases.map((phase) => Math.floor(phase * 10)).toSorted(),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
  });
});
