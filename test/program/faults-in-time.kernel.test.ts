// Faults of docs/faults.md that come and go, or stay for a while.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { after, afterEach, before, describe, it, type TestContext } from 'node:test';
import { Lab, until, type LabProcess } from '../../lab/index.js';
import { allOf, restore, takeCare, untilWeights } from './lvscare.js';

describe('faults in time', () => {
  let lab: Lab;
  let daemon: LabProcess;
  before(async () => {
    lab = await Lab.create();
  });
  after(() => lab.close());
  afterEach(async () => {
    await daemon.stop();
    await lab.node.mend();
    await restore(lab);
  });

  const verdicts = (): string[] =>
    daemon.lines.map((line) => line.text).filter((text) => /:6443 is (?!up \(was unknown\))/.test(text));

  it('an apiserver that flaps once a second is held out, and comes back when it is steady', async (context) => {
    // So that it is seen at its best and at its worst in each second.
    const times = ['--interval', '300ms', '--fast-interval', '50ms', '--max-hold', '8s'];
    daemon = await takeCare(lab, times, { quick: false });
    const client = await lab.node.steady({ everyMs: 100, timeoutMs: 20_000 });
    const from = daemon.lines.length;
    let flapping = true;
    let falls = 0;
    const flap = async (): Promise<void> => {
      for (; flapping; falls += 1) {
        await lab.master(1).fail();
        await delay(500);
        await lab.master(1).heal();
        await delay(500);
      }
    };
    const flapped = flap();
    try {
      const { text } = await daemon.waitForLine(/201:6443 .*flaps/, { from, timeoutMs: 60_000 });
      context.diagnostic(text);
      const enough = falls + 10;
      await until(() => falls >= enough, { timeoutMs: 60_000 });
    } finally {
      flapping = false;
      await flapped;
    }
    const ups = verdicts().filter((text) => text.includes('is up')).length;
    const steadyMs = performance.now();
    await untilWeights(lab, allOf(lab));
    context.diagnostic(`${falls} falls, ${ups} times up again`);
    context.diagnostic(`back ${Math.round(performance.now() - steadyMs)} ms after the last fall`);
    const samples = await client.stop();
    tell(context, samples.length, client.failures.length);
    assert.ok(ups <= falls / 2, `up again ${ups} times in ${falls} falls`);
    assert.deepEqual(client.failures, []);
  });

  it('20 % of packets lost and a delay of 200 ms for 60 s: no verdict', async (context) => {
    // At the default times, which is what the promise is about.
    daemon = await takeCare(lab, [], { quick: false });
    // What the node sends is what all three of them, and their answers, depend on.
    await lab.node.impair({ delayMs: 200, lossPercent: 20 });
    const client = await lab.node.steady({ everyMs: 1000, timeoutMs: 30_000 });
    await delay(60_000);
    assert.deepEqual(verdicts(), []);
    await untilWeights(lab, allOf(lab));
    await lab.node.mend();
    const samples = await client.stop();
    tell(context, samples.length, client.failures.length);
    assert.deepEqual(client.failures, []);
  });

  it('a graceful restart costs no client anything', async (context) => {
    daemon = await takeCare(lab, ['--health-path', '/readyz', '--max-hold', '0']);
    const client = await lab.node.steady({ everyMs: 75, timeoutMs: 20_000 });
    for (const master of lab.masters) {
      const served = (): number =>
        client.samples.filter((sample) => sample.ok && sample.by === master.name).length;
      await until(() => served() >= 5, { timeoutMs: 30_000, what: `${master.name} serves` });
      const from = daemon.lines.length;
      const ended = master.shutDown({ unreadyMs: 2000 });
      await daemon.waitForLine(new RegExp(`${master.addresses.ipv4}:6443 is sick .*status 500`), { from });
      await ended;
      await daemon.waitForLine(new RegExp(`${master.addresses.ipv4}:6443 is dead .*refused`), { from });
      await master.start();
      await untilWeights(lab, allOf(lab));
      const before = served();
      await until(() => served() > before, { timeoutMs: 30_000, what: `${master.name} serves again` });
    }
    const samples = await client.stop();
    tell(context, samples.length, client.failures.length);
    assert.deepEqual(client.failures, []);
  });
});

function tell(context: TestContext, requests: number, failed: number): void {
  context.diagnostic(`${requests} requests, ${failed} failed`);
}
