import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { outcomeInWords, type DrainOutcome } from '../../src/status/drain-outcome.js';
import { isDrainOutcome } from '../../src/status/shape.js';

const OUTCOME: DrainOutcome = {
  virtualServer: 'VS',
  server: 'RS',
  drained: true,
  changed: true,
  state: 'up',
  standby: false,
  row: { weight: 0, active: 3 },
  failOpen: false,
  kernelError: null,
  forgotten: null,
};

describe('the result of a drain, in words', () => {
  const cases: readonly (readonly [Partial<DrainOutcome>, ...string[]])[] = [
    [{}, 'VS: RS is drained: no new connections; 3 established'],
    [
      { changed: false, row: { weight: 0, active: 1 } },
      'VS: RS was drained already: no new connections; 1 established',
    ],
    [{ row: { weight: 0, active: 0 } }, 'VS: RS is drained: no new connections; 0 established'],
    [{ row: null, state: 'dead' }, "VS: RS is drained; it is dead, and not in the kernel's table"],
    [
      { row: { weight: 1, active: 0 }, failOpen: true },
      'VS: RS is drained, but keeps serving as a last resort: no other server is up',
    ],
    [
      { row: { weight: 1, active: 0 } },
      'VS: RS is drained; it keeps taking new connections until another server is up',
    ],
    [
      { kernelError: 'no IPVS', row: null },
      "VS: RS is drained, but the kernel's table may not be updated yet: no IPVS",
    ],
    [
      { forgotten: 'EROFS' },
      'VS: RS is drained: no new connections; 3 established',
      'VS: not saved, so it ends when lvscare restarts: EROFS',
    ],
    [
      { drained: false, standby: true, row: { weight: 0, active: 0 } },
      "VS: RS is no longer drained; it is on standby, because this node's own real server is preferred",
    ],
    [{ drained: false, row: { weight: 1, active: 0 } }, 'VS: RS is no longer drained, and serves'],
    [
      { drained: false, changed: false, row: null, state: 'sick' },
      'VS: RS was not drained; it is sick, and serves as soon as it is up',
    ],
    [
      { drained: false, kernelError: 'no IPVS' },
      "VS: RS is no longer drained, but the kernel's table may not be updated yet: no IPVS",
    ],
  ];
  for (const [more, ...lines] of cases)
    it(lines.join('; '), () => {
      assert.deepEqual(outcomeInWords({ ...OUTCOME, ...more }), lines);
    });

  it('is distinguished from other values', () => {
    assert.equal(isDrainOutcome(JSON.parse(JSON.stringify(OUTCOME))), true);
    for (const other of [null, 7, {}, { server: 'x' }, { server: 'x', drained: 1, row: null }])
      assert.equal(isDrainOutcome(other), false);
  });
});
