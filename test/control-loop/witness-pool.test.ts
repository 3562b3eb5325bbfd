import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PeerMonitor } from '../../src/control-loop/monitor.js';
import { WitnessPool } from '../../src/control-loop/witness-pool.js';
import { step, unknownHealth, type Health } from '../../src/decisions/health.js';
import type { EvidenceKind } from '../../src/values/evidence.js';
import { POLICY } from './stage.js';

/** A monitor that is told how its server answers, and what others asked of it. */
class FakeMonitor implements PeerMonitor {
  health: Health = unknownHealth(0);
  probing = false;
  askedMs = 0;
  readonly asked: string[] = [];

  probeNow(): void {
    this.asked.push('now');
  }

  askAgain(): void {
    this.asked.push('again');
  }
}

/** A pool of so many monitors whose servers answered one after the other, the last one last. */
function pool(count: number): {
  readonly monitors: FakeMonitor[];
  readonly pool: WitnessPool;
  readonly verdicts: () => number;
  readonly judge: (monitor: FakeMonitor, kind: EvidenceKind, nowMs: number) => void;
} {
  let verdicts = 0;
  const witnessPool = new WitnessPool(() => (verdicts += 1));
  const monitors = Array.from({ length: count }, () => new FakeMonitor());
  witnessPool.join(monitors);
  const judge = (monitor: FakeMonitor, kind: EvidenceKind, nowMs: number): void => {
    const before = monitor.health;
    const question = { askedMs: nowMs, witnessedMs: witnessPool.witnessedMs(monitor) };
    monitor.health = step(before, { kind, detail: kind }, nowMs, POLICY, question);
    witnessPool.judged(monitor, before, monitor.health);
  };
  monitors.forEach((monitor, index) => {
    judge(monitor, 'ok', index + 1);
  });
  verdicts = 0;
  return { monitors, pool: witnessPool, verdicts: () => verdicts, judge };
}

describe('the witness pool', () => {
  it('has three others probed when a server falls silent, those that answered last', () => {
    const { monitors, judge } = pool(6);
    judge(monitors.at(-1) ?? assert.fail(), 'silent', 10);
    assert.deepEqual(
      monitors.map(({ asked }) => asked),
      [[], [], ['now'], ['now'], ['now'], []],
    );
  });

  it('has the silent server probed again when another one answers, and notes when', () => {
    const { monitors, pool: witnesses, judge } = pool(3);
    const [silent, other] = monitors as [FakeMonitor, FakeMonitor];
    judge(silent, 'silent', 10);
    assert.equal(witnesses.witnessedMs(silent), null);
    judge(other, 'ok', 20);
    assert.equal(witnesses.witnessedMs(silent), 20);
    judge(other, 'ok', 30);
    assert.equal(witnesses.witnessedMs(silent), 20, 'the first answer counts');
    assert.deepEqual(silent.asked, ['again']);
  });

  it('forgets the silence of a server that answers', () => {
    const { monitors, pool: witnesses, judge } = pool(2);
    const [silent, other] = monitors as [FakeMonitor, FakeMonitor];
    judge(silent, 'silent', 10);
    judge(other, 'ok', 20);
    judge(silent, 'ok', 30);
    assert.equal(witnesses.witnessedMs(silent), null);
  });

  it('asks one server that is up and not being probed on behalf of a late one', async () => {
    const { monitors, pool: witnesses, judge } = pool(3);
    const [late, other, probing] = monitors as [FakeMonitor, FakeMonitor, FakeMonitor];
    probing.probing = true;
    const answered = witnesses.askWitness(late);
    assert.deepEqual([other.asked, probing.asked], [['now'], []]);
    judge(other, 'ok', 20);
    await answered;
    other.probing = true;
    assert.equal(witnesses.askWitness(late), null, 'none is left to ask');
  });

  it('takes no answer to a probe that began before that of the late server: it is no faster', async () => {
    const { monitors, pool: witnesses, judge } = pool(3);
    const [late, slow, quick] = monitors as [FakeMonitor, FakeMonitor, FakeMonitor];
    [slow.askedMs, late.askedMs, quick.askedMs] = [10, 20, 30];
    let witnessed = false;
    const answered = witnesses.askWitness(late)?.then(() => (witnessed = true));
    judge(slow, 'ok', 40);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(witnessed, false);
    judge(quick, 'ok', 50);
    await answered;
    assert.equal(witnessed, true);
  });

  it('does not take the answer of the late server itself for that of a witness', async () => {
    const { monitors, pool: witnesses, judge } = pool(2);
    const [late, other] = monitors as [FakeMonitor, FakeMonitor];
    let witnessed = false;
    const answered = witnesses.askWitness(late)?.then(() => (witnessed = true));
    judge(late, 'ok', 20);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(witnessed, false);
    judge(other, 'ok', 30);
    await answered;
    assert.equal(witnessed, true);
  });

  it('calls for a pass when the table may have to change, and only then', () => {
    const { monitors, verdicts, judge } = pool(2);
    const [one, other] = monitors as [FakeMonitor, FakeMonitor];
    judge(one, 'ok', 10);
    assert.equal(verdicts(), 0);
    judge(one, 'status', 20);
    judge(one, 'status', 30);
    assert.equal(verdicts(), 1, 'it is sick now');
    judge(one, 'status', 40);
    assert.equal(verdicts(), 1);
    judge(one, 'slow', 50);
    assert.equal(verdicts(), 2, 'when no server is up, it matters what a server last said');
    judge(other, 'ok', 60);
    assert.equal(verdicts(), 2);
  });
});
