import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeHolder } from '../../src/core/holder.js';
import { cell, decisionTable, titleOf } from './decision-tables.js';

describe('judgeHolder, as docs/decisions.md says', () => {
  for (const row of decisionTable('holder')) {
    it(titleOf(row), () => {
      const [uid, ours] = [Number(cell(row, "holder's uid")), Number(cell(row, 'our uid'))];
      for (const pid of [4711, null])
        assert.equal(
          judgeHolder({ pid, uid }, ours),
          cell(row, 'the holder is').replace('another ', '').replace('a ', ''),
        );
    });
  }
});
