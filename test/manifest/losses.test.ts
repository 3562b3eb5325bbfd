import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lossesOf } from '../../src/manifest/losses.js';

describe('what a replaced manifest loses', () => {
  const before = '# one\na: 1\nlist: [x, y]\nnamed: [{name: p, v: 1}, {name: q, v: 2}]\n';

  it('is nothing if the new one only adds, or has another order or layout', () => {
    assert.deepEqual(lossesOf(before, before), []);
    const more =
      'named:\n- {name: q, v: 2}\n- {name: p, v: 1, w: 3}\nlist: [z, y, x]\n# two\n# one\na: 1\nb: 2\n';
    assert.deepEqual(lossesOf(before, more), []);
  });

  it('is each value that is gone or another one, with its path, and each comment', () => {
    assert.deepEqual(lossesOf(before, 'a: 2\nlist: [x]\nnamed: [{name: q}]\n'), [
      'a: 1',
      'list: "y"',
      'named[p].name: "p"',
      'named[p].v: 1',
      'named[q].v: 2',
      '# one',
    ]);
  });
});
