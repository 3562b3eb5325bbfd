// Faults of docs/faults.md that are more than one apiserver's matter.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Lab, until, type LabProcess, type Master } from '../../lab/index.js';
import {
  allAre,
  closePairs,
  connectionsAre,
  pairsToAll,
  pairTo,
  promiseOf,
  Sockets,
  type Pair,
} from './live-connections.js';
import { allOf, answerers, restore, takeCare, untilWeights, VS } from './lvscare.js';

/** A client's kernel asks more seldom the longer nobody answers. */
const AFTER_SILENCE_MS = 60_000;

const OPTIONS = ['--health-timeout', '1500ms', '--handshake-interval', '1s'].concat(
  ['--drain-timeout', '2m'],
  ['--max-hold', '0'],
);

describe('faults of all apiservers', () => {
  let lab: Lab;
  let daemon: LabProcess;
  /** From which line on this test's begin. */
  let from: number;
  /** When nothing happens. */
  let sockets: Sockets;
  let pairs: readonly Pair[] = [];
  before(async () => {
    lab = await Lab.create();
    daemon = await takeCare(lab, OPTIONS);
    sockets = await Sockets.of(lab, daemon);
    from = daemon.lines.length;
  });
  after(() => lab.close());
  afterEach(async () => {
    await closePairs(...pairs);
    pairs = [];
    await restore(lab);
    await untilWeights(lab, allOf(lab));
    from = daemon.lines.length;
    await sockets.areNoMore();
  });

  async function allJudged(judgement: string): Promise<void> {
    for (const { addresses } of lab.masters)
      await daemon.waitForLine(new RegExp(`${addresses.ipv4}:6443 is ${judgement}`), { from });
  }

  it('all answer 500: a last resort, and no client notices', async () => {
    const { fresh, live } = promiseOf('all answer 500');
    pairs = await pairsToAll(lab);
    for (const master of lab.masters) await master.fail();
    await allJudged('sick .*status 500');
    await untilWeights(lab, allOf(lab));
    assert.equal(fresh, 'served');
    assert.equal(new Set(await answerers(lab, 6)).size, 3);
    const afterwards = await allAre(live, pairs);
    for (const master of lab.masters) await master.heal();
    await daemon.waitForLine(/the last resort is over/, { from });
    await afterwards();
  });

  it('one hangs, then the others answer 500: those serve, and no client is sent to the one that hangs', async () => {
    const { fresh, live } = promiseOf('one hangs, then the others answer 500');
    const [hung, ...others] = [lab.master(1), lab.master(0), lab.master(2)];
    for (const { name } of others) pairs = [...pairs, await pairTo(lab, name)];
    await hung.stop();
    const served = { ...allOf(lab), [hung.endpoint]: 0 };
    await untilWeights(lab, served);
    for (const master of others) await master.fail();
    await daemon.waitForLine(/as a last resort/, { from });
    const client = await lab.node.steady({ everyMs: 100, timeoutMs: 20_000 });
    const asked = await probesOf(lab.master(0));
    await until(async () => (await probesOf(lab.master(0))) >= asked + 5, { timeoutMs: 60_000 });
    await untilWeights(lab, served);
    assert.equal(fresh, 'served');
    const samples = await client.stop();
    assert.ok(samples.length > 0);
    assert.deepEqual(client.failures, [], daemon.text());
    const afterwards = await allAre(live, pairs);
    await hung.cont();
    for (const master of others) await master.heal();
    await daemon.waitForLine(/the last resort is over/, { from });
    await afterwards();
  });

  it('all are killed: no rows, and clients are refused in milliseconds', async () => {
    const { fresh, live } = promiseOf('all are killed');
    pairs = await pairsToAll(lab);
    for (const master of lab.masters) await master.kill();
    await allJudged('dead .*refused');
    await untilWeights(lab, {});
    assert.equal(fresh, 'refused');
    await refused(lab);
    await (
      await allAre(live, pairs)
    )();
    for (const master of lab.masters) await master.start();
    await untilWeights(lab, allOf(lab));
    assert.equal(new Set(await answerers(lab, 6)).size, 3);
  });

  it('all close their ports: clients are refused, and what stands goes on', async () => {
    const { fresh, live } = promiseOf('all close their ports');
    pairs = await pairsToAll(lab);
    for (const master of lab.masters) await master.closePort();
    await allJudged('dead .*refused');
    await untilWeights(lab, Object.fromEntries(lab.masters.map(({ endpoint }) => [endpoint, 0])));
    assert.equal(fresh, 'refused');
    await refused(lab);
    const afterwards = await allAre(live, pairs);
    for (const master of lab.masters) await master.heal();
    await untilWeights(lab, allOf(lab));
    await afterwards();
    assert.equal(new Set(await answerers(lab, 6)).size, 3);
  });

  it('no server answers: no row is removed, and what stood goes on when the cable is in again', async (context) => {
    const { fresh, live } = promiseOf("no server answers (this node's own cable)");
    pairs = await pairsToAll(lab);
    await lab.node.cut();
    await allJudged('dead .*silent');
    await daemon.waitForLine(/as a last resort/, { from });
    await untilWeights(lab, allOf(lab));
    const asked = await lab.node.request(undefined, { timeoutMs: 8000 });
    context.diagnostic(`new connection: ${JSON.stringify(asked)}`);
    assert.equal(asked.ok ? 'served' : asked.code, fresh);
    const afterwards = await allAre(live, pairs, { answerMs: AFTER_SILENCE_MS });
    await lab.node.mend();
    await allJudged('up .*ok');
    await afterwards();
    assert.deepEqual(await lab.node.weights(VS), allOf(lab));
    const removals = daemon.lines.slice(from).filter((line) => line.text.includes('removed'));
    assert.deepEqual(removals, []);
  });

  it("an outage of this node's own, however short, removes no server and costs no connection", async (context) => {
    const { fresh, live } = promiseOf('an outage of this node, of 0.8 to 3 s');
    pairs = await pairsToAll(lab);
    const client = await lab.node.steady({ everyMs: 200, timeoutMs: 20_000 });
    for (const outageMs of [800, 1400, 1800, 2200, 3000]) {
      await lab.node.cut();
      await delay(outageMs);
      await lab.node.mend();
      // Each is heard again, and judged so if it had been judged otherwise.
      const earlier = await Promise.all(lab.masters.map(probesOf));
      await until(async () => {
        const now = await Promise.all(lab.masters.map(probesOf));
        return now.every((count, index) => count >= (earlier[index] ?? 0) + 3);
      });
      await untilWeights(lab, allOf(lab));
      context.diagnostic(`${outageMs} ms: ${daemon.lines.slice(from).filter(isVerdict).length} verdicts`);
    }
    const samples = await client.stop();
    context.diagnostic(`${samples.length} requests, ${client.failures.length} failed`);
    const codes = client.failures.map((failure) => (failure.ok ? failure.status : failure.code));
    assert.deepEqual(
      codes.filter((code) => code !== fresh),
      [],
    );
    assert.equal(new Set(await answerers(lab, 6)).size, 3);
    await allAre(live, pairs, { answerMs: AFTER_SILENCE_MS });
    const removals = daemon.lines.slice(from).filter((line) => line.text.includes('removed'));
    assert.deepEqual(removals, []);
  });

  it('one hangs: the others are probed as often as before, and clients notice nothing', async () => {
    const { fresh, live } = promiseOf('one hangs, the others are well');
    pairs = [await pairTo(lab, lab.master(1).name)];
    const client = await lab.node.steady({ everyMs: 100, timeoutMs: 20_000 });
    const others = [lab.master(0), lab.master(2)];
    const probesIn = async (look: () => Promise<unknown>): Promise<number[]> => {
      const earlier = await Promise.all(others.map(probesOf));
      await look();
      return (await Promise.all(others.map(probesOf))).map((count, index) => count - (earlier[index] ?? 0));
    };
    const verdictsOf = (state: string): Promise<unknown> =>
      daemon.waitForLine(new RegExp(`201:6443 is ${state}`), { from });
    await lab.master(1).behave({ kind: 'late', afterMs: 60_000 });
    // Each of the probes that the hung one is asked in this time takes 1.5 s, the others' a second with the pause.
    const [first = 0, second = 0] = await probesIn(async () => {
      await verdictsOf('sick .*slow');
      const hung = await probesOf(lab.master(1));
      await until(async () => (await probesOf(lab.master(1))) >= hung + 3, { timeoutMs: 60_000 });
    });
    assert.ok(first >= 5 && second >= 5, `${first} and ${second} probes`);
    const afterwards = await allAre(live, pairs);
    await lab.master(1).heal();
    await verdictsOf('up');
    await afterwards();
    await client.stop();
    assert.equal(fresh, 'served');
    assert.equal(client.failures.length, 0, `${JSON.stringify(client.failures)}\n${daemon.text()}`);
  });

  it('one closes each idle connection, or every connection at all: no verdict', async () => {
    const { fresh, live } = promiseOf('one closes each idle connection, or every connection');
    assert.equal(fresh, 'served');
    for (const manners of [{ idleMs: 300 }, { lastAnswer: true }]) {
      await lab.master(1).mind(manners);
      const pair = await pairTo(lab, lab.master(1).name);
      pairs = [...pairs, pair];
      const client = await lab.node.steady({ everyMs: 100, timeoutMs: 20_000 });
      const { requests } = await lab.master(1).stats();
      const asked = requests['GET /healthz'] ?? 0;
      await until(async () => (await probesOf(lab.master(1))) >= asked + 5, { timeoutMs: 60_000 });
      await connectionsAre(live, pair);
      await client.stop();
      assert.deepEqual(client.failures, []);
      await lab.master(1).heal();
    }
    const judged = daemon.lines.slice(from).filter((line) => line.text.includes(':6443 is'));
    assert.deepEqual(judged, []);
  });
});

/** A client's TCP sends its first packet again after so long. */
const RETRANSMISSION_MS = 1000;

/** A new connection is refused: its first packet is answered. */
async function refused(lab: Lab): Promise<void> {
  const result = await lab.node.request();
  assert.ok(!result.ok && result.code === 'ECONNREFUSED', JSON.stringify(result));
  assert.ok(result.latencyMs < RETRANSMISSION_MS, `${result.latencyMs} ms`);
}

const isVerdict = ({ text }: { readonly text: string }): boolean => text.includes(':6443 is ');

async function probesOf(master: Master): Promise<number> {
  return (await master.stats()).requests['GET /healthz'] ?? 0;
}
