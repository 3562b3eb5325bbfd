import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { lineDiff } from '../../src/manifest/line-diff.js';

describe('a difference by lines', () => {
  it('is empty for the same text, and has three lines around a change', () => {
    assert.equal(lineDiff('a\n', 'a\n'), '');
    const [before, after] = ['1\n2\n3\n4\n5\n6\n7\n8\n9\n', '1\n2\n3\n4\nx\n6\ny\n7\n8\n9\n'];
    assert.equal(lineDiff(before, after), ' 2\n 3\n 4\n-5\n+x\n 6\n+y\n 7\n 8\n 9\n');
  });

  it('has every line of both that was changed', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(text, text, (old, now) => {
        const lines = lineDiff(`${old.join('\n')}\n`, `${now.join('\n')}\n`).split('\n');
        const count = (sign: string): number => lines.filter((line) => line.startsWith(sign)).length;
        assert.equal(count('+') - count('-'), now.length - old.length);
      }),
    );
  });
});
