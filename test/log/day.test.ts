/** A day of each thing that can go wrong without an end, as often as it can, and what it leaves on the disk. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import type { EventDetails } from '../../src/control-loop/events.js';
import type { ActionResult } from '../../src/control-loop/ports.js';
import { endpoint } from '../../src/values/endpoint.js';
import type { EvidenceKind } from '../../src/values/evidence.js';
import { unknownHealth, type Health, type HealthState } from '../../src/decisions/health.js';
import type { Action } from '../../src/decisions/reconcile.js';
import { serviceSettings } from '../../src/values/table.js';
import { eventLog } from '../../src/log/event-log.js';

const DAY_MS = 86_400_000;
/** Far below what a kubelet keeps of a container's log by default: five files of 10 MiB. */
const MOST_BYTES = 8_000_000;

const SERVER = endpoint('ipv4', '10.0.0.1', 6443);
const VIRTUAL_SERVER = endpoint('ipv4', '10.103.97.2', 6443);
const SERVICE: Action = { kind: 'create-service', settings: serviceSettings('rr') };

interface Day {
  readonly emit: (event: EventDetails) => void;
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
  const observe = eventLog(log, { now: () => nowMs });
  const emit = (event: EventDetails): void => {
    observe({ virtualServer: VIRTUAL_SERVER, ...event });
  };
  for (let time = 0; nowMs < DAY_MS; time += 1, nowMs = time * everyMs)
    happens({ emit, nowMs, time, odd: time % 2 === 1 });
  return { bytes, lines };
}

function health(state: HealthState, kind: EvidenceKind, detail = ''): Health {
  return { ...unknownHealth(0), state, lastEvidence: { kind, detail } };
}

function pass(results: readonly ActionResult[] = [], drift = false): EventDetails {
  return { kind: 'pass', causes: ['timer'], results, drift, durationMs: 1 };
}

function done(action: Action, error: Error | null = null): ActionResult {
  return { action, outcome: error === null ? 'ok' : 'failed', error };
}

const UP = health('up', 'ok', 'status 200');
const DEAD = health('dead', 'refused', 'connect ECONNREFUSED 10.0.0.1:6443');
const errors = [new Error('EPERM, operation not permitted'), new Error('ENOMEM, out of memory')] as const;

/** What happens again and again; each as fast as the options allow, or as its causes can be. */
const plagues: readonly (readonly [what: string, everyMs: number, happens: (day: Day) => void])[] = [
  [
    'a peer that is dead',
    250,
    ({ emit, time }) => {
      if (time === 0) emit({ kind: 'transition', server: SERVER, before: UP, after: DEAD });
      emit({ kind: 'probe', server: SERVER, evidence: { kind: 'refused', detail: 'x' }, durationMs: 1 });
      emit({ kind: 'still-down', server: SERVER, health: DEAD });
      emit(pass());
    },
  ],
  [
    'a peer that never fails the same way twice',
    250,
    ({ emit, time }) => {
      if (time === 0) emit({ kind: 'transition', server: SERVER, before: UP, after: DEAD });
      emit({
        kind: 'still-down',
        server: SERVER,
        health: health('sick', 'tls', `certificate of CN=${time}`),
      });
    },
  ],
  [
    'a peer that names other checks of its own each time',
    250,
    ({ emit, time }) => {
      if (time === 0) emit({ kind: 'transition', server: SERVER, before: UP, after: DEAD });
      const lastEvidence = {
        kind: 'status',
        status: 500,
        detail: `status 500: check-${time} failed`,
      } as const;
      emit({ kind: 'still-down', server: SERVER, health: { ...health('sick', 'status'), lastEvidence } });
    },
  ],
  [
    'a peer that flaps and is never held out',
    200,
    ({ emit, odd }) => {
      emit({ kind: 'transition', server: SERVER, before: odd ? DEAD : UP, after: odd ? UP : DEAD });
      const action: Action = odd
        ? { kind: 'add-destination', server: SERVER, weight: 1 }
        : { kind: 'remove-destination', server: SERVER };
      emit(pass([done(action)]));
    },
  ],
  [
    'a peer that flaps and is held out',
    1000,
    ({ emit, odd }) => {
      emit({ kind: 'held', server: SERVER, health: { ...DEAD, relapses: 7 }, forMs: 60_000 });
      emit({ kind: 'transition', server: SERVER, before: odd ? DEAD : UP, after: odd ? UP : DEAD });
    },
  ],
  [
    'probes that prove nothing, for ever another reason',
    250,
    ({ emit, odd }) => {
      emit({
        kind: 'probe-inconclusive',
        server: SERVER,
        detail: odd ? 'EMFILE' : 'EADDRNOTAVAIL',
        durationMs: 1,
      });
    },
  ],
  [
    'a table that can be read now and then',
    250,
    ({ emit, time }) => {
      if (time % 3 === 2) emit(pass());
      else emit({ kind: 'table-unreadable', error: errors[time % 3 === 0 ? 0 : 1], retryInMs: 250 });
    },
  ],
  [
    'changes that fail, each time for another reason',
    250,
    ({ emit, odd }) => {
      const why = errors[odd ? 1 : 0];
      emit(pass([done(SERVICE, why), done({ kind: 'add-destination', server: SERVER, weight: 1 }, why)]));
    },
  ],
  [
    'another program that undoes everything as soon as it is done',
    250,
    ({ emit }) => {
      const row: Action = { kind: 'add-destination', server: SERVER, weight: 1 };
      emit(pass([done(SERVICE), done(row)], true));
      emit({
        kind: 'resource-repaired',
        resource: 'local route',
        drift: 'no route local 10.103.97.2 dev lo',
      });
    },
  ],
  [
    'another program that adds servers, each time another one',
    250,
    ({ emit, time }) => {
      const server = endpoint('ipv4', `10.${(time >> 16) & 255}.${(time >> 8) & 255}.${time & 255}`, 80);
      emit(pass([done({ kind: 'remove-destination', server })]));
    },
  ],
  [
    'a host resource that fails, each time for another reason, or is well',
    250,
    ({ emit, time }) => {
      if (time % 3 === 0) emit({ kind: 'resource-failed', resource: 'sysctl a.b', error: errors[0] });
      else if (time % 3 === 1) emit({ kind: 'resource-failed', resource: 'sysctl a.b', error: errors[1] });
      else emit({ kind: 'resource-ok', resource: 'sysctl a.b' });
    },
  ],
  [
    'a last resort and deletions that come and go',
    250,
    ({ emit, odd }) => {
      emit({ kind: 'fail-open', active: odd, anyDrained: false });
      emit({ kind: 'deleted-repeatedly', active: odd });
    },
  ],
  [
    'no notifications, and bugs',
    1000,
    ({ emit, odd }) => {
      emit({ kind: 'notifications-lost', error: errors[odd ? 1 : 0], retryInMs: 1000 });
      emit({ kind: 'fault', where: 'probe of 10.0.0.1:6443', error: errors[odd ? 1 : 0] });
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
    const { lines } = aDayOf(500, ({ emit, nowMs, odd }) => {
      // It flaps for an hour, and is up from then on.
      if (nowMs < 3_600_000)
        emit({ kind: 'transition', server: SERVER, before: odd ? DEAD : UP, after: odd ? UP : DEAD });
      else
        emit({
          kind: 'probe',
          server: SERVER,
          evidence: { kind: 'ok', detail: 'status 200' },
          durationMs: 1,
        });
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
