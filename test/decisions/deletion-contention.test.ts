import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hasRival, recall, type Deletions } from '../../src/decisions/deletion-contention.js';
import { cell, decisionTable, titleOf } from './decision-tables.js';

describe('hasRival, as docs/decisions.md says', () => {
  for (const row of decisionTable('rivalry')) {
    it(titleOf(row), () => {
      const times = cell(row, 'deleted at').split(' ').filter(Boolean).map(clock);
      const deletions = times.reduce<Deletions>((earlier, atMs) => recall(earlier, true, atMs), []);
      const now = recall(deletions, false, clock(cell(row, 'now')));
      assert.equal(hasRival(now) ? 'yes' : 'no', cell(row, 'something keeps deleting it'));
    });
  }

  it('remembers no more than it needs, however long it goes on', () => {
    let deletions: Deletions = [];
    for (let second = 0; second < 10_000; second += 1) deletions = recall(deletions, true, second * 1000);
    assert.ok(hasRival(deletions));
    assert.equal(deletions.length, 3);
  });
});

/** `1:30` in milliseconds. */
function clock(text: string): number {
  const [minutes = NaN, seconds = NaN] = text.split(':').map(Number);
  return (minutes * 60 + seconds) * 1000;
}
