import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ServerReport } from '../../src/report/report.js';
import { runningIn } from '../../src/status/running.js';
import type { Status, VirtualServerStatus } from '../../src/status/status.js';
import { NOW_MS, serverReport } from './server-report.js';

const [A, B] = ['10.103.97.200:6443', '10.103.97.201:6443'];

/** The status of one lvscare that has these servers; A with this weight in the kernel, null for no row of it. */
function status(
  servers: readonly ServerReport[],
  weight: number | null,
  virtualServer = '10.103.97.2:6443',
): Status {
  const row = { server: A, forwarding: 'masquerade', active: 0, inactive: 0, traffic: null } as const;
  const rows = weight === null ? [] : [{ ...row, weight }];
  const kernel = { scheduler: 'rr', flags: '', traffic: null, destinations: rows };
  const care = { virtualServer, servers } as unknown as VirtualServerStatus['care'];
  const rest = { lvscare: 'answers', program: null, drained: [], notes: [] } as const;
  return { atMs: NOW_MS, virtualServers: [{ virtualServer, care, kernel, ...rest }] };
}

describe('what the lvscares that are running say of a server', () => {
  it('is its state, since when, its weight and why', () => {
    assert.deepEqual(runningIn([status([serverReport(A)], 1)], A), [
      {
        report: {
          virtualServer: '10.103.97.2:6443',
          state: 'up',
          since: '2023-11-14T22:10:15.000Z',
          drained: false,
          weight: 1,
          why: 'ok, status 200',
        },
        words: 'lvscare of 10.103.97.2:6443: up for 3 min 5 s, weight 1: ok, status 200',
      },
    ]);
  });

  const cases: readonly (readonly [words: string, more: Partial<ServerReport>, weight: number | null])[] = [
    [
      'sick for 3 min 5 s, weight 0: status, status 500',
      { state: 'sick', evidence: { kind: 'status', detail: 'status 500' } },
      0,
    ],
    [
      'dead for 3 min 5 s, not in the table: refused, ECONNREFUSED',
      { state: 'dead', evidence: { kind: 'refused', detail: 'ECONNREFUSED' } },
      null,
    ],
    [
      'up for 3 min 5 s, weight 0: drained by hand 1 min 0 s ago; ok, status 200',
      { drained: { sinceMs: NOW_MS - 60_000 } },
      0,
    ],
    [
      'dead for 3 min 5 s, not in the table: answers, but is held out for another 2 s: it failed 2 times in a row soon after it recovered; ok, status 200',
      { state: 'dead', heldUntilMs: NOW_MS + 2000, relapses: 2 },
      null,
    ],
  ];
  for (const [words, more, weight] of cases)
    it(words, () => {
      const [found] = runningIn([status([serverReport(A, more)], weight)], A);
      assert.equal(found?.words, `lvscare of 10.103.97.2:6443: ${words}`);
    });

  it('is listed once for each virtual server that has it, and not at all if none has', () => {
    const statuses = [status([serverReport(A)], 1), status([serverReport(B)], 1, '10.103.97.3:6443')];
    const both = [...statuses, status([serverReport(A)], null, '10.103.97.4:6443')];
    assert.deepEqual(
      runningIn(both, A).map(({ report }) => report.virtualServer),
      ['10.103.97.2:6443', '10.103.97.4:6443'],
    );
    assert.deepEqual(runningIn([status([], null)], A), []);
    assert.deepEqual(runningIn([], A), []);
  });
});
