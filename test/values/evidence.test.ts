import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classOf, type EvidenceKind } from '../../src/values/evidence.js';
import { cell, decisionTable } from '../decisions/decision-tables.js';

describe('the class of evidence', () => {
  for (const row of decisionTable('evidence')) {
    const kind = cell(row, 'evidence').replaceAll('`', '');
    it(`${kind} is ${cell(row, 'class')}`, () => {
      assert.equal(classOf(kind as EvidenceKind), cell(row, 'class'));
    });
  }
});
