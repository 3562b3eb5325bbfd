import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classifyLock } from '../../src/values/lock-holder.js';
import { cell, decisionTable, titleOf } from '../decisions/decision-tables.js';

describe('classifyLock, as docs/decisions.md says', () => {
  for (const row of decisionTable('lock')) {
    it(titleOf(row), () => {
      const [hasName, isClaimed] = [cell(row, 'a process has the name'), cell(row, 'a process claims it')];
      assert.equal(classifyLock(hasName === 'yes', isClaimed === 'yes'), cell(row, 'the lock is'));
    });
  }
});
