import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stuck, unready, type ProgressLimits } from '../../src/report/liveness.js';
import type { Report } from '../../src/report/report.js';
import { Recorder } from '../../src/report/recorder.js';
import type { Evidence } from '../../src/values/evidence.js';
import { A, B, C, POLICY, Stage, VIRTUAL_SERVER } from '../control-loop/stage.js';

/** The control loop as it is, on a fake clock, with a board that hears of it. */
function watchedStage(policy: Partial<typeof POLICY> = {}): {
  readonly stage: Stage;
  readonly report: () => Report;
  readonly stuckNow: (patience?: Partial<ProgressLimits>) => string | null;
} {
  const stage = new Stage([A, B, C], policy);
  const board = new Recorder(
    {
      virtualServer: VIRTUAL_SERVER,
      realServers: [A, B, C],
      policy: { ...POLICY, ...policy },
      mode: 'local',
      masquerade: false,
    },
    { clock: stage.clock, wallClock: () => stage.clock.now() },
  );
  stage.audience = [board.record.bind(board)];
  const startMs = stage.clock.now();
  const report = (): Report => ({
    atMs: stage.clock.now(),
    program: { version: 'v0', commit: 'none', pid: 1, host: 'node-1', startedAtMs: startMs, dryRun: false },
    virtualServers: [board.report({ history: false })],
  });
  const stuckNow = (patience: Partial<ProgressLimits> = {}): string | null =>
    stuck(report(), { awakeSinceMs: startMs, probeTimeoutMs: 3000, fastIntervalMs: 200, ...patience });
  return { stage, report, stuckNow };
}

const HOUR_MS = 3_600_000;

describe('what is stuck', () => {
  it('is nothing while all is well, nor before anything was done', async () => {
    const { stage, stuckNow } = watchedStage();
    assert.equal(stuckNow(), null);
    await stage.start();
    await stage.clock.advance(HOUR_MS);
    assert.equal(stuckNow(), null);
    await stage.stop();
  });

  it('is nothing because servers are down, flap, or our own faults void what they say', async () => {
    const { stage, stuckNow } = watchedStage();
    stage.answer(A, 'refused');
    stage.answer(B, 'silent');
    stage.answer(C, 'inconclusive');
    await stage.start();
    for (let minute = 0; minute < 60; minute += 1) {
      await stage.clock.advance(60_000);
      stage.answer(A, minute % 2 === 0 ? 'ok' : 'status');
      assert.equal(stuckNow(), null);
    }
    await stage.stop();
  });

  it('is nothing because the kernel has no IPVS, or an resource hangs', async () => {
    const { stage, stuckNow } = watchedStage();
    stage.kernel.broken = new Error('no IPVS');
    await stage.start();
    await stage.clock.advance(HOUR_MS);
    assert.equal(stuckNow(), null);
    stage.kernel.broken = null;
    let release = (): void => undefined;
    stage.resource.hanging = new Promise((resolve) => (release = resolve));
    await stage.clock.advance(HOUR_MS);
    assert.equal(stuckNow(), null);
    release();
    await stage.stop();
  });

  it('is nothing at a slow pace', async () => {
    const { stage, stuckNow } = watchedStage({ intervalMs: HOUR_MS });
    await stage.start();
    for (let hour = 0; hour < 10; hour += 1) {
      await stage.clock.advance(HOUR_MS);
      assert.equal(stuckNow(), null);
    }
    await stage.stop();
  });

  it('is a monitor whose probe never ends, by its name', async () => {
    const { stage, stuckNow } = watchedStage();
    await stage.start();
    stage.answer(B, 'hang');
    await stage.clock.advance(50_000);
    assert.equal(stuckNow(), null, 'it may be busy');
    await stage.clock.advance(15_000);
    assert.match(
      stuckNow() ?? '',
      /^the monitor of 10\.103\.97\.201:6443 has not asked it for \d+ s \(limit 54 s\)$/,
    );
    stage.answer(B, 'ok');
    await stage.prober.release(B, 'ok');
    assert.equal(stuckNow(), null, 'once it goes on, all is well');
    await stage.stop();
  });

  it('is a monitor whose prober fails each time, because it probes nothing', async () => {
    const { stage, stuckNow, report } = watchedStage();
    await stage.start();
    stage.answer(C, 'throw');
    await stage.clock.advance(60_000);
    assert.match(stuckNow() ?? '', /^the monitor of 10\.103\.97\.202:6443 /);
    const troubles = (): readonly string[] =>
      report().virtualServers.flatMap((one) => one.troubles.map(({ what }) => what));
    assert.deepEqual(troubles(), ['probe of 10.103.97.202:6443']);
    stage.answer(C, 'ok');
    await stage.clock.advance(10_000);
    assert.equal(stuckNow(), null);
    assert.deepEqual(troubles(), [], 'a fault that is over is no trouble');
    await stage.stop();
  });

  it('is a reconciler whose pass never ends', async () => {
    const { stage, stuckNow } = watchedStage();
    await stage.start();
    let release = (): void => undefined;
    stage.kernel.hanging = new Promise((resolve) => (release = resolve));
    await stage.clock.advance(40_000);
    assert.equal(stuckNow(), null);
    await stage.clock.advance(10_000);
    assert.match(
      stuckNow() ?? '',
      /^the reconciler of 10\.103\.97\.2:6443 has not ended a pass for \d+ s \(limit 45 s\)$/,
    );
    release();
    await stage.stop();
  });

  it('is forgiven what was due while the process stood still', async () => {
    const { stage, stuckNow } = watchedStage();
    await stage.start();
    stage.answer(B, 'hang');
    await stage.clock.advance(HOUR_MS);
    assert.equal(stuckNow({ awakeSinceMs: stage.clock.now() - 1000 }), null);
    assert.match(stuckNow({ awakeSinceMs: stage.clock.now() - 60_000 }) ?? '', /^the monitor of /);
    await stage.stop();
  });
});

describe('a virtual server that could not be started', () => {
  it('is not stuck, as others would be restarted with it', () => {
    const recorder = new Recorder(
      { virtualServer: VIRTUAL_SERVER, realServers: [A], policy: POLICY, mode: 'local', masquerade: false },
      { clock: { now: () => 0 }, wallClock: () => 0 },
    );
    const program = { version: 'v0', commit: 'x', pid: 1, host: 'node-1', startedAtMs: 0, dryRun: false };
    const found = (): string | null =>
      stuck(
        { atMs: 1e9, program, virtualServers: [recorder.report({ history: false })] },
        { awakeSinceMs: 0, probeTimeoutMs: 1000, fastIntervalMs: 200 },
      );
    assert.match(found() ?? '', /reconciler/);
    const about = { virtualServer: VIRTUAL_SERVER };
    recorder.record({ ...about, kind: 'not-started', error: new Error('another lvscare'), retryInMs: 1 });
    assert.equal(found(), null);
    recorder.record({ ...about, kind: 'started' });
    assert.match(found() ?? '', /reconciler/);
  });
});

describe('whether it is ready', () => {
  it('is not so of a virtual server that there is not', () => {
    const program = { version: 'v0', commit: 'x', pid: 1, host: 'node-1', startedAtMs: 0, dryRun: false };
    assert.equal(unready({ atMs: 0, program, virtualServers: [] }), 'there is no such virtual server');
  });

  it('depends on the first pass, and on the last one', async () => {
    const { stage, report } = watchedStage();
    assert.equal(unready(report()), '10.103.97.2:6443: not reconciled yet');
    await stage.start();
    assert.equal(unready(report()), null);
    stage.kernel.broken = new Error('no IPVS');
    await stage.clock.advance(6000);
    assert.equal(unready(report()), '10.103.97.2:6443: no IPVS');
    stage.kernel.broken = null;
    await stage.clock.advance(6000);
    assert.equal(unready(report()), null);
    await stage.stop();
  });

  it('depends on what clients find at the virtual server', async () => {
    const { stage, report } = watchedStage();
    let answer: Evidence = { kind: 'ok', detail: 'status 200' };
    stage.virtualServerProbe = () => Promise.resolve(answer);
    await stage.start();
    await stage.clock.advance(6000);
    assert.equal(unready(report()), null);
    answer = { kind: 'silent', detail: 'no answer' };
    await stage.clock.advance(70_000);
    assert.equal(
      unready(report()),
      '10.103.97.2:6443: clients on this node do not reach it: silent, no answer',
    );
    answer = { kind: 'ok', detail: 'status 200' };
    await stage.clock.advance(6000);
    assert.equal(unready(report()), null);
    await stage.stop();
  });
});
