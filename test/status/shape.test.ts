// The command may be older or newer than the daemon that it asks, as during an upgrade.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { outcomeInWords } from '../../src/status/drain-outcome.js';
import { runningIn } from '../../src/status/running.js';
import { isDrainOutcome, isStatus } from '../../src/status/shape.js';
import { statusLines } from '../../src/status/table.js';
import { plainPaint } from '../../src/text/paint.js';
import { virtualServer } from '../page/made-up.js';
import { NOW_MS, serverReport } from './server-report.js';

const A = '10.0.0.1:6443';

/** The JSON of another version's daemon. */
function answer(state: string, forwarding: string, lvscare = 'answers'): unknown {
  const status = {
    atMs: NOW_MS,
    virtualServers: [
      {
        virtualServer: '10.103.97.2:6443',
        lvscare,
        program: { version: '9.0.0', commit: null, pid: 7, startedAtMs: NOW_MS, dryRun: false },
        care: { ...virtualServer({ servers: [] }), servers: [{ ...serverReport(A), state }] },
        kernel: {
          scheduler: 'rr',
          flags: '',
          traffic: null,
          destinations: [{ server: A, forwarding, weight: 0, active: 0, inactive: 0, traffic: null }],
        },
        drained: [],
        notes: [],
      },
    ],
  };
  return JSON.parse(JSON.stringify(status)) as unknown;
}

describe('an answer of another version', () => {
  for (const unknown of ['warming', 'toString'])
    it(`with a state, a forwarding and a kind of answer that are unknown here is shown as it is: ${unknown}`, () => {
      const status = answer(unknown, unknown, unknown);
      assert.ok(isStatus(status));
      const lines = statusLines(status, { width: null, paint: plainPaint });
      const row = lines.find((line) => line.includes(A)) ?? '';
      assert.equal(row.split(/\s+/)[3], unknown);
      assert.match(row, new RegExp(` ${unknown}  3 min 5 s  4\\.1 ms .* ok, status 200$`));
      assert.match(
        runningIn([status], A)[0]?.words ?? '',
        new RegExp(`: ${unknown} for 3 min 5 s, weight 0: `),
      );
    });

  it('with control characters in a state is no status', () => {
    assert.equal(isStatus(answer('up', 'masquerade')), true);
    assert.equal(isStatus(answer('\u001b[2J', 'masquerade')), false);
    assert.equal(isStatus(answer('up', '\u202e')), false);
    assert.equal(isStatus(answer('x'.repeat(1000), 'masquerade')), false);
  });

  it('with an unknown state is the result of a drain', () => {
    const outcome: unknown = {
      virtualServer: 'VS',
      server: A,
      drained: true,
      changed: true,
      state: 'warming',
      row: null,
      failOpen: false,
      kernelError: null,
      forgotten: null,
    };
    assert.ok(isDrainOutcome(outcome));
    assert.deepEqual(outcomeInWords(outcome), [
      `VS: ${A} is drained; it is warming, and not in the kernel's table`,
    ]);
  });
});
