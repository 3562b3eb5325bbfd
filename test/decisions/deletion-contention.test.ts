import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  isDeletedRepeatedly,
  recentDeletions,
  type Deletions,
} from '../../src/decisions/deletion-contention.js';
import { cell, decisionTable, titleOf } from './decision-tables.js';

describe('isDeletedRepeatedly, as docs/decisions.md says', () => {
  for (const row of decisionTable('deletion contention')) {
    it(titleOf(row), () => {
      const times = cell(row, 'deleted at').split(' ').filter(Boolean).map(clock);
      const deletions = times.reduce<Deletions>((earlier, atMs) => recentDeletions(earlier, true, atMs), []);
      const now = recentDeletions(deletions, false, clock(cell(row, 'now')));
      assert.equal(isDeletedRepeatedly(now) ? 'yes' : 'no', cell(row, 'something keeps deleting it'));
    });
  }

  it('remembers no more than it needs, however long it goes on', () => {
    let deletions: Deletions = [];
    for (let second = 0; second < 10_000; second += 1)
      deletions = recentDeletions(deletions, true, second * 1000);
    assert.ok(isDeletedRepeatedly(deletions));
    assert.equal(deletions.length, 3);
  });
});

/** `1:30` in milliseconds. */
function clock(text: string): number {
  const [minutes = NaN, seconds = NaN] = text.split(':').map(Number);
  return (minutes * 60 + seconds) * 1000;
}
