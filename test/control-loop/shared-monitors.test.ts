import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { CarePolicy } from '../../src/control-loop/control-loop.js';
import type { Endpoint } from '../../src/values/endpoint.js';
import { settle } from './fake-clock.js';
import { A, B, C, FakeProber, POLICY, Stage } from './stage.js';

let stages: readonly Stage[] = [];
afterEach(async () => {
  for (const stage of stages) await stage.stop();
  for (const { clock, prober } of stages) {
    assert.equal(clock.sleepers, 0, 'nothing goes on after the end');
    assert.equal(prober.keptConnections, 0, 'no connection is kept');
  }
  stages = [];
});

/** Two virtual servers of one process with these real servers, some time after the start. */
async function running(
  first: readonly Endpoint[],
  second: readonly Endpoint[],
  policy: Partial<CarePolicy> = {},
): Promise<readonly [Stage, Stage]> {
  const one = new Stage(first);
  const other = beside(one, second, policy);
  stages = [one, other];
  await one.begin();
  await other.start();
  return [one, other];
}

function beside(stage: Stage, servers: readonly Endpoint[], policy: Partial<CarePolicy> = {}): Stage {
  return new Stage(servers, policy, undefined, undefined, stage);
}

async function update(
  { loop }: Stage,
  servers: readonly Endpoint[],
  policy: Partial<CarePolicy> = {},
  prober: FakeProber | null = null,
): Promise<void> {
  const probes = prober === null ? null : { prober, virtualServerProbe: null };
  const updated = loop?.update({ servers, policy: { ...POLICY, ...policy }, probes, resources: null });
  await settle();
  await updated;
}

const probesOf = (server: Endpoint, { probes }: FakeProber): number =>
  probes.filter((probe) => probe.startsWith(server.text)).length;

const [ROW_A, ROW_B, ROW_C] = [A, B, C].map(({ address }) => `${address}=1`) as [string, string, string];

describe('virtual servers with the same real servers', () => {
  it('have each probed once, over one kept connection, and each learns of it', async () => {
    const [one, other] = await running([A, B], [B, C]);
    assert.equal(one.prober.keptConnections, 3);
    await one.clock.advance(50_000);
    assert.equal(probesOf(A, one.prober), probesOf(B, one.prober));
    assert.deepEqual(
      [one.rows, other.rows],
      [
        [ROW_A, ROW_B],
        [ROW_B, ROW_C],
      ],
    );
    for (const { observer } of [one, other]) assert.ok(observer.lines.includes(`${B.address} unknown to up`));
  });

  it('remove one that is killed at the same time', async () => {
    const [one, other] = await running([A, B], [B, C]);
    one.answer(B, 'refused');
    await one.lose(B);
    assert.deepEqual([one.rows, other.rows], [[ROW_A], [ROW_C]]);
  });

  it('witness the silence of one together', async () => {
    const [one, other] = await running([B], [B, C]);
    await one.clock.advance(1);
    one.answer(B, 'silent');
    await one.lose(B, 'silent');
    await one.clock.advance(200);
    assert.deepEqual(other.rows, [ROW_C]);
    assert.deepEqual(one.rows, [ROW_B], 'the only one of its virtual server');
    assert.equal(one.observer.failOpen, true);
  });

  it('drain it by hand in one of them only', async () => {
    const [one, other] = await running([A, B], [A, B]);
    await one.manualDrains.drain(B, 0);
    assert.deepEqual(one.rows, [ROW_A, `${B.address}=0`]);
    assert.deepEqual(other.rows, [ROW_A, ROW_B]);
  });

  it('probe it once for each pace', async () => {
    const [one] = await running([A], [A], { intervalMs: 1000 });
    assert.ok(probesOf(A, one.prober) >= 2);
    // A fake prober knows one kept connection for each server.
    const before = probesOf(A, one.prober);
    await one.clock.advance(10_000);
    assert.ok(probesOf(A, one.prober) - before >= 11);
  });

  it('get the health that another one has found when they begin to share it', async () => {
    const one = new Stage([A, B]);
    stages = [one];
    await one.start();
    one.answer(B, 'refused');
    await one.clock.advance(6000);
    const asked = probesOf(A, one.prober);
    const other = beside(one, [A, B]);
    stages = [one, other];
    await other.begin();
    assert.deepEqual(other.rows, [ROW_A]);
    assert.equal(probesOf(A, one.prober), asked, 'without a probe');
    assert.deepEqual(other.observer.lines.slice(0, 2), [
      `${A.address} unknown to up`,
      `${B.address} unknown to dead`,
    ]);
    assert.equal(one.observer.lines.filter((line) => line === `${A.address} unknown to up`).length, 1);
  });

  it('go on with it when one of them ends or no longer has it', async () => {
    const [one, other] = await running([A, B], [A, B]);
    await update(one, [A]);
    await one.clock.advance(1000);
    assert.equal(one.prober.keptConnections, 2);
    await one.stop();
    const before = probesOf(A, other.prober);
    await other.clock.advance(10_000);
    assert.ok(probesOf(A, other.prober) > before);
    other.answer(A, 'refused');
    await other.lose(A);
    assert.deepEqual([one.rows, other.rows], [[ROW_A], [ROW_B]], 'what has ended changes nothing');
    await update(other, [B]);
    await other.clock.advance(1000);
    assert.equal(other.prober.keptConnections, 1);
  });

  it('part when one of them probes in another way, which begins with the health that is known', async () => {
    const [one, other] = await running([A, B], [A, B]);
    one.answer(B, 'refused');
    await one.lose(B);
    const prober = new FakeProber();
    prober.answers.set(B.text, 'refused');
    await update(other, [A, B], {}, prober);
    assert.deepEqual(other.rows, [ROW_A], 'nothing is known to be otherwise');
    assert.equal(one.prober.keptConnections, 2);
    await one.clock.advance(1000);
    assert.equal(prober.keptConnections, 2);
    one.answer(A, 'status');
    await one.clock.advance(6000);
    assert.ok(one.observer.lines.includes(`${A.address} up to sick`));
    assert.ok(!other.observer.lines.includes(`${A.address} up to sick`));

    await update(other, [A, B], {}, one.prober);
    assert.equal(prober.keptConnections, 0);
    assert.equal(one.prober.keptConnections, 2);
    assert.ok(other.observer.lines.includes(`${A.address} up to sick`), 'and share it again');
  });

  it('stay together when all of them probe in another way', async () => {
    const [one, other] = await running([A], [A]);
    const prober = new FakeProber();
    const updates = [one, other].map((stage) => update(stage, [A], {}, prober));
    await Promise.all(updates);
    await one.clock.advance(1000);
    assert.deepEqual([one.prober.keptConnections, prober.keptConnections], [0, 1]);
    assert.deepEqual([one.rows, other.rows], [[ROW_A], [ROW_A]]);
  });
});
