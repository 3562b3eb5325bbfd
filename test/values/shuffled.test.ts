import assert from 'node:assert/strict';
import { it } from 'node:test';
import { shuffled } from '../../src/values/shuffled.js';

it('shuffled keeps each element, in an order that is drawn', () => {
  const drawn = (...draws: number[]): readonly string[] => {
    let next = 0;
    return shuffled(['a', 'b', 'c'], () => draws[next++] ?? Number.NaN);
  };
  assert.deepEqual(drawn(0.1, 0.2, 0.3), ['a', 'b', 'c']);
  assert.deepEqual(drawn(0.9, 0.1, 0.5), ['b', 'c', 'a']);
  const first = new Set(Array.from({ length: 200 }, () => shuffled(['a', 'b', 'c'], Math.random)[0]));
  assert.deepEqual(first, new Set(['a', 'b', 'c']));
});
