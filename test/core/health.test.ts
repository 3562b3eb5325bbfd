import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { EvidenceKind } from '../../src/core/evidence.js';
import { onEdge, step, unknownHealth, type Health, type HealthState } from '../../src/core/health.js';
import { cell, decisionTable, titleOf, type TableRow } from './decision-tables.js';
import { evidence, healthIn } from './notation.js';

function policyOf(row: TableRow): { fall: number; rise: number } {
  const [fall = NaN, rise = NaN] = cell(row, 'fall/rise').split('/').map(Number);
  return { fall, rise };
}

function walk(row: TableRow): Health {
  const kinds = cell(row, 'evidence').split(' ').filter(Boolean) as EvidenceKind[];
  const before = healthIn(cell(row, 'before') as HealthState);
  return kinds.reduce(
    (health, kind, index) => step(health, evidence(kind), index + 1, policyOf(row)),
    before,
  );
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

describe('health over any evidence', () => {
  const kinds = fc.constantFrom<EvidenceKind>('ok', 'refused', 'silent', 'slow', 'tls', 'status', 'broken');
  const policies = fc.record({ fall: fc.integer({ min: 1, max: 5 }), rise: fc.integer({ min: 1, max: 5 }) });

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
