// Faults of docs/faults.md that come and go, or stay for a while.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { after, afterEach, before, describe, it, type TestContext } from 'node:test';
import { Lab, until, type LabProcess } from '../../lab/index.js';
import { allAre, closePairs, pairsToAll, pairTo, promiseOf, Sockets, type Pair } from './live-connections.js';
import { allOf, restore, takeCare, untilWeights } from './lvscare.js';

describe('faults in time', () => {
  let lab: Lab;
  let daemon: LabProcess;
  /** When nothing happens. */
  let sockets: Sockets;
  let pairs: Pair[] = [];
  before(async () => {
    lab = await Lab.create();
  });
  after(() => lab.close());
  afterEach(async () => {
    await daemon.stop();
    await closePairs(...pairs.splice(0));
    await lab.node.mend();
    await restore(lab);
  });

  const verdicts = (): string[] =>
    daemon.lines.map((line) => line.text).filter((text) => /:6443 is (?!up \(was unknown\))/.test(text));

  async function start(...args: Parameters<typeof takeCare>): Promise<void> {
    daemon = await takeCare(...args);
    sockets = await Sockets.of(lab, daemon);
  }

  async function nothingIsLeft(): Promise<void> {
    await closePairs(...pairs.splice(0));
    await sockets.areNoMore();
  }

  it('an apiserver that flaps once a second is held out, and comes back when it is steady', async (context) => {
    // So that it is seen at its best and at its worst in each second.
    const times = ['--interval', '300ms', '--fast-interval', '50ms', '--max-hold', '8s'];
    await start(lab, times, { quick: false });
    const { fresh, live } = promiseOf('one fails and recovers once a second');
    pairs = [await pairTo(lab, lab.master(1).name)];
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
      await allAre(live, pairs);
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
    assert.equal(fresh, 'served');
    assert.deepEqual(client.failures, []);
    await allAre(live, pairs);
    await nothingIsLeft();
  });

  it('20 % of packets lost and a delay of 200 ms for 60 s: no verdict', async (context) => {
    // At the default times, which is what the promise is about.
    await start(lab, [], { quick: false });
    const { fresh, live } = promiseOf('20 % of packets lost, and a delay of 200 ms');
    pairs = await pairsToAll(lab);
    // What the node sends is what all three of them, and their answers, depend on.
    await lab.node.impair({ delayMs: 200, lossPercent: 20 });
    const client = await lab.node.steady({ everyMs: 1000, timeoutMs: 30_000 });
    const overMs = performance.now() + 60_000;
    await allAre(live, pairs, { answerMs: 45_000 });
    await delay(overMs - performance.now());
    assert.deepEqual(verdicts(), []);
    await untilWeights(lab, allOf(lab));
    await lab.node.mend();
    const samples = await client.stop();
    tell(context, samples.length, client.failures.length);
    assert.equal(fresh, 'served');
    assert.deepEqual(client.failures, []);
    await allAre(live, pairs);
    await nothingIsLeft();
  });

  it('a graceful restart costs no client anything', async (context) => {
    await start(lab, ['--health-path', '/readyz', '--max-hold', '0']);
    const { fresh, live } = promiseOf('a graceful restart');
    pairs = await pairsToAll(lab);
    const client = await lab.node.steady({ everyMs: 75, timeoutMs: 20_000 });
    for (const master of lab.masters) {
      const served = (): number =>
        client.samples.filter((sample) => sample.ok && sample.by === master.name).length;
      await until(() => served() >= 5, { timeoutMs: 30_000, what: `${master.name} serves` });
      const from = daemon.lines.length;
      const ended = master.shutDown({ unreadyMs: 2000 });
      await daemon.waitForLine(new RegExp(`${master.addresses.ipv4}:6443 is sick .*status 500`), { from });
      await ended;
      await allAre(
        live,
        pairs.filter(({ name }) => name === master.name),
      );
      await daemon.waitForLine(new RegExp(`${master.addresses.ipv4}:6443 is dead .*refused`), { from });
      await master.start();
      await untilWeights(lab, allOf(lab));
      const before = served();
      await until(() => served() > before, { timeoutMs: 30_000, what: `${master.name} serves again` });
    }
    const samples = await client.stop();
    tell(context, samples.length, client.failures.length);
    assert.equal(fresh, 'served');
    assert.deepEqual(client.failures, []);
    await nothingIsLeft();
  });
});

function tell(context: TestContext, requests: number, failed: number): void {
  context.diagnostic(`${requests} requests, ${failed} failed`);
}
