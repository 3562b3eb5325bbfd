/** A day of each thing that can go wrong without an end, as often as it can, and what it leaves on the disk. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import type { ActionResult, Pass, Reporter } from '../../src/control-loop/ports.js';
import { endpoint } from '../../src/values/endpoint.js';
import type { EvidenceKind } from '../../src/values/evidence.js';
import { unknownHealth, type Health, type HealthState } from '../../src/decisions/health.js';
import type { Action } from '../../src/decisions/reconcile.js';
import { serviceSettings } from '../../src/values/table.js';
import { logReporter } from '../../src/log/log-reporter.js';

const DAY_MS = 86_400_000;
/** Far below what a kubelet keeps of a container's log by default: five files of 10 MiB. */
const MOST_BYTES = 8_000_000;

const SERVER = endpoint('ipv4', '10.0.0.1', 6443);
const VIRTUAL_SERVER = endpoint('ipv4', '10.103.97.2', 6443);
const SERVICE: Action = { kind: 'create-service', settings: serviceSettings('rr') };

interface Day {
  readonly reporter: Reporter;
  /** Milliseconds since the day began. */
  readonly nowMs: number;
  /** How often it happened before. */
  readonly time: number;
  readonly odd: boolean;
}

/** Has something happen each `everyMs` for a day. Returns what was written at the usual level. */
function aDayOf(everyMs: number, happens: (day: Day) => void): { bytes: number; lines: string[] } {
  const lines: string[] = [];
  let bytes = 0;
  let nowMs = 0;
  const output = {
    write(line: string) {
      bytes += Buffer.byteLength(line);
      lines.push(line);
      if (lines.length > 100) lines.shift();
    },
  };
  const log = pino({ level: 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime }, output);
  const reporter = logReporter(log, { virtualServer: VIRTUAL_SERVER, dryRun: false }, { now: () => nowMs });
  for (let time = 0; nowMs < DAY_MS; time += 1, nowMs = time * everyMs)
    happens({ reporter, nowMs, time, odd: time % 2 === 1 });
  return { bytes, lines };
}

function health(state: HealthState, kind: EvidenceKind, detail = ''): Health {
  return { ...unknownHealth(0), state, lastEvidence: { kind, detail } };
}

function pass(results: readonly ActionResult[] = [], more: Partial<Pass> = {}): Pass {
  return {
    causes: ['timer'],
    results,
    drift: false,
    lastResort: false,
    rival: false,
    durationMs: 1,
    ...more,
  };
}

function done(action: Action, error: Error | null = null): ActionResult {
  return { action, error, raced: false };
}

const UP = health('up', 'ok', 'status 200');
const DEAD = health('dead', 'refused', 'connect ECONNREFUSED 10.0.0.1:6443');
const errors = [new Error('EPERM, operation not permitted'), new Error('ENOMEM, out of memory')] as const;

/** What happens again and again; each as fast as the options allow, or as its causes can be. */
const plagues: readonly (readonly [what: string, everyMs: number, happens: (day: Day) => void])[] = [
  [
    'a peer that is dead',
    250,
    ({ reporter, time }) => {
      if (time === 0) reporter.judged(SERVER, UP, DEAD);
      reporter.probed(SERVER, { kind: 'refused', detail: 'x' }, 1);
      reporter.stillDown(SERVER, DEAD);
      reporter.reconciled(pass());
    },
  ],
  [
    'a peer that never fails the same way twice',
    250,
    ({ reporter, time }) => {
      if (time === 0) reporter.judged(SERVER, UP, DEAD);
      reporter.stillDown(SERVER, health('sick', 'tls', `certificate of CN=${time}`));
    },
  ],
  [
    'a peer that names other checks of its own each time',
    250,
    ({ reporter, time }) => {
      if (time === 0) reporter.judged(SERVER, UP, DEAD);
      const lastEvidence = {
        kind: 'status',
        status: 500,
        detail: `status 500: check-${time} failed`,
      } as const;
      reporter.stillDown(SERVER, { ...health('sick', 'status'), lastEvidence });
    },
  ],
  [
    'a peer that flaps and is never held out',
    200,
    ({ reporter, odd }) => {
      reporter.judged(SERVER, odd ? DEAD : UP, odd ? UP : DEAD);
      const action: Action = odd
        ? { kind: 'add-destination', server: SERVER, weight: 1 }
        : { kind: 'remove-destination', server: SERVER };
      reporter.reconciled(pass([done(action)]));
    },
  ],
  [
    'a peer that flaps and is held out',
    1000,
    ({ reporter, odd }) => {
      reporter.held(SERVER, { ...DEAD, relapses: 7 }, 60_000);
      reporter.judged(SERVER, odd ? DEAD : UP, odd ? UP : DEAD);
    },
  ],
  [
    'probes that prove nothing, for ever another reason',
    250,
    ({ reporter, odd }) => {
      reporter.probed(SERVER, { kind: 'void', detail: odd ? 'EMFILE' : 'EADDRNOTAVAIL' }, 1);
    },
  ],
  [
    'a table that can be read now and then',
    250,
    ({ reporter, time }) => {
      if (time % 3 === 2) reporter.reconciled(pass());
      else reporter.tableUnreadable(errors[time % 3 === 0 ? 0 : 1], 250);
    },
  ],
  [
    'changes that fail, each time for another reason',
    250,
    ({ reporter, odd }) => {
      const why = errors[odd ? 1 : 0];
      reporter.reconciled(
        pass([done(SERVICE, why), done({ kind: 'add-destination', server: SERVER, weight: 1 }, why)]),
      );
    },
  ],
  [
    'somebody who undoes everything as soon as it is done',
    250,
    ({ reporter }) => {
      const row: Action = { kind: 'add-destination', server: SERVER, weight: 1 };
      reporter.reconciled(pass([done(SERVICE), done(row)], { drift: true }));
      reporter.mended('local route', 'no route local 10.103.97.2 dev lo', null);
    },
  ],
  [
    'somebody who adds servers of his own, each time another one',
    250,
    ({ reporter, time }) => {
      const server = endpoint('ipv4', `10.${(time >> 16) & 255}.${(time >> 8) & 255}.${time & 255}`, 80);
      reporter.reconciled(pass([done({ kind: 'remove-destination', server })]));
    },
  ],
  [
    'an upkeep that fails, each time for another reason, or is well',
    250,
    ({ reporter, time }) => {
      if (time % 3 === 0) reporter.uncheckable('sysctl a.b', errors[0]);
      else if (time % 3 === 1) reporter.mended('sysctl a.b', 'a.b is 0, not 1', errors[1]);
      else reporter.upheld('sysctl a.b');
    },
  ],
  [
    'a last resort and a rival that come and go',
    250,
    ({ reporter, odd }) => {
      reporter.reconciled(pass([], { lastResort: odd, rival: odd }));
    },
  ],
  [
    'no notifications, and faults of our own',
    1000,
    ({ reporter, odd }) => {
      reporter.deaf(errors[odd ? 1 : 0], 1000);
      reporter.fault('probe of 10.0.0.1:6443', errors[odd ? 1 : 0]);
    },
  ],
];

describe('a full day', () => {
  for (const [what, everyMs, happens] of plagues) {
    it(`of ${what} fits on any disk`, (context) => {
      const { bytes, lines } = aDayOf(everyMs, happens);
      context.diagnostic(`${(bytes / 1e6).toFixed(1)} MB`);
      assert.ok(bytes < MOST_BYTES, `${bytes} bytes; the last: ${lines.at(-1) ?? ''}`);
      assert.ok(lines.length > 0, 'it is told of');
    });
  }

  it('of all of it at once does, too', (context) => {
    const { bytes } = aDayOf(1000, (day) => {
      for (const [, , happens] of plagues) happens(day);
    });
    context.diagnostic(`${(bytes / 1e6).toFixed(1)} MB`);
    assert.ok(bytes < 2 * MOST_BYTES, `${bytes} bytes`);
  });

  it('of a storm ends with how it is now', () => {
    const { lines } = aDayOf(500, ({ reporter, nowMs, odd }) => {
      // It flaps for an hour, and is up from then on.
      if (nowMs < 3_600_000) reporter.judged(SERVER, odd ? DEAD : UP, odd ? UP : DEAD);
      else reporter.probed(SERVER, { kind: 'ok', detail: 'status 200' }, 1);
    });
    const last = JSON.parse(lines.at(-1) ?? '') as {
      event: string;
      to: string;
      withheld: number;
      msg: string;
    };
    assert.equal(last.event, 'transition');
    assert.equal(last.to, 'up');
    assert.ok(last.withheld > 0);
    assert.match(last.msg, /^10\.0\.0\.1:6443 is up .* \(and \d+ more before it\)$/);
  });
});
