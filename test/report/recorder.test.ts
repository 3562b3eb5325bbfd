import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pass } from '../../src/control-loop/ports.js';
import { endpoint } from '../../src/values/endpoint.js';
import type { Evidence } from '../../src/values/evidence.js';
import { step, unknownHealth, type Health } from '../../src/decisions/health.js';
import { Recorder } from '../../src/report/recorder.js';
import { fanOut, tellEach } from '../../src/report/fan-out.js';

const VS = endpoint('ipv4', '10.103.97.2', 6443);
const [A, B] = [endpoint('ipv4', '10.0.0.1', 6443), endpoint('ipv4', '10.0.0.2', 6443)];
const OK: Evidence = { kind: 'ok', detail: 'status 200' };
const REFUSED: Evidence = { kind: 'refused', detail: 'ECONNREFUSED' };
const POLICY = { fall: 1, rise: 1, maxHoldMs: 60_000 };
const WALL_MS = 1_000_000;

const PASS: Pass = {
  causes: ['timer'],
  results: [],
  drift: false,
  lastResort: false,
  rival: false,
  durationMs: 2,
};

/** A board for A and B whose monotonic clock stands at `clock.nowMs`, a million behind the other one. */
function boardOf(dryRun = false): { board: Recorder; clock: { nowMs: number } } {
  const clock = { nowMs: 0 };
  const board = new Recorder(
    {
      virtualServer: VS,
      realServers: [A, B],
      policy: { scheduler: 'rr', intervalMs: 5000 },
      mode: 'local',
      masquerade: false,
      dryRun,
    },
    { clock: { now: () => clock.nowMs }, wallClock: () => clock.nowMs + WALL_MS },
  );
  return { board, clock };
}

/** Feeds the board one piece of evidence of A's, as a monitor does. */
function judge(board: Recorder, before: Health, evidence: Evidence, nowMs: number): Health {
  const after = step(before, evidence, nowMs, POLICY);
  board.probed(A, evidence, 7);
  if (before.state !== after.state) board.judged(A, before, after);
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
      evidence: null,
      heldUntilMs: null,
      relapses: 0,
      lastOk: null,
      probes: 0,
      failures: 0,
      lastProbeMs: null,
      certificateNotAfterMs: null,
      recentMs: [],
      history: [],
    });
    assert.equal(board.report().lastPass, null);
  });

  it('has the status of one that answers with a status, as a number too', () => {
    const { board } = boardOf();
    const evidence: Evidence = { kind: 'status', status: 500, detail: 'status 500: etcd failed' };
    judge(board, unknownHealth(0), evidence, 0);
    assert.deepEqual(board.report().servers[0]?.evidence, evidence);
  });

  it('tells state, reason and since when, on the wall clock', () => {
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

  it('keeps an hour by the minute, and no more', () => {
    const { board, clock } = boardOf();
    for (let minute = 0; minute < 90; minute += 1) {
      clock.nowMs = minute * 60_000;
      board.probed(A, OK, 4);
      board.probed(A, OK, 8);
      board.probed(A, REFUSED, 1);
      board.probed(A, { kind: 'void', detail: 'EMFILE' }, 1);
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

  it('tells of a fault of our own until none came for ten minutes', () => {
    const { board, clock } = boardOf();
    const troubles = (): unknown[] => board.brief().troubles.map(({ what, sinceMs }) => [what, sinceMs]);
    board.fault('an observer', new Error('odd'));
    board.uncheckable('local route', new Error('EPERM'));
    clock.nowMs = 500_000;
    board.fault('an observer', new Error('odd again'));
    clock.nowMs = 1_099_999;
    assert.deepEqual(troubles(), [
      ['an observer', WALL_MS],
      ['local route', WALL_MS],
    ]);
    clock.nowMs = 1_100_000;
    assert.deepEqual(troubles(), [['local route', WALL_MS]], 'others are over when it is told');
    board.fault('an observer', new Error('odd'));
    assert.deepEqual(troubles().at(-1), ['an observer', WALL_MS + 1_100_000]);
  });

  it('tells of trouble for as long as it lasts, and since when', () => {
    const { board, clock } = boardOf();
    const troubles = (): unknown[] => board.report().troubles.map(({ what, sinceMs }) => [what, sinceMs]);
    clock.nowMs = 10;
    board.mended('local route', 'gone', new Error('EPERM'));
    board.tableUnreadable(new Error('IPVS is missing'));
    clock.nowMs = 20;
    board.uncheckable('local route', new Error('EPERM'));
    assert.deepEqual(troubles(), [
      ['local route', WALL_MS + 10],
      ['IPVS table', WALL_MS + 10],
    ]);
    assert.equal(board.report().lastPass?.error, 'IPVS is missing');
    board.reconciled(PASS);
    assert.deepEqual(troubles(), [['local route', WALL_MS + 10]]);
    board.upheld('local route');
    assert.deepEqual(troubles(), []);
    board.mended('local route', 'gone', new Error('EPERM'));
    board.made('local route');
    assert.deepEqual(troubles(), []);
    assert.equal(board.report().lastPass?.error, null);
  });

  it('counts what was put right by its kind, but in a dry run', () => {
    const deletion = {
      action: { kind: 'remove-destination', server: B },
      error: null,
      raced: false,
    } as const;
    for (const dryRun of [false, true]) {
      const { board } = boardOf(dryRun);
      board.reconciled({ ...PASS, results: [deletion], drift: true });
      board.reconciled({ ...PASS, results: [deletion], drift: false });
      board.made('local route');
      board.mended('local route', 'gone', null);
      assert.deepEqual(board.report().repairs, dryRun ? {} : { 'remove-destination': 1, 'local route': 1 });
    }
  });

  it('tells until when a server that flaps is held out, until it fails or is up', () => {
    const { board, clock } = boardOf();
    clock.nowMs = 1000;
    board.held(A, { ...unknownHealth(0), relapses: 2 }, 4000);
    assert.equal(board.report().servers[0]?.heldUntilMs, WALL_MS + 5000);
    assert.equal(board.report().servers[0]?.relapses, 2);
    board.probed(A, REFUSED, 1);
    assert.equal(board.report().servers[0]?.heldUntilMs, null);
  });

  it('tells who is drained by hand, and since when, until it is not', () => {
    const { board } = boardOf();
    board.drainedSince(A.text, 7);
    assert.deepEqual(
      board.report().servers.map(({ drained }) => drained),
      [{ sinceMs: 7 }, null],
    );
    board.drainedSince(A.text, null);
    assert.equal(board.report().servers[0]?.drained, null);
  });

  it('hears through others what they hear', () => {
    const [one, other] = [boardOf().board, boardOf().board];
    const all = fanOut([one, other]);
    all.probed(A, OK, 3);
    all.fault('somewhere', new Error('odd'));
    for (const board of [one, other]) {
      assert.equal(board.report().servers[0]?.lastOk?.durationMs, 3);
      assert.equal(board.report().troubles[0]?.what, 'somewhere');
    }
  });

  it('hears although another one throws, and the first one is told once', () => {
    const [log, board] = [boardOf().board, boardOf().board];
    const broken = Object.assign(boardOf().board, {
      probed() {
        throw new Error('odd');
      },
    });
    const all = fanOut([log, broken, board]);
    all.probed(A, OK, 3);
    all.probed(A, OK, 4);
    assert.equal(board.report().servers[0]?.lastOk?.durationMs, 4);
    assert.deepEqual(
      log.report().troubles.map(({ what, message }) => [what, message]),
      [['an observer', 'odd']],
    );
    const noLog = Object.assign(boardOf().board, {
      judged() {
        throw new Error('odd');
      },
    });
    fanOut([noLog]).judged(A, unknownHealth(0), unknownHealth(0));
  });

  it('hears of one thing alone although another one throws, and the fault is told once', () => {
    const [heard, faults]: [number[], string[]] = [[], []];
    const broken = (): never => {
      throw new Error('odd');
    };
    const tell = tellEach([broken, (number: number) => heard.push(number)], {
      fault: (where, error) => faults.push(`${where}: ${error.message}`),
    });
    tell(1);
    tell(2);
    assert.deepEqual(heard, [1, 2]);
    assert.deepEqual(faults, ['an observer: odd']);
  });
});
