import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  isSurelyRunning,
  classifyHolder,
  runningLvscare,
  type LockState,
} from '../../src/values/lock-holder.js';
import { cell, decisionTable, titleOf } from '../decisions/decision-tables.js';

describe('classifyHolder, as docs/decisions.md says', () => {
  for (const row of decisionTable('holder')) {
    it(titleOf(row), () => {
      const [uid, ours] = [Number(cell(row, "holder's uid")), Number(cell(row, 'our uid'))];
      for (const pid of [4711, null])
        assert.equal(
          classifyHolder({ pid, uid }, ours),
          cell(row, 'the holder is').replace('another ', '').replace('a ', ''),
        );
    });
  }
});

describe('the running lvscare', () => {
  const root = { pid: 1, uid: 0 };
  const squatter = { pid: 2, uid: 1001 };
  const nameless = { pid: null, uid: 1000 };
  const cases: readonly (readonly [
    look: LockState,
    atWork: ReturnType<typeof runningLvscare>,
    surely: boolean,
  ])[] = [
    [{ kind: 'free' }, null, false],
    [{ kind: 'held', by: root }, root, true],
    [{ kind: 'held', by: squatter }, null, false],
    [{ kind: 'unknown', why: 'EAGAIN' }, nameless, false],
  ];
  for (const [look, atWork, surely] of cases) {
    it(`${JSON.stringify(look)}: ${JSON.stringify(atWork)}, ${surely ? 'surely' : 'not surely'}`, () => {
      assert.deepEqual(runningLvscare(look, 1000), atWork);
      assert.equal(isSurelyRunning(look, 1000), surely);
    });
  }
});
