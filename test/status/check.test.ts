import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { VirtualServerReport } from '../../src/report/report.js';
import { CHECK_CODES, checkStatus } from '../../src/status/check.js';
import type { VirtualServerStatus } from '../../src/status/status.js';
import { NOW_MS, serverReport } from './server-report.js';

const VS = '10.103.97.2:6443';

function care(more: Partial<VirtualServerReport> = {}): VirtualServerReport {
  return {
    virtualServer: VS,
    scheduler: 'rr',
    mode: 'local',
    masquerade: false,
    nodeAddress: null,
    intervalMs: 5000,
    failOpen: false,
    deletedRepeatedly: false,
    reachability: null,
    discovery: null,
    lastPass: { atMs: NOW_MS - 1000, durationMs: 1, error: null },
    troubles: [],
    repairs: {},
    servers: [serverReport('10.0.0.1:6443'), serverReport('10.0.0.2:6443')],
    transitions: [],
    ...more,
  };
}

function checked(...all: readonly Partial<VirtualServerStatus>[]): ReturnType<typeof checkStatus> {
  const virtualServers = all.map((one): VirtualServerStatus => ({
    virtualServer: VS,
    lvscare: 'answers',
    program: null,
    care: null,
    kernel: null,
    drained: [],
    notes: [],
    ...one,
  }));
  return checkStatus({ atMs: NOW_MS, virtualServers });
}

describe('status --check', () => {
  const dead = serverReport('10.0.0.2:6443', { state: 'dead' });
  it('is ok only while all is well', () => {
    assert.deepEqual(checked({ care: care() }), { lines: [`ok ${VS}: well, 2 of 2 up`], verdict: 'ok' });
  });

  for (const [what, report, verdict, line] of [
    [
      'a server is down',
      { servers: [serverReport('10.0.0.1:6443'), dead] },
      'degraded',
      'impaired, 1 of 2 up',
    ],
    [
      'a server is not judged yet',
      { servers: [serverReport('x', { state: 'unknown' })] },
      'degraded',
      'starting, 0 of 1 up',
    ],
    ['all are down', { servers: [dead] }, 'down', 'down, 0 of 1 up'],
    ['the last resort serves', { failOpen: true }, 'down', 'down, 2 of 2 up'],
    [
      'clients do not reach it',
      { reachability: { reason: 'no answer', sinceMs: NOW_MS } },
      'down',
      'down, 2 of 2 up',
    ],
  ] as const)
    it(`is ${verdict} when ${what}`, () => {
      assert.deepEqual(checked({ care: care(report) }), { lines: [`${verdict} ${VS}: ${line}`], verdict });
    });

  it('is degraded when no lvscare runs and the kernel still serves, and down when it does not', () => {
    const row = {
      server: '10.0.0.1:6443',
      forwarding: 'masquerade',
      weight: 1,
      active: 0,
      inactive: 0,
      traffic: null,
    } as const;
    const kernel = (weight: number): VirtualServerStatus['kernel'] => ({
      scheduler: 'rr',
      flags: '',
      traffic: null,
      destinations: [{ ...row, weight }],
    });
    const notes = ['no lvscare is running'];
    assert.equal(checked({ lvscare: 'none', notes, kernel: kernel(1) }).verdict, 'degraded');
    assert.deepEqual(checked({ lvscare: 'none', notes, kernel: kernel(0) }).lines, [
      `down ${VS}: no lvscare is running`,
    ]);
    assert.equal(checked({ lvscare: 'none', notes }).verdict, 'down');
  });

  it('is as bad as the worst, and down if there is none', () => {
    assert.equal(checked({ care: care() }, { care: care({ servers: [dead] }) }).verdict, 'down');
    assert.equal(checked().verdict, 'down');
    assert.deepEqual(CHECK_CODES, { ok: 0, degraded: 1, down: 2 });
  });
});
