import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readScale } from '../../lab/time-limit.js';

describe('LVSCARE_TEST_TIME_SCALE', () => {
  for (const [text, scale] of [
    [undefined, 1],
    ['', 1],
    ['1', 1],
    ['2.5', 2.5],
  ] as const)
    it(`scales time limits by ${scale} if it is ${text === undefined ? 'not set' : `"${text}"`}`, () => {
      assert.equal(readScale(text), scale);
    });

  for (const text of ['0.5', '-1', 'fast', 'Infinity', 'NaN'])
    it(`is refused if it is ${text}`, () => {
      assert.throws(() => readScale(text), /^Error: LVSCARE_TEST_TIME_SCALE: expected a number from 1 on/);
    });
});
