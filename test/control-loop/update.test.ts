import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { CarePolicy } from '../../src/control-loop/control-loop.js';
import type { Endpoint } from '../../src/values/endpoint.js';
import { FakeResource } from './fake-kernel.js';
import { settle } from './fake-clock.js';
import { A, B, C, FakeProber, POLICY, Stage, VIRTUAL_SERVER } from './stage.js';

let stage = new Stage();
afterEach(async () => {
  await stage.stop();
  assert.equal(stage.clock.sleepers, 0, 'nothing goes on after the end');
  assert.equal(stage.prober.keptConnections, 0, 'no connection is kept');
});

async function running(servers: readonly Endpoint[]): Promise<Stage> {
  stage = new Stage(servers);
  await stage.start();
  return stage;
}

/** Goes on with another configuration. */
async function update(
  servers: readonly Endpoint[],
  policy: Partial<CarePolicy> = {},
  more: { prober?: FakeProber; resources?: readonly FakeResource[] } = {},
): Promise<void> {
  const { prober, resources = null } = more;
  const probes = prober === undefined ? null : { prober, virtualServerProbe: null };
  const updated = stage.loop?.update({ servers, policy: { ...POLICY, ...policy }, probes, resources });
  await settle();
  await updated;
}

const probesOf = (server: Endpoint, { probes } = stage.prober): number =>
  probes.filter((probe) => probe.startsWith(server.text)).length;

describe('a control loop that is updated', () => {
  it('adds a real server when it is up, and touches no other', async () => {
    await running([A, B]);
    const [asked, kept] = [probesOf(A), stage.prober.keptConnections];
    await update([A, B, C]);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=1']);
    assert.equal(probesOf(A), asked, 'the others are not asked for it');
    await stage.clock.advance(200);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=1', '10.103.97.202=1']);
    assert.equal(stage.prober.keptConnections, kept + 1);
  });

  it('drains the row of a real server that is removed until it is idle, and probes the server until then', async () => {
    await running([A, B, C]);
    stage.connections.to(B, 1);
    await update([A, C]);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=0', '10.103.97.202=1']);
    const asked = probesOf(B);
    await stage.clock.advance(10_000);
    assert.ok(probesOf(B) > asked);
    stage.connections.to(B, 0);
    await stage.clock.advance(500);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.202=1']);
    const last = probesOf(B);
    await stage.clock.advance(10_000);
    assert.equal(probesOf(B), last);
    assert.equal(stage.prober.keptConnections, 2);
  });

  it('removes the row of a removed real server whose host dies meanwhile, and ends its clients', async () => {
    await running([A, B, C]);
    stage.connections.to(B, 3);
    await update([A, C], { drainTimeoutMs: 600_000 });
    await stage.clock.advance(1);
    stage.answer(B, 'silent');
    await stage.lose(B, 'silent');
    await stage.clock.advance(1000);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.202=1']);
    assert.ok(stage.observer.lines.includes('3 connections to 10.103.97.201 ended'));
    await stage.clock.advance(10_000);
    assert.equal(stage.prober.keptConnections, 2);
  });

  it('goes on with the health of a real server that comes back while its row is drained', async () => {
    await running([A, B]);
    stage.connections.to(B, 1);
    await update([A]);
    const asked = probesOf(B);
    await update([A, B]);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=1'], 'at once');
    assert.equal(probesOf(B), asked);
    assert.equal(stage.observer.lines.at(-1), '10.103.97.201 unknown to up');
  });

  it('prefers the real server on this node from then on, while it is up, and changes both weights in one pass', async () => {
    await running([A, B, C]);
    stage.own = [B];
    stage.connections.to(A, 2);
    await update([A, B, C], { preferLocal: true });
    assert.deepEqual(stage.rows, ['10.103.97.200=0', '10.103.97.201=1', '10.103.97.202=0']);
    await stage.clock.advance(60_000);
    assert.equal(stage.rows.length, 3, 'however long connections to the others take');

    const passes = stage.observer.passes.length;
    stage.answer(B, 'refused');
    await stage.lose(B);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.202=1'], 'at once');
    const changes = stage.observer.passes.slice(passes).filter(({ results }) => results.length > 0);
    assert.deepEqual(
      changes.map(({ results }) => results.map(({ action }) => action)),
      [
        [
          { kind: 'update-destination', server: A, weight: 1 },
          { kind: 'update-destination', server: C, weight: 1 },
          { kind: 'remove-destination', server: B },
        ],
      ],
    );
    stage.answer(B, 'ok');
    await stage.clock.advance(10_000);
    assert.deepEqual(stage.rows, ['10.103.97.200=0', '10.103.97.201=1', '10.103.97.202=0'], 'it is back');

    await stage.manualDrains.drain(B, 0);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=0', '10.103.97.202=1']);
    await stage.manualDrains.undrain(B);
    await update([A, B, C]);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=1', '10.103.97.202=1']);
  });

  it('changes weights and the scheduler at once, in place', async () => {
    await running([A, B]);
    await update([A, B], { scheduler: 'wrr', weights: new Map([[B.text, 5]]) });
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=5']);
    assert.equal(stage.kernel.services.get(VIRTUAL_SERVER.text)?.settings.scheduler, 'wrr');
    assert.equal(stage.observer.passes.at(-1)?.drift, false, 'no other program did it');
  });

  it('keeps the health of each server when it is probed in another way', async () => {
    await running([A, B]);
    stage.answer(B, 'refused');
    await stage.clock.advance(5200);
    assert.deepEqual(stage.rows, ['10.103.97.200=1']);
    const prober = new FakeProber();
    prober.answers.set(A.text, 'status');
    prober.answers.set(B.text, 'refused');
    await update([A, B], { fall: 3 }, { prober });
    assert.deepEqual(stage.rows, ['10.103.97.200=1'], 'nothing is known to be otherwise yet');
    assert.equal(stage.prober.keptConnections, 0);
    await stage.clock.advance(150);
    assert.equal(probesOf(A, prober), 1);
    await stage.clock.advance(250);
    assert.deepEqual(stage.rows, ['10.103.97.200=1'], 'two failures are not enough any more');
    await stage.stop();
    assert.equal(prober.keptConnections, 0);
  });

  it('checks other host resources from now on, and the earlier ones no more', async () => {
    await running([A]);
    const before = stage.resource.checks;
    const other = new FakeResource('another way');
    await update([A], {}, { resources: [other] });
    await stage.clock.advance(POLICY.intervalMs);
    assert.equal(stage.resource.checks, before);
    assert.equal(other.mends, 1);
    assert.ok(stage.observer.lines.some((line) => line.startsWith('another way created')));
  });

  it('has no rows, and its virtual server, when it has no real servers any more', async () => {
    await running([A, B]);
    await update([]);
    await stage.clock.advance(500);
    assert.deepEqual(stage.rows, []);
    assert.ok(stage.kernel.services.has(VIRTUAL_SERVER.text));
    assert.equal(stage.observer.failOpen, false);
    await update([A]);
    await stage.clock.advance(500);
    assert.deepEqual(stage.rows, ['10.103.97.200=1']);
  });

  it('changes nothing more when it ends in the middle of a pass', async () => {
    await running([A, B]);
    let answer = (): void => undefined;
    stage.kernel.hanging = new Promise((resolve) => (answer = resolve));
    void update([A, B], { drainTimeoutMs: 1000 });
    await settle();
    const stopped = stage.stop();
    await settle();
    answer();
    await stopped;
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=1']);
  });

  it('is not kept waiting by its end', async () => {
    await running([A]);
    await stage.stop();
    await update([A, B]);
    assert.deepEqual(stage.rows, ['10.103.97.200=1']);
  });
});
