import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Recorder } from '../../src/report/recorder.js';
import { durationInWords, summaryOf } from '../../src/report/summary.js';
import { endpoint } from '../../src/values/endpoint.js';
import { step, unknownHealth } from '../../src/decisions/health.js';

describe('durations', () => {
  for (const [ms, words] of [
    [-1, '0 ms'],
    [0.4, '0 ms'],
    [999, '999 ms'],
    [1000, '1 s'],
    [185_000, '3 min 5 s'],
    [7_800_000, '2 h 10 min'],
    [86_400_000 * 4 + 3 * 3_600_000, '4 d 3 h'],
  ] as const) {
    it(`are shown in words: ${ms}`, () => {
      assert.equal(durationInWords(ms), words);
    });
  }
});

describe('the summary', () => {
  it('has each server in aligned columns', () => {
    let nowMs = 0;
    const [virtualServer, near, far] = [
      endpoint('ipv4', '10.103.97.2', 6443),
      endpoint('ipv4', '10.0.0.1', 6443),
      endpoint('ipv4', '10.0.0.100', 6443),
    ];
    const board = new Recorder(
      {
        virtualServer,
        realServers: [near, far],
        policy: { scheduler: 'rr', intervalMs: 5000 },
        mode: 'local',
        masquerade: false,
      },
      { clock: { now: () => nowMs }, wallClock: () => nowMs },
    );
    nowMs = 60_000;
    const ok = { kind: 'ok', detail: 'status 200' } as const;
    const silent = { kind: 'silent', detail: 'no answer' } as const;
    for (const [server, evidence, durationMs] of [
      [near, ok, 2],
      [near, ok, 3],
      [far, silent, 1000],
    ] as const)
      board.record({ virtualServer, kind: 'probe', server, evidence, durationMs });
    const before = unknownHealth(0);
    const after = step(before, ok, nowMs, { fall: 1, rise: 1, maxHoldMs: 0 });
    board.record({ virtualServer, kind: 'transition', server: near, before, after });
    nowMs = 90_000;
    const program = { version: 'v1', commit: 'c', pid: 1, host: 'node-1', startedAtMs: 0, dryRun: false };
    assert.deepEqual(summaryOf({ atMs: nowMs, program, virtualServers: [board.report({ history: true })] }), [
      '10.103.97.2:6443 was taken care of for 1 min 30 s: 1 transition, 0 repairs',
      '  10.0.0.1:6443    up       for 30 s        2 probes, 0 failed  answers in 2.5 ms',
      '  10.0.0.100:6443  unknown  for 1 min 30 s  1 probe, 1 failed   never answered',
    ]);
  });
});
