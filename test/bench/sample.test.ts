import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BusyResult } from '../../bench/client/client-calls.js';
import { falseVerdicts } from '../../bench/failover/false-verdicts.js';
import { longestHang, sampleOf, type Moments } from '../../bench/failover/sample.js';

const MOMENTS: Moments = { struckMs: 1000, outMs: 1500, recoveredMs: 4000, backMs: 4600, endedMs: 5000 };

/** Answers each 100 ms from one moment to another. */
function answers(fromMs: number, toMs: number): number[] {
  const answered: number[] = [];
  for (let atMs = fromMs; atMs <= toMs; atMs += 100) answered.push(atMs);
  return answered;
}

function hang(
  answersMs: readonly number[],
  ending: BusyResult['ending'] = null,
): ReturnType<typeof longestHang> {
  return longestHang({ answersMs, ending }, MOMENTS);
}

describe('the kept connection', () => {
  it('did not hang if answers went on', () => {
    assert.deepEqual(hang(answers(0, 5000)), { hangMs: 100, untilBack: false, ended: null });
  });

  it('hung until its next answer', () => {
    assert.deepEqual(hang([...answers(0, 1000), ...answers(2000, 5000)]), {
      hangMs: 1000,
      untilBack: false,
      ended: null,
    });
  });

  it('hung from the event, not from the answer before it', () => {
    assert.equal(hang([...answers(0, 900), ...answers(2000, 5000)]).hangMs, 1000);
  });

  it('hung until it was reset', () => {
    assert.deepEqual(hang(answers(0, 1100), { atMs: 1700, code: 'ECONNRESET' }), {
      hangMs: 600,
      untilBack: false,
      ended: 'ECONNRESET',
    });
  });

  it('hung until the server was back', () => {
    assert.deepEqual(hang([...answers(0, 1000), ...answers(4010, 5000)]), {
      hangMs: 3010,
      untilBack: true,
      ended: null,
    });
  });

  it('hung for as long as it was watched', () => {
    assert.deepEqual(hang(answers(0, 1000)), { hangMs: 4000, untilBack: true, ended: null });
  });

  it('did not hang if it ended in the moment of the event', () => {
    assert.deepEqual(hang(answers(0, 900), { atMs: 999, code: 'CLOSED' }), {
      hangMs: 0,
      untilBack: false,
      ended: 'CLOSED',
    });
  });

  it('may be slow afterwards', () => {
    assert.equal(hang([...answers(0, 4100), 4900]).hangMs, 100);
  });
});

describe('a sample', () => {
  const circumstances = {
    event: 'kill',
    master: 'master1',
    phaseMs: 7,
    falseVerdicts: 0,
    load: 0.5,
  } as const;
  const busy: BusyResult = { answersMs: answers(0, 5000), ending: null };

  it('counts from the event, and from the recovery', () => {
    const stream = {
      attempts: 100,
      failures: [
        { beganMs: 300, code: 'ECONNREFUSED' },
        { beganMs: 980, code: 'ECONNRESET' },
        { beganMs: 1200, code: 'ECONNREFUSED' },
        { beganMs: 1400, code: 'ECONNREFUSED' },
      ],
    };
    assert.deepEqual(sampleOf(circumstances, MOMENTS, stream, busy), {
      ...circumstances,
      outMs: 500,
      backMs: 600,
      attempts: 100,
      failures: 3,
      codes: { ECONNRESET: 1, ECONNREFUSED: 2 },
      lastFailureMs: 400,
      busy: { hangMs: 100, untilBack: false, ended: null },
    });
  });

  it('has null for what did not happen in time, and nothing below 0', () => {
    const stream = { attempts: 1, failures: [] };
    const never = sampleOf(circumstances, { ...MOMENTS, outMs: null, backMs: null }, stream, busy);
    assert.deepEqual([never.outMs, never.backMs, never.lastFailureMs], [null, null, 0]);
    assert.equal(sampleOf(circumstances, { ...MOMENTS, backMs: 3990 }, stream, busy).backMs, 0);
  });
});

it('a false verdict is one on a server that nothing has befallen', () => {
  const sights = [
    { atMs: 0, weights: { victim: 1, other: 1 } },
    { atMs: 100, weights: { victim: 0, other: 1 } },
    { atMs: 200, weights: { victim: 1, other: 1 } },
    { atMs: 1100, weights: { other: 1 } },
    { atMs: 1200, weights: { other: 0 } },
    { atMs: 1300, weights: {} },
  ];
  assert.equal(falseVerdicts(sights, 'victim', { struckMs: 1000 }), 2);
  assert.equal(falseVerdicts(sights.slice(0, 1), 'victim', { struckMs: 1000 }), 0);
});
