import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { outcomeInWords, type DrainOutcome } from '../../src/status/drain-outcome.js';
import { runningIn } from '../../src/status/running.js';
import { isDrainOutcome, isStatus } from '../../src/status/shape.js';
import type { Status } from '../../src/status/status.js';
import { statusLines } from '../../src/status/table.js';
import { plainPaint } from '../../src/text/paint.js';
import { virtualServer } from '../page/made-up.js';
import { NOW_MS, serverReport } from '../status/server-report.js';
import { anyJson, changedJson, fuzz, harmless, quickly } from './fuzz.js';

const A = '10.0.0.1:6443';
const TRAFFIC = {
  connections: 9,
  packetsIn: 1,
  packetsOut: 1,
  bytesIn: 1,
  bytesOut: 1,
  connectionsPerSecond: 2,
  bytesInPerSecond: 999,
  bytesOutPerSecond: 12_345_678,
};
const STATUS: Status = {
  atMs: NOW_MS,
  virtualServers: [
    {
      virtualServer: '10.103.97.2:6443',
      lvscare: 'answers',
      program: {
        version: '0.1.0',
        commit: 'abc',
        pid: 4711,
        host: 'node-1',
        startedAtMs: NOW_MS - 7500,
        dryRun: false,
      },
      care: virtualServer({
        servers: [serverReport(A, { drained: { sinceMs: NOW_MS } }), serverReport('10.0.0.2:6443')],
        troubles: [{ what: 'local route', message: 'EPERM', sinceMs: NOW_MS }],
        reachability: { reason: 'no answer', sinceMs: NOW_MS },
      }),
      kernel: {
        scheduler: 'rr',
        flags: '',
        traffic: TRAFFIC,
        destinations: [
          { server: A, forwarding: 'masquerade', weight: 1, active: 0, inactive: 0, traffic: TRAFFIC },
        ],
      },
      drained: [{ server: A, sinceMs: NOW_MS }],
      notes: ['a note'],
    },
  ],
};
const OUTCOME: DrainOutcome = {
  virtualServer: '10.103.97.2:6443',
  server: A,
  drained: true,
  changed: true,
  state: 'up',
  standby: false,
  row: { weight: 0, active: 3 },
  failOpen: false,
  kernelError: null,
  forgotten: 'EROFS',
};
const WORDS = ['virtualServers', 'care', 'kernel', 'servers', 'server', 'evidence', 'up', 'dead', A];

describe('answers of a control socket', () => {
  it('of this version are taken', () => {
    assert.deepEqual([isStatus(STATUS), isDrainOutcome(OUTCOME)], [true, true]);
  });

  fuzz(
    'are a status that can be shown, or none',
    fc.oneof(changedJson(STATUS, WORDS), anyJson(WORDS)),
    async (value) => {
      await quickly(() => {
        if (!isStatus(value)) return;
        for (const width of [null, 80])
          for (const line of statusLines(value, { width, paint: plainPaint })) harmless(line);
        for (const { words } of runningIn([value], A)) harmless(words);
      });
    },
  );

  fuzz(
    'are the result of a drain, or none',
    fc.oneof(changedJson(OUTCOME, WORDS), anyJson(WORDS)),
    async (value) => {
      await quickly(() => {
        if (isDrainOutcome(value)) for (const line of outcomeInWords(value)) harmless(line);
      });
    },
  );
});
