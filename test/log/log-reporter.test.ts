import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import type { ActionResult, Pass, Reporter } from '../../src/control-loop/ports.js';
import { endpoint } from '../../src/values/endpoint.js';
import type { EvidenceKind } from '../../src/values/evidence.js';
import { unknownHealth, type Health, type HealthState } from '../../src/decisions/health.js';
import type { Action } from '../../src/decisions/reconcile.js';
import { serviceSettings } from '../../src/values/table.js';
import { logReporter } from '../../src/log/log-reporter.js';

const SERVER = endpoint('ipv4', '10.0.0.1', 6443);
const OTHER = endpoint('ipv4', '10.0.0.2', 6443);
const VIRTUAL_SERVER = endpoint('ipv4', '10.103.97.2', 6443);
const LEVELS: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error' };

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A reporter, and the lines that it has logged. */
function reporting(
  options: Partial<Parameters<typeof logReporter>[1]> = {},
  anyDrained = (): boolean => false,
): {
  readonly reporter: Reporter;
  /** The lines since they were last taken: those at info and above, as `level message`. */
  readonly take: () => string[];
  readonly lines: Line[];
} {
  const lines: Line[] = [];
  let taken = 0;
  const stream = new Writable({
    write(chunk: Buffer, _encoding, callback) {
      const { level, msg, ...fields } = JSON.parse(chunk.toString()) as { level: number; msg: string };
      lines.push({ level: LEVELS[level] ?? '?', msg, fields });
      callback();
    },
  });
  const log = pino({ level: 'debug', base: null, timestamp: false }, stream);
  const take = (): string[] => {
    const fresh = lines.slice(taken);
    taken = lines.length;
    return fresh.filter(({ level }) => level !== 'debug').map(({ level, msg }) => `${level} ${msg}`);
  };
  return {
    reporter: logReporter(
      log,
      { virtualServer: VIRTUAL_SERVER, dryRun: false, ...options },
      { now: () => 0 },
      anyDrained,
    ),
    take,
    lines,
  };
}

function health(state: HealthState, kind: EvidenceKind | null, detail = ''): Health {
  const lastEvidence = kind === null ? null : { kind, detail };
  return { ...unknownHealth(0), state, lastEvidence, sameClass: 1 };
}

/** A server that is sick, as it answers with a status. */
function answering(status: number, detail: string): Health {
  return { ...health('sick', null), lastEvidence: { kind: 'status', status, detail } };
}

function pass(results: readonly ActionResult[], more: Partial<Pass> = {}): Pass {
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

function result(action: Action, error: string | null = null, raced = false): ActionResult {
  return { action, error: error === null ? null : new Error(error), raced };
}

const add: Action = { kind: 'add-destination', server: SERVER, weight: 1 };
const set: Action = { kind: 'update-destination', server: SERVER, weight: 0 };
const remove: Action = { kind: 'remove-destination', server: OTHER };
const create: Action = { kind: 'create-service', settings: serviceSettings('rr') };
const update: Action = { kind: 'update-service', settings: serviceSettings('wlc') };

describe('a transition', () => {
  const cases: readonly (readonly [before: Health, after: Health, line: string])[] = [
    [
      health('unknown', null),
      health('up', 'ok', 'status 200'),
      'info 10.0.0.1:6443 is up (was unknown): ok, status 200',
    ],
    [
      health('up', 'ok'),
      health('dead', 'refused', 'connect ECONNREFUSED'),
      'info 10.0.0.1:6443 is dead (was up): refused, connect ECONNREFUSED',
    ],
    [
      health('up', 'ok'),
      health('sick', 'status', 'status 500'),
      'info 10.0.0.1:6443 is sick (was up): status, status 500',
    ],
    [
      health('sick', 'ok'),
      health('up', 'ok', 'status 200'),
      'info 10.0.0.1:6443 is up (was sick): ok, status 200',
    ],
  ];
  for (const [before, after, line] of cases) {
    it(`is one line: ${line}`, () => {
      const { reporter, take, lines } = reporting();
      reporter.judged(SERVER, before, after);
      assert.deepEqual(take(), [line]);
      assert.deepEqual(lines[0]?.fields, {
        event: 'transition',
        rs: '10.0.0.1:6443',
        from: before.state,
        to: after.state,
        evidence: after.lastEvidence?.kind,
        why: after.lastEvidence?.detail,
      });
    });
  }

  it('is none when the state is the same', () => {
    const { reporter, lines } = reporting();
    reporter.judged(SERVER, health('dead', 'silent'), health('dead', 'refused'));
    assert.deepEqual(lines, []);
  });
});

describe('a server that is down', () => {
  it('is told of again when it is for another reason, and once for each', () => {
    const { reporter, take } = reporting();
    reporter.judged(SERVER, health('up', 'ok'), health('sick', 'tls', 'certificate has expired'));
    take();
    for (let time = 0; time < 3; time += 1) {
      reporter.stillDown(SERVER, health('sick', 'tls', 'certificate has expired'));
      reporter.stillDown(SERVER, health('sick', 'status', 'status 403'));
    }
    assert.deepEqual(take(), ['info 10.0.0.1:6443 is still sick, now: status, status 403']);
    reporter.judged(SERVER, health('sick', 'status'), health('up', 'ok', 'status 200'));
    reporter.judged(SERVER, health('up', 'ok'), health('dead', 'silent', 'x'));
    take();
    reporter.stillDown(SERVER, health('dead', 'status', 'status 403'));
    assert.deepEqual(take(), ['info 10.0.0.1:6443 is still dead, now: status, status 403']);
  });

  it('logs the meaning once for each status, whichever checks the server names', () => {
    const { reporter, take } = reporting();
    const failing = (checks: string): Health => answering(500, `status 500: ${checks} failed`);
    reporter.judged(SERVER, health('up', 'ok'), failing('a, b, c'));
    take();
    for (let count = 0; count < 50; count += 1) reporter.stillDown(SERVER, failing(`check-${count}`));
    assert.deepEqual(take(), []);
    reporter.stillDown(SERVER, answering(503, 'status 503'));
    reporter.stillDown(SERVER, health('sick', 'slow', 'late'));
    assert.equal(take().length, 2, 'other reasons are not kept out by them');
  });

  it('says what a server means by its status, the first time that the server gives it', () => {
    const { reporter, take, lines } = reporting();
    const anonymous = answering(401, 'status 401');
    const starts = 'the apiserver answers no anonymous requests, .*: give lvscare --health-cert and ';
    reporter.judged(SERVER, health('unknown', null), anonymous);
    const [first = ''] = take();
    assert.match(
      first,
      new RegExp(`^info 10.0.0.1:6443 is sick \\(was unknown\\): status, status 401; ${starts}`),
    );
    assert.equal(lines[0]?.fields['why'], 'status 401');
    assert.match(String(lines[0].fields['hint']), new RegExp(`^${starts}`));

    reporter.judged(SERVER, anonymous, health('up', 'ok', 'status 200'));
    reporter.judged(SERVER, health('up', 'ok'), anonymous);
    assert.deepEqual(take(), [
      'info 10.0.0.1:6443 is up (was sick): ok, status 200',
      'info 10.0.0.1:6443 is sick (was up): status, status 401',
    ]);
    assert.ok(!('hint' in (lines.at(-1)?.fields ?? {})));

    reporter.stillDown(SERVER, answering(404, 'status 404'));
    reporter.judged(OTHER, health('up', 'ok'), anonymous);
    const [another = '', other = ''] = take();
    assert.match(
      another,
      /is still sick, now: status, status 404; the server has no such path: check --health-path/,
    );
    assert.match(other, /^info 10\.0\.0\.2:6443 is sick .*; the apiserver answers no anonymous requests/);
    reporter.stillDown(SERVER, answering(418, 'status 418'));
    assert.deepEqual(take(), ['info 10.0.0.1:6443 is still sick, now: status, status 418']);
  });

  it('and flaps is told of with how long it is held out', () => {
    const { reporter, take } = reporting();
    reporter.held(SERVER, { ...health('dead', 'ok'), relapses: 2 }, 2000);
    assert.deepEqual(take(), [
      'info 10.0.0.1:6443 answers again, and is held out for 2.0 s: it flaps: it fell 2 times soon after it was back',
    ]);
  });
});

describe('a probe', () => {
  it('is a line at debug, with what it found and how long it took', () => {
    const { reporter, lines } = reporting();
    reporter.probed(SERVER, { kind: 'ok', detail: 'status 200' }, 12.3456);
    assert.deepEqual(lines, [
      {
        level: 'debug',
        msg: 'probed 10.0.0.1:6443: ok, status 200',
        fields: { event: 'probe', rs: '10.0.0.1:6443', evidence: 'ok', durationMs: 12.3 },
      },
    ]);
  });

  it('that proves nothing is a warning, once until it proves something', () => {
    const { reporter, take, lines } = reporting();
    const probe = (kind: 'void' | 'ok', detail: string): void => {
      reporter.probed(SERVER, { kind, detail }, 1);
    };
    probe('void', 'EMFILE');
    assert.deepEqual(take(), ['warn a probe of 10.0.0.1:6443 proves nothing: EMFILE']);
    probe('void', 'EMFILE');
    assert.deepEqual(take(), []);
    probe('void', 'ENOMEM');
    assert.deepEqual(take(), ['warn a probe of 10.0.0.1:6443 proves nothing: ENOMEM']);
    probe('ok', '');
    probe('void', 'ENOMEM');
    assert.deepEqual(take(), ['warn a probe of 10.0.0.1:6443 proves nothing: ENOMEM']);
    assert.equal(lines.length, 5, 'repetition is there at debug');
  });
});

describe('a pass of the reconciler', () => {
  it('is a line at info for each change', () => {
    const { reporter, take, lines } = reporting();
    reporter.reconciled(pass([create, update, add, set, remove].map((action) => result(action))));
    assert.deepEqual(take(), [
      'info created the virtual server with scheduler rr',
      'info set the virtual server to scheduler wlc',
      'info added 10.0.0.1:6443 with weight 1',
      'info set 10.0.0.1:6443 to weight 0',
      'info removed 10.0.0.2:6443',
    ]);
    assert.deepEqual(lines[0]?.fields, {
      event: 'action',
      action: 'create-service',
      drift: false,
      outcome: 'done',
    });
    assert.deepEqual(lines[4]?.fields, {
      event: 'action',
      action: 'remove-destination',
      rs: '10.0.0.2:6443',
      drift: false,
      outcome: 'done',
    });
  });

  it('without a change is a line at debug', () => {
    const { reporter, lines } = reporting();
    reporter.reconciled(pass([]));
    assert.deepEqual(lines, [
      {
        level: 'debug',
        msg: 'reconciled',
        fields: { event: 'pass', causes: ['timer'], actions: 0, durationMs: 1 },
      },
    ]);
  });

  it('says when somebody else made it necessary', () => {
    const { reporter, take, lines } = reporting();
    reporter.reconciled(pass([result(add)], { drift: true }));
    assert.deepEqual(take(), ['info added 10.0.0.1:6443 with weight 1: somebody had changed it']);
    assert.equal(lines[0]?.fields['drift'], true);
  });

  it('says of what fails why, once for as long as it fails, and of what raced nothing', () => {
    const { reporter, take, lines } = reporting();
    const failing = pass([result(add, 'EPERM'), result(remove, 'EPERM'), result(set, 'ENOENT', true)]);
    reporter.reconciled(failing);
    assert.deepEqual(take(), [
      'warn failed to add 10.0.0.1:6443 with weight 1: EPERM',
      'warn failed to remove 10.0.0.2:6443: EPERM',
    ]);
    assert.equal((lines[0]?.fields['err'] as Error).message, 'EPERM');
    reporter.reconciled(failing);
    assert.deepEqual(take(), []);
    reporter.reconciled(pass([result(add, 'ENOMEM'), result(remove)]));
    assert.deepEqual(take(), [
      'warn failed to add 10.0.0.1:6443 with weight 1: ENOMEM',
      'info removed 10.0.0.2:6443',
    ]);
    // It was not wanted any more; when it is, and fails, that is news.
    reporter.reconciled(pass([]));
    reporter.reconciled(pass([result(add, 'ENOMEM')]));
    assert.deepEqual(take(), ['warn failed to add 10.0.0.1:6443 with weight 1: ENOMEM']);
  });

  it('in a dry run says what it would do, once for as long as it would', () => {
    const { reporter, take } = reporting({ dryRun: true });
    const both = pass([result(create), result(add)]);
    reporter.reconciled(both);
    assert.deepEqual(take(), [
      'info would do: create the virtual server with scheduler rr',
      'info would do: add 10.0.0.1:6443 with weight 1',
    ]);
    reporter.reconciled(both);
    reporter.reconciled(both);
    assert.deepEqual(take(), []);
    reporter.reconciled(pass([result(create)]));
    reporter.reconciled(both);
    assert.deepEqual(take(), ['info would do: add 10.0.0.1:6443 with weight 1']);
  });

  it('says when the last resort begins and ends', () => {
    const { reporter, take } = reporting();
    for (const lastResort of [false, true, true, false, false]) reporter.reconciled(pass([], { lastResort }));
    assert.deepEqual(take(), [
      'warn no real server is up: as a last resort, those most likely to answer serve',
      'info the last resort is over',
    ]);
  });

  it('says that the last resort may be a server that is drained', () => {
    const { reporter, take } = reporting({}, () => true);
    reporter.reconciled(pass([], { lastResort: true }));
    assert.deepEqual(take(), [
      'warn no real server is up that is not drained: as a last resort, those most likely to answer serve',
    ]);
  });
});

describe('who keeps deleting the virtual server', () => {
  const rivalIn = (reporter: Reporter): void => {
    for (const rival of [false, true, true, false, false]) reporter.reconciled(pass([], { rival }));
  };

  it('is told of once, with what to do about it, and when it is over', () => {
    for (const [virtualServer, cidr] of [
      [VIRTUAL_SERVER, '10.103.97.2/32'],
      [endpoint('ipv6', 'fd00::2', 6443), 'fd00::2/128'],
    ] as const) {
      const { reporter, take } = reporting({ virtualServer });
      rivalIn(reporter);
      assert.deepEqual(take(), [
        `warn something keeps deleting ${virtualServer.text}: if it is kube-proxy in ipvs mode, set ipvs.excludeCIDRs: ["${cidr}"] in its configuration`,
        `info nothing has deleted ${virtualServer.text} for a while`,
      ]);
    }
  });

  it('is nobody in a dry run, which never makes it', () => {
    const { reporter, take } = reporting({ dryRun: true });
    rivalIn(reporter);
    assert.deepEqual(take(), []);
  });
});

describe('connections of clients to servers that are out', () => {
  it('are told of when some were ended', () => {
    const { reporter, take, lines } = reporting();
    reporter.connectionsEnded([SERVER], 0, null);
    assert.deepEqual(take(), []);
    reporter.connectionsEnded([SERVER], 1, null);
    reporter.connectionsEnded([SERVER, OTHER], 12, null);
    assert.deepEqual(take(), [
      "info ended a connection of this node's clients to 10.0.0.1:6443",
      "info ended 12 connections of this node's clients to 10.0.0.1:6443, 10.0.0.2:6443",
    ]);
    const { event, rs, connections } = lines.at(-1)?.fields ?? {};
    assert.deepEqual([event, rs, connections], ['connections-ended', ['10.0.0.1:6443', '10.0.0.2:6443'], 12]);
  });

  it('that could not be ended are told of once for a server, until it works', () => {
    const { reporter, take } = reporting();
    const error = new Error('this kernel cannot end their connections');
    const line = ({ text }: { readonly text: string }): string =>
      `info clients of ${text} may hang until they send something: this kernel cannot end their connections`;
    reporter.connectionsEnded([SERVER], 0, error);
    reporter.connectionsEnded([SERVER], 0, error);
    assert.deepEqual(take(), [line(SERVER)]);
    reporter.connectionsEnded([OTHER], 0, error);
    assert.deepEqual(take(), [line(OTHER)]);
    reporter.connectionsEnded([OTHER], 0, null);
    reporter.connectionsEnded([OTHER], 0, error);
    assert.deepEqual(take(), [line(OTHER)]);
  });
});

describe('a table that cannot be read', () => {
  it('is a warning once, and good news once', () => {
    const { reporter, take } = reporting();
    reporter.tableUnreadable(new Error('IPVS is missing: modprobe ip_vs'), 250);
    reporter.tableUnreadable(new Error('IPVS is missing: modprobe ip_vs'), 500);
    assert.deepEqual(take(), ['warn IPVS is missing: modprobe ip_vs; trying again until it works']);
    reporter.reconciled(pass([]));
    reporter.reconciled(pass([]));
    assert.deepEqual(take(), ['info the IPVS table can be read again']);
    reporter.tableUnreadable(new Error('IPVS is missing: modprobe ip_vs'), 250);
    assert.equal(take().length, 1);
  });
});

describe('an upkeep', () => {
  it('is told of when it was mended', () => {
    const { reporter, take } = reporting();
    reporter.mended('local route', 'no route local 10.103.97.2 dev lo', null);
    reporter.mended('local route', 'no route local 10.103.97.2 dev lo', null);
    const line = 'info local route put right: no route local 10.103.97.2 dev lo';
    assert.deepEqual(take(), [line, line], 'each time is a repair');
  });

  it('that was never well since the start is made, which is no repair', () => {
    const { reporter, take, lines } = reporting();
    reporter.made('local route', 'no route');
    reporter.mended('local route', 'no route', null);
    assert.deepEqual(
      lines.map(({ fields }) => [fields['event'], fields['repairs']]),
      [
        ['made', undefined],
        ['repair', 1],
      ],
    );
    assert.equal(take().length, 2);
  });

  it('that removes something is logged as a removal, and is no repair', () => {
    const { reporter, take, lines } = reporting();
    reporter.removed('earlier way', 'route local 10.103.97.2 dev lo, from an earlier start');
    assert.equal(lines[0]?.fields['event'], 'removed');
    assert.deepEqual(take(), [
      'info earlier way removed: route local 10.103.97.2 dev lo, from an earlier start',
    ]);
  });

  it('that somebody else breaks all the time is counted, and told of ever less often', () => {
    const { reporter, take, lines } = reporting();
    for (let count = 1; count <= 100; count += 1) reporter.mended('local route', 'no route', null);
    reporter.mended('address', 'no address', null);
    assert.deepEqual(take().slice(9), [
      'info local route put right: no route',
      'info local route put right: no route (20 times so far)',
      'info local route put right: no route (50 times so far)',
      'info local route put right: no route (100 times so far)',
      'info address put right: no address',
    ]);
    assert.deepEqual(
      lines.slice(-2).map(({ fields }) => fields['repairs']),
      [100, 1],
    );
  });

  it('is a warning when it cannot be checked or mended, once', () => {
    const { reporter, take } = reporting();
    reporter.uncheckable('sysctl a.b', new Error('cannot read it'));
    reporter.uncheckable('sysctl a.b', new Error('cannot read it'));
    reporter.mended('sysctl a.b', 'a.b is 0, not 1', new Error('cannot set it'));
    reporter.mended('sysctl a.b', 'a.b is 0, not 1', new Error('cannot set it'));
    reporter.uncheckable('sysctl c.d', new Error('cannot read it'));
    assert.deepEqual(take(), [
      'warn sysctl a.b: cannot read it',
      'warn sysctl a.b: cannot set it',
      'warn sysctl c.d: cannot read it',
    ]);
  });

  it('in a dry run is said to be amiss, once', () => {
    const { reporter, take } = reporting({ dryRun: true });
    reporter.made('local route', 'no route');
    reporter.mended('local route', 'no route', null);
    reporter.removed('earlier way', 'interface one, from an earlier start');
    assert.deepEqual(take(), [
      'info would put right: no route',
      'info would remove: interface one, from an earlier start',
    ]);
  });
});

describe('what should not happen', () => {
  it('is said: no notifications, once, and a fault of our own, each time', () => {
    const { reporter, take } = reporting();
    reporter.deaf(new Error('ENOBUFS'), 1000);
    reporter.deaf(new Error('ENOBUFS'), 1000);
    assert.deepEqual(take(), ['warn no notifications from the kernel: ENOBUFS; listening again']);
    reporter.fault('probe of 10.0.0.1:6443', new Error('x is not a function'));
    reporter.fault('probe of 10.0.0.1:6443', new Error('x is not a function'));
    const line = 'error a fault of our own in probe of 10.0.0.1:6443: x is not a function';
    assert.deepEqual(take(), [line, line]);
  });
});
