import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Evidence, EvidenceKind } from '../../src/values/evidence.js';
import {
  heldUntilMs,
  onEdge,
  probeDelayMs,
  step,
  unknownHealth,
  type Health,
  type HealthPolicy,
  type HealthState,
} from '../../src/decisions/health.js';
import { cell, decisionTable, titleOf, type TableRow } from './decision-tables.js';
import { evidence, healthIn } from './notation.js';

function policyOf(row: TableRow): HealthPolicy {
  const [fall = NaN, rise = NaN] = cell(row, 'fall/rise').split('/').map(Number);
  return { fall, rise, maxHoldMs: 60_000 };
}

function walk(row: TableRow): Health {
  const pieces = cell(row, 'evidence').split(' ').filter(Boolean).map(piece);
  const before = healthIn(cell(row, 'before') as HealthState);
  return pieces.reduce((health, each, index) => step(health, each, index + 1, policyOf(row)), before);
}

/** `refused`, `refused!`: the latter is conclusive. */
function piece(text: string): Evidence {
  const kind = text.replace('!', '') as EvidenceKind;
  return { ...evidence(kind), ...(text.endsWith('!') ? { conclusive: true } : {}) };
}

describe('from evidence to health', () => {
  for (const row of decisionTable('health')) {
    it(titleOf(row), () => {
      assert.equal(walk(row).state, cell(row, 'after'));
    });
  }
});

describe('when the next probe follows', () => {
  for (const row of decisionTable('edge')) {
    it(titleOf(row), () => {
      assert.equal(onEdge(walk(row)) ? 'fast' : 'regular', cell(row, 'next probe'));
    });
  }
});

describe('how far a server came since it last started', () => {
  for (const row of decisionTable('started')) {
    it(titleOf(row), () => {
      const withPolicy = { ...row, 'fall/rise': '2/2' };
      assert.equal(walk(withPolicy).start, cell(row, 'start'));
    });
  }
});

describe('health over any evidence', () => {
  const kinds = fc.constantFrom<EvidenceKind>('ok', 'refused', 'silent', 'slow', 'tls', 'status', 'broken');
  const policies = fc.record({
    fall: fc.integer({ min: 1, max: 5 }),
    rise: fc.integer({ min: 1, max: 5 }),
    maxHoldMs: fc.constant(0),
  });

  it('settles: `rise` successes make any server up, `fall` refusals make it dead', () => {
    fc.assert(
      fc.property(fc.array(kinds), policies, (history, policy) => {
        const run = (from: Health, more: EvidenceKind[]): Health =>
          more.reduce((health, kind, index) => step(health, evidence(kind), index, policy), from);
        const somehow = run(unknownHealth(0), history);
        assert.equal(run(somehow, Array<EvidenceKind>(policy.rise).fill('ok')).state, 'up');
        assert.equal(run(somehow, Array<EvidenceKind>(policy.fall).fill('refused')).state, 'dead');
      }),
    );
  });

  it('remembers when its state began, and changes it only with the state', () => {
    fc.assert(
      fc.property(fc.array(kinds), policies, (history, policy) => {
        let health = unknownHealth(0);
        history.forEach((kind, index) => {
          const next = step(health, evidence(kind), index + 1, policy);
          assert.equal(next.sinceMs, next.state === health.state ? health.sinceMs : index + 1);
          health = next;
        });
      }),
    );
  });

  it('never calls a server down before `fall` failures in a row', () => {
    fc.assert(
      fc.property(fc.array(kinds), policies, (history, policy) => {
        let health = unknownHealth(0);
        let failures = 0;
        for (const kind of history) {
          const next = step(health, evidence(kind), 0, policy);
          failures = kind === 'ok' ? 0 : failures + 1;
          if (health.state === 'up' && next.state !== 'up') assert.ok(failures >= policy.fall);
          health = next;
        }
      }),
    );
  });
});

describe('a server that flaps', () => {
  const policy = { fall: 1, rise: 1, maxHoldMs: 5000, intervalMs: 5000, fastIntervalMs: 200 };

  /** Falls and answers again at once, `times` times, and gives for how long it is held out each time. */
  function holds(times: number, upForMs: number): { readonly holds: number[]; readonly health: Health } {
    let nowMs = 0;
    let health = step(unknownHealth(0), evidence('ok'), nowMs, policy);
    const seen: number[] = [];
    for (let time = 0; time < times; time += 1) {
      nowMs += upForMs;
      health = step(health, evidence('refused'), nowMs, policy);
      assert.equal(health.state, 'dead');
      const startMs = nowMs;
      health = step(health, evidence('ok'), nowMs, policy);
      nowMs = heldUntilMs(health, policy) ?? nowMs;
      if (nowMs > startMs) {
        assert.equal(step(health, evidence('ok'), nowMs - 1, policy).state, 'dead');
        health = step(health, evidence('ok'), nowMs, policy);
      }
      assert.equal(health.state, 'up');
      seen.push(nowMs - startMs);
    }
    return { holds: seen, health };
  }

  it('is held out longer each time, up to the bound', () => {
    assert.deepEqual(holds(6, 1000).holds, [0, 1000, 2000, 4000, 5000, 5000]);
  });

  it('is not held out when it stayed up for long enough in between', () => {
    assert.deepEqual(holds(4, 10_000).holds, [0, 0, 0, 0]);
  });

  it('is forgiven once it has been steady', () => {
    let { health } = holds(3, 1000);
    const steadyMs = (health.readmittedMs ?? 0) + 10_000 + 2 * 2000;
    health = step(health, evidence('refused'), steadyMs, policy);
    assert.equal(health.relapses, 0);
  });

  it('is not one that fell silent without a witness: that may be this node', () => {
    const patient = { ...policy, fall: 2 };
    let nowMs = 0;
    let health = step(unknownHealth(0), evidence('ok'), nowMs, patient);
    for (const witnessedMs of [null, null, null, 0]) {
      nowMs += 1000;
      const question = { askedMs: nowMs, witnessedMs };
      for (let time = 0; time < 2; time += 1)
        health = step(health, evidence('silent'), nowMs, patient, question);
      assert.equal(health.state, 'dead');
      assert.equal(health.relapses, witnessedMs === null ? 0 : 1);
      health = step(health, evidence('ok'), nowMs, patient);
      if (witnessedMs === null) assert.equal(health.state, 'up', 'back at once');
    }
  });

  it('starts its hold anew when it fails in the middle of it', () => {
    let { health } = holds(2, 1000);
    const nowMs = (health.readmittedMs ?? 0) + 1;
    health = step(health, evidence('refused'), nowMs, policy);
    health = step(health, evidence('ok'), nowMs + 10, policy);
    assert.equal(heldUntilMs(health, policy), nowMs + 10 + 2000);
    health = step(health, evidence('status'), nowMs + 1000, policy);
    assert.equal(heldUntilMs(health, policy), null);
    health = step(health, evidence('ok'), nowMs + 1500, policy);
    assert.equal(heldUntilMs(health, policy), nowMs + 1500 + 2000);
  });

  it('is asked again when the hold is over, and no more often than ever before', () => {
    let { health } = holds(2, 1000);
    const nowMs = (health.readmittedMs ?? 0) + 1;
    health = step(step(health, evidence('refused'), nowMs, policy), evidence('ok'), nowMs, policy);
    assert.equal(probeDelayMs(health, nowMs, policy), 2000);
    assert.equal(probeDelayMs(health, nowMs + 1990, policy), policy.fastIntervalMs);
    assert.equal(probeDelayMs(health, nowMs, { ...policy, intervalMs: 500 }), 500);
  });
});

describe('silence', () => {
  const policy = { fall: 2, rise: 2, maxHoldMs: 0 };
  const silent = (
    health: Health,
    nowMs: number,
    askedMs: number | null,
    witnessedMs: number | null,
  ): Health => step(health, evidence('silent'), nowMs, policy, { askedMs, witnessedMs });

  it('is witnessed when it was asked after another server had answered', () => {
    const first = silent(healthIn('up'), 100, null, null);
    const unseen = { sinceMs: 100, proofs: 0, witnessed: false };
    assert.deepEqual(first.silence, { ...unseen, count: 1, sure: false });
    for (const [askedMs, witnessedMs] of [
      [120, null],
      [120, 121],
      // The loss of a kept connection, which nobody asked for.
      [null, 110],
    ] as const) {
      const second = silent(first, 200, askedMs, witnessedMs);
      assert.deepEqual(second.silence, { ...unseen, count: 2, sure: true });
    }
    const seen = silent(first, 200, 120, 120);
    assert.equal(seen.silence?.witnessed, true);
    assert.equal(silent(seen, 300, null, null).silence?.witnessed, true);
  });

  it('is witnessed, too, when another server had answered just before it was asked', () => {
    const witnessed = { ...evidence('silent'), witnessed: true } as const;
    const first = step(healthIn('up'), witnessed, 100, policy, { askedMs: 50, witnessedMs: null });
    assert.deepEqual(first.silence, { sinceMs: 100, count: 1, sure: false, proofs: 1, witnessed: true });
    assert.equal(silent(first, 200, 50, null).silence?.witnessed, true, 'and stays so');
    const unreachable = { ...witnessed, unreachable: true } as const;
    assert.equal(step(healthIn('up'), unreachable, 100, policy).silence?.witnessed, false);
  });

  it('that only the kernel reports takes two such questions: it may have found so before', () => {
    const unreachable = { ...evidence('silent'), unreachable: true } as const;
    const first = step(healthIn('up'), unreachable, 100, policy);
    const second = step(first, unreachable, 120, policy, { askedMs: 115, witnessedMs: 110 });
    assert.equal(second.silence?.witnessed, false);
    const third = step(second, unreachable, 130, policy, { askedMs: 125, witnessedMs: 110 });
    assert.equal(third.silence?.witnessed, true);
    assert.equal(silent(second, 130, 125, 110).silence?.witnessed, true);
  });

  it('is over with the first evidence of anything else', () => {
    const first = silent(healthIn('up'), 100, null, null);
    assert.equal(step(first, evidence('refused'), 200, policy).silence, null);
    assert.equal(step(first, evidence('slow'), 200, policy).silence, null);
  });

  it('is no answer, and neither is slowness: a kept connection is slow when its packets are lost', () => {
    const { answeredMs } = healthIn('up');
    for (const kind of ['silent', 'slow'] as const)
      assert.equal(step(healthIn('up'), evidence(kind), 100, policy).answeredMs, answeredMs);
    for (const kind of ['ok', 'refused', 'tls', 'status', 'broken'] as const)
      assert.equal(step(healthIn('up'), evidence(kind), 100, policy).answeredMs, 100);
  });
});
