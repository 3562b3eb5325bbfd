import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventDetails } from '../../src/control-loop/events.js';
import { endpoint } from '../../src/values/endpoint.js';
import type { Evidence } from '../../src/values/evidence.js';
import { step, unknownHealth, type Health } from '../../src/decisions/health.js';
import { Recorder } from '../../src/report/recorder.js';

const VS = endpoint('ipv4', '10.103.97.2', 6443);
const [A, B] = [endpoint('ipv4', '10.0.0.1', 6443), endpoint('ipv4', '10.0.0.2', 6443)];
const OK: Evidence = { kind: 'ok', detail: 'status 200' };
const REFUSED: Evidence = { kind: 'refused', detail: 'ECONNREFUSED' };
const POLICY = { fall: 1, rise: 1, maxHoldMs: 60_000 };
const WALL_MS = 1_000_000;

const PASS: EventDetails = { kind: 'pass', causes: ['timer'], results: [], drift: false, durationMs: 2 };

interface Board {
  readonly record: (event: EventDetails) => void;
  readonly report: () => ReturnType<Recorder['report']>;
}

/** A recorder for A and B whose monotonic clock stands at `clock.nowMs`, a million behind the other one. */
function boardOf(): { board: Board; clock: { nowMs: number }; recorder: Recorder } {
  const clock = { nowMs: 0 };
  const recorder = new Recorder(
    {
      virtualServer: VS,
      realServers: [A, B],
      policy: { scheduler: 'rr', intervalMs: 5000 },
      mode: 'local',
      masquerade: false,
    },
    { clock: { now: () => clock.nowMs }, wallClock: () => clock.nowMs + WALL_MS },
  );
  const board = {
    record(event: EventDetails) {
      recorder.record({ virtualServer: VS, ...event });
    },
    report: () => recorder.report({ history: true }),
  };
  return { board, clock, recorder };
}

/** Feeds the board one piece of evidence of A's, as a monitor does. */
function judge(board: Board, before: Health, evidence: Evidence, nowMs: number): Health {
  const after = step(before, evidence, nowMs, POLICY);
  board.record({ kind: 'probe', server: A, evidence, durationMs: 7 });
  if (before.state !== after.state) board.record({ kind: 'transition', server: A, before, after });
  return after;
}

describe('the recorder', () => {
  it('knows nothing of a server before it was asked', () => {
    const { board } = boardOf();
    assert.deepEqual(board.report().servers[1], {
      server: B.text,
      state: 'unknown',
      sinceMs: WALL_MS,
      drained: null,
      standby: false,
      membership: null,
      suspect: null,
      lateClients: 0,
      evidence: null,
      heldUntilMs: null,
      relapses: 0,
      lastOk: null,
      probes: 0,
      failures: 0,
      downMs: 0,
      lastProbeMs: null,
      certificateNotAfterMs: null,
      recentMs: [],
      history: [],
    });
    assert.equal(board.report().lastPass, null);
    assert.equal(board.report().reachability, null);
  });

  it('knows which servers are on standby: those that are up and not preferred', () => {
    const { board } = boardOf();
    const standby = (): boolean[] => board.report().servers.map((server) => server.standby);
    board.record({ kind: 'local-preferred', servers: [B] });
    assert.deepEqual(standby(), [false, false], 'A is not up yet');
    judge(board, unknownHealth(0), OK, 0);
    assert.deepEqual(standby(), [true, false]);
    board.record({ kind: 'drained', server: A, sinceMs: 1, restored: false });
    assert.deepEqual(standby(), [false, false], 'that it is drained says more');
    board.record({ kind: 'drained', server: A, sinceMs: null, restored: false });
    board.record({ kind: 'local-preferred', servers: [] });
    assert.deepEqual(standby(), [false, false]);
  });

  it('knows since when clients reach the virtual server, or do not, also when the reason changes', () => {
    const { board, clock } = boardOf();
    const reached = (nowMs: number, reason: string | null): unknown => {
      clock.nowMs = nowMs;
      board.record({ kind: 'reachability', reason });
      return board.report().reachability;
    };
    assert.deepEqual(reached(1000, null), { reason: null, sinceMs: WALL_MS + 1000 });
    assert.deepEqual(reached(2000, 'silent'), { reason: 'silent', sinceMs: WALL_MS + 2000 });
    assert.deepEqual(reached(3000, 'slow'), { reason: 'slow', sinceMs: WALL_MS + 2000 });
    assert.deepEqual(reached(4000, null), { reason: null, sinceMs: WALL_MS + 4000 });
  });

  it('has the status of one that answers with a status, as a number too', () => {
    const { board } = boardOf();
    const evidence: Evidence = { kind: 'status', status: 500, detail: 'status 500: etcd failed' };
    judge(board, unknownHealth(0), evidence, 0);
    assert.deepEqual(board.report().servers[0]?.evidence, evidence);
  });

  it('reports state, reason and since when, on the wall clock', () => {
    const { board, clock } = boardOf();
    clock.nowMs = 100;
    const up = judge(board, unknownHealth(0), OK, 100);
    clock.nowMs = 5100;
    judge(board, up, REFUSED, 5100);
    clock.nowMs = 9000;
    const [server] = board.report().servers;
    assert.equal(server?.state, 'dead');
    assert.equal(server.sinceMs, WALL_MS + 5100);
    assert.deepEqual(server.evidence, REFUSED);
    assert.deepEqual(server.lastOk, { atMs: WALL_MS + 100, durationMs: 7 });
    assert.deepEqual(
      board.report().transitions.map(({ atMs, from, to, why }) => [atMs - WALL_MS, from, to, why]),
      [
        [100, 'unknown', 'up', 'status 200'],
        [5100, 'up', 'dead', 'ECONNREFUSED'],
      ],
    );
  });

  it('adds up how long a server was down, with the time that it is now', () => {
    const { board, clock } = boardOf();
    const downMs = (nowMs: number): number | undefined => {
      clock.nowMs = nowMs;
      return board.report().servers[0]?.downMs;
    };
    const up = judge(board, unknownHealth(0), OK, 100);
    const dead = judge(board, up, REFUSED, 5000);
    assert.equal(downMs(9000), 4000);
    const before = { ...dead, state: 'dead' as const };
    board.record({ kind: 'transition', server: A, before, after: { ...up, sinceMs: 15_000 } });
    assert.equal(downMs(20_000), 10_000);
  });

  it('keeps an hour by the minute, and no more', () => {
    const { board, clock } = boardOf();
    for (let minute = 0; minute < 90; minute += 1) {
      clock.nowMs = minute * 60_000;
      board.record({ kind: 'probe', server: A, evidence: OK, durationMs: 4 });
      board.record({ kind: 'probe', server: A, evidence: OK, durationMs: 8 });
      board.record({ kind: 'probe', server: A, evidence: REFUSED, durationMs: 1 });
      board.record({ kind: 'probe-inconclusive', server: A, detail: 'EMFILE', durationMs: 1 });
    }
    const history = board.report().servers[0]?.history ?? [];
    assert.equal(history.length, 60);
    assert.deepEqual(history.at(-1), {
      atMs: WALL_MS + 89 * 60_000,
      ok: 2,
      failed: 1,
      kinds: ['refused'],
      meanMs: 6,
    });
    assert.equal(history[0]?.atMs, WALL_MS + 30 * 60_000);
  });

  it('keeps the last hundred transitions and the last sixty answers', () => {
    const { board, clock } = boardOf();
    let health = unknownHealth(0);
    for (let time = 1; time <= 150; time += 1) {
      clock.nowMs = time;
      health = judge(board, health, time % 2 === 0 ? OK : REFUSED, time);
      health = { ...health, relapses: 0 };
    }
    const { transitions, servers } = board.report();
    assert.equal(transitions.length, 100);
    assert.equal(transitions.at(-1)?.atMs, WALL_MS + 150);
    assert.equal(servers[0]?.recentMs.length, 60);
  });

  it('goes on with other real servers, and keeps what it knows of those that stay', () => {
    const { board, recorder } = boardOf();
    judge(board, unknownHealth(0), OK, 5);
    const c = endpoint('ipv4', '10.0.0.3', 6443);
    recorder.update({
      virtualServer: VS,
      realServers: [c, A],
      policy: { scheduler: 'wrr', intervalMs: 1000 },
      mode: 'local',
      masquerade: true,
    });
    const { servers, scheduler, masquerade, intervalMs } = board.report();
    assert.deepEqual(
      servers.map(({ server, state, probes }) => [server, state, probes]),
      [
        [c.text, 'unknown', 0],
        [A.text, 'up', 1],
      ],
    );
    assert.deepEqual([scheduler, masquerade, intervalMs], ['wrr', true, 1000]);
  });

  it('reports why a virtual server could not be started until it is', () => {
    const { board } = boardOf();
    board.record({ kind: 'not-started', error: new Error('another lvscare'), retryInMs: 1 });
    assert.deepEqual(
      board.report().troubles.map(({ what, message }) => [what, message]),
      [['start', 'another lvscare']],
    );
    board.record({ kind: 'started' });
    assert.deepEqual(board.report().troubles, []);
  });

  it('reports a fault of lvscare until none came for ten minutes', () => {
    const { board, clock } = boardOf();
    const troubles = (): unknown[] => board.report().troubles.map(({ what, sinceMs }) => [what, sinceMs]);
    board.record({ kind: 'fault', where: 'an observer', error: new Error('odd') });
    board.record({ kind: 'resource-failed', resource: 'local route', error: new Error('EPERM') });
    clock.nowMs = 500_000;
    board.record({ kind: 'fault', where: 'an observer', error: new Error('odd again') });
    clock.nowMs = 1_099_999;
    assert.deepEqual(troubles(), [
      ['an observer', WALL_MS],
      ['local route', WALL_MS],
    ]);
    clock.nowMs = 1_100_000;
    assert.deepEqual(troubles(), [['local route', WALL_MS]], 'others are over when it is told');
    board.record({ kind: 'fault', where: 'an observer', error: new Error('odd') });
    assert.deepEqual(troubles().at(-1), ['an observer', WALL_MS + 1_100_000]);
  });

  it('reports trouble for as long as it lasts, and since when', () => {
    const { board, clock } = boardOf();
    const troubles = (): unknown[] => board.report().troubles.map(({ what, sinceMs }) => [what, sinceMs]);
    clock.nowMs = 10;
    board.record({ kind: 'resource-failed', resource: 'local route', error: new Error('EPERM') });
    board.record({ kind: 'table-unreadable', error: new Error('IPVS is missing'), retryInMs: 250 });
    clock.nowMs = 20;
    board.record({ kind: 'resource-failed', resource: 'local route', error: new Error('EPERM') });
    assert.deepEqual(troubles(), [
      ['local route', WALL_MS + 10],
      ['IPVS table', WALL_MS + 10],
    ]);
    assert.equal(board.report().lastPass?.error, 'IPVS is missing');
    board.record(PASS);
    assert.deepEqual(troubles(), [['local route', WALL_MS + 10]]);
    board.record({ kind: 'resource-ok', resource: 'local route' });
    assert.deepEqual(troubles(), []);
    board.record({ kind: 'resource-failed', resource: 'local route', error: new Error('EPERM') });
    board.record({ kind: 'resource-created', resource: 'local route', drift: 'gone' });
    assert.deepEqual(troubles(), []);
    assert.equal(board.report().lastPass?.error, null);
  });

  it('counts what was repaired by its kind, but in a dry run', () => {
    const action = { kind: 'remove-destination', server: B } as const;
    for (const outcome of ['ok', 'dry-run'] as const) {
      const { board } = boardOf();
      const results = [{ action, outcome, error: null }];
      board.record({ ...PASS, results, drift: true });
      board.record({ ...PASS, results, drift: false });
      board.record({ kind: 'resource-created', resource: 'local route', drift: 'gone' });
      const about = { resource: 'local route', drift: 'gone' };
      if (outcome === 'ok') board.record({ kind: 'resource-repaired', ...about });
      else board.record({ kind: 'resource-drifted', change: 'repair', ...about });
      const repairs = outcome === 'ok' ? { 'remove-destination': 1, 'local route': 1 } : {};
      assert.deepEqual(board.report().repairs, repairs);
    }
  });

  it('has credentials that cannot be used among the troubles, until they can', () => {
    const { board } = boardOf();
    board.record({ kind: 'credentials-failed', what: '--health-ca /ca.crt', error: new Error('ENOENT') });
    assert.deepEqual(board.report().troubles, [
      { what: '--health-ca /ca.crt', message: 'ENOENT', sinceMs: WALL_MS },
    ]);
    board.record({ kind: 'credentials-ok', what: '--health-ca /ca.crt' });
    assert.deepEqual(board.report().troubles, []);
  });

  it('has ports to which no answer arrives among the troubles, until answers arrive', () => {
    const { board } = boardOf();
    const about = { kind: 'ports-filtered', ports: { first: 61440, last: 65535 } } as const;
    board.record({ ...about, shownBy: B });
    const [trouble, ...more] = board.report().troubles;
    assert.equal(trouble?.what, 'source ports');
    assert.match(trouble.message, /not to ports 61440-65535: .* or set --health-source-ports kernel$/);
    assert.deepEqual(more, []);
    board.record({ ...about, shownBy: null });
    assert.deepEqual(board.report().troubles, []);
  });

  it('reports until when a server that flaps is held out, until it fails or is up', () => {
    const { board, clock } = boardOf();
    clock.nowMs = 1000;
    board.record({ kind: 'held', server: A, health: { ...unknownHealth(0), relapses: 2 }, forMs: 4000 });
    assert.equal(board.report().servers[0]?.heldUntilMs, WALL_MS + 5000);
    assert.equal(board.report().servers[0]?.relapses, 2);
    board.record({ kind: 'probe', server: A, evidence: REFUSED, durationMs: 1 });
    assert.equal(board.report().servers[0]?.heldUntilMs, null);
  });

  it('reports which servers are drained by hand, and since when, until it is not', () => {
    const { board } = boardOf();
    board.record({ kind: 'drained', server: A, sinceMs: 7, restored: false });
    assert.deepEqual(
      board.report().servers.map(({ drained }) => drained),
      [{ sinceMs: 7 }, null],
    );
    board.record({ kind: 'drained', server: A, sinceMs: null, restored: false });
    assert.equal(board.report().servers[0]?.drained, null);
  });

  it('has the source of each server, and when and from which apiserver the list was read, or since when it is not', () => {
    const { board, clock, recorder } = boardOf();
    assert.equal(board.report().discovery, null, 'without --discover');
    const members = [
      { server: A, source: 'seed', listed: true, missingSinceMs: null, aging: null },
      { server: B, source: 'last good', listed: false, missingSinceMs: 50, aging: null },
    ] as const;
    recorder.update({
      virtualServer: VS,
      realServers: [A, B],
      policy: { scheduler: 'rr', intervalMs: 5000 },
      mode: 'local',
      masquerade: false,
      members,
    });
    assert.deepEqual(
      board.report().servers.map(({ membership }) => membership),
      [
        { source: 'seed', listed: true, missingSinceMs: null },
        { source: 'last good', listed: false, missingSinceMs: WALL_MS + 50 },
      ],
    );
    assert.deepEqual(board.report().discovery, { lastList: null, failure: null });
    clock.nowMs = 100;
    board.record({ kind: 'cluster-list', list: { servers: [A, B], from: A, by: 'watch' } });
    clock.nowMs = 200;
    board.record({ kind: 'cluster-list-failed', from: B, error: new Error('status 403') });
    clock.nowMs = 300;
    board.record({ kind: 'cluster-list-failed', from: A, error: new Error('status 401') });
    const lastList = { atMs: WALL_MS + 100, from: A.text, by: 'watch', servers: 2 };
    assert.deepEqual(board.report().discovery, {
      lastList,
      failure: { sinceMs: WALL_MS + 200, message: 'status 401' },
    });
    board.record({ kind: 'cluster-list', list: { servers: [A, B], from: A, by: 'watch' } });
    assert.equal(board.report().discovery?.failure, null);
  });
});
