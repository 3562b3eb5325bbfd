import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { terminalPaint } from '../../src/text/paint.js';
import { page } from '../../src/status/screen.js';

/** What a terminal would show that the page is drawn on. */
function shown(drawn: string): string[] {
  // eslint-disable-next-line no-control-regex
  return drawn.replaceAll(/\u001b\[[\d;?]*[A-Za-z]/g, '').split('\r\n');
}

describe('a page of a terminal', () => {
  it('starts at the top, and clears what was there before', () => {
    const drawn = page(['one', 'two'], 80, 24);
    assert.equal(drawn, '\u001b[Hone\u001b[K\r\ntwo\u001b[K\u001b[J');
  });

  it('has no more lines than there is room for', () => {
    const lines = Array.from({ length: 30 }, (_, index) => `line ${index}`);
    assert.deepEqual(shown(page(lines, 80, 4)), ['line 0', 'line 1', 'line 2', '... and 27 more lines']);
    assert.equal(shown(page(lines, 80, 30)).length, 30);
  });

  it('has no line that is too long, and ends its colours all the same', () => {
    const drawn = page([`ab ${terminalPaint('bad', 'cdef')} gh`], 5, 24);
    assert.deepEqual(shown(drawn), ['ab cd']);
    assert.ok(drawn.includes('\u001b[31mcd\u001b[0m'));
  });
});
