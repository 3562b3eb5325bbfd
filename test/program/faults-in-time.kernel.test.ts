// Faults of docs/faults.md that come and go, or stay for a while.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { after, afterEach, before, describe, it, type TestContext } from 'node:test';
import { Lab, until, type LabProcess, type Master } from '../../lab/index.js';
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

  const lines = (about: RegExp): string[] =>
    daemon.lines.map((line) => line.text).filter((text) => about.test(text));
  const verdicts = (): string[] => lines(/:6443 is (?!up \(was unknown\)|suspect)/);

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

  /** All of these stand still for a moment, again and again, while clients connect. */
  async function pauseAgainAndAgain(masters: readonly Master[], context: TestContext): Promise<void> {
    const client = await lab.node.steady({ everyMs: 50, timeoutMs: 20_000 });
    for (let pause = 0; pause < 5; pause += 1) {
      await Promise.all(masters.map((master) => master.stop()));
      await delay(1500);
      await Promise.all(masters.map((master) => master.cont()));
      await untilWeights(lab, allOf(lab));
      const { length } = client.samples;
      await until(() => client.samples.length > length + 20, { timeoutMs: 30_000, what: 'clients go on' });
    }
    const samples = await client.stop();
    tell(context, samples.length, client.failures.length);
    assert.deepEqual(client.failures, []);
  }

  it('an apiserver that pauses for 1.5 s again and again is suspect at most, and fails no client', async (context) => {
    await start(lab, [], { quick: false });
    const { fresh, live } = promiseOf('one pauses for 1.5 s, again and again');
    pairs = await pairsToAll(lab);
    await pauseAgainAndAgain([lab.master(1)], context);
    assert.equal(fresh, 'served');
    assert.deepEqual(verdicts(), []);
    await allAre(live, pairs);
    await nothingIsLeft();
  });

  it('all apiservers that pause together stay in rotation, but for those that are suspect, and fail no client', async (context) => {
    await start(lab, [], { quick: false });
    const { fresh, live } = promiseOf('all pause for 1.5 s together, again and again');
    pairs = await pairsToAll(lab);
    await pauseAgainAndAgain(lab.masters, context);
    assert.equal(fresh, 'served');
    assert.deepEqual(verdicts(), []);
    await allAre(live, pairs);
    await nothingIsLeft();
  });

  it('a watch that is silent, and a lvscare that stood still, make no apiserver suspect', async () => {
    await start(lab, [], { quick: false });
    const { fresh, live } = promiseOf('lvscare itself stands still for 2 s');
    pairs = await pairsToAll(lab);
    const watch = await lab.node.open(undefined, { timeoutMs: 60_000 });
    await watch.ask('/stream?everyMs=600000');
    const client = await lab.node.steady({ everyMs: 50, timeoutMs: 20_000 });
    for (let time = 0; time < 3; time += 1) {
      daemon.signal('SIGSTOP');
      await delay(2000);
      daemon.signal('SIGCONT');
      const { length } = client.samples;
      await until(() => client.samples.length > length + 40, { timeoutMs: 30_000, what: 'clients go on' });
    }
    await client.stop();
    assert.equal(fresh, 'served');
    assert.deepEqual(client.failures, []);
    assert.deepEqual([...verdicts(), ...lines(/is suspect/)], []);
    await watch.close();
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
