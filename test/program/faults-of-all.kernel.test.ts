// Faults of docs/faults.md that are more than one apiserver's matter.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Lab, until, type LabProcess, type Master } from '../../lab/index.js';
import { BusyClient, connectionTo, type Connection } from './clients.js';
import { allOf, answerers, restore, takeCare, untilWeights, VS } from './lvscare.js';

const OPTIONS = ['--health-timeout', '1500ms', '--drain-timeout', '2m', '--max-hold', '0'];

describe('faults of all apiservers', () => {
  let lab: Lab;
  let daemon: LabProcess;
  /** From which line on this test's begin. */
  let from: number;
  before(async () => {
    lab = await Lab.create();
    daemon = await takeCare(lab, OPTIONS);
    from = daemon.lines.length;
  });
  after(() => lab.close());
  afterEach(async () => {
    await restore(lab);
    await untilWeights(lab, allOf(lab));
    from = daemon.lines.length;
  });

  /** An idle connection and a busy one to each. */
  async function connections(): Promise<{ idle: Connection; busy: BusyClient }[]> {
    const pairs: { idle: Connection; busy: BusyClient }[] = [];
    for (const { name } of lab.masters) {
      const idle = await connectionTo(lab, name);
      pairs.push({ idle, busy: new BusyClient(await connectionTo(lab, name)) });
    }
    return pairs;
  }

  /** All connections are answered, and closed. */
  async function answered(pairs: readonly { idle: Connection; busy: BusyClient }[]): Promise<void> {
    for (const [index, { idle, busy }] of pairs.entries()) {
      const { answers } = busy;
      await until(() => busy.answers >= answers + 2, { timeoutMs: 60_000, what: `busy ${index} goes on` });
      assert.equal((await idle.whoami(60_000)).name, lab.master(index).name);
      await busy.stop();
      await idle.close();
    }
  }

  async function allJudged(judgement: string): Promise<void> {
    for (const { addresses } of lab.masters)
      await daemon.waitForLine(new RegExp(`${addresses.ipv4}:6443 is ${judgement}`), { from });
  }

  it('all answer 500: a last resort, and nobody notices', async () => {
    const pairs = await connections();
    for (const master of lab.masters) await master.fail();
    await allJudged('sick .*status 500');
    await untilWeights(lab, allOf(lab));
    assert.equal(new Set(await answerers(lab, 6)).size, 3);
    await answered(pairs);
    for (const master of lab.masters) await master.heal();
    await daemon.waitForLine(/the last resort is over/, { from });
  });

  it('all are killed: no rows, and clients are refused in milliseconds', async () => {
    for (const master of lab.masters) await master.kill();
    await allJudged('dead .*refused');
    await untilWeights(lab, {});
    const result = await lab.node.request();
    assert.ok(!result.ok && result.code === 'ECONNREFUSED', JSON.stringify(result));
    assert.ok(result.latencyMs < 500, `${result.latencyMs} ms`);
    for (const master of lab.masters) await master.start();
    await untilWeights(lab, allOf(lab));
    assert.equal(new Set(await answerers(lab, 6)).size, 3);
  });

  it('none is heard any more: no row is removed, and what stood goes on when the cable is in again', async () => {
    const pairs = await connections();
    await lab.node.cut();
    await allJudged('dead .*silent');
    await daemon.waitForLine(/as a last resort/, { from });
    await untilWeights(lab, allOf(lab));
    await lab.node.mend();
    await allJudged('up .*ok');
    await answered(pairs);
    assert.deepEqual(await lab.node.weights(VS), allOf(lab));
    const removals = daemon.lines.slice(from).filter((line) => line.text.includes('removed'));
    assert.deepEqual(removals, []);
  });

  it("an outage of this node's own, however short, removes nobody and costs no connection", async (context) => {
    const pairs = await connections();
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
    await answered(pairs);
    const removals = daemon.lines.slice(from).filter((line) => line.text.includes('removed'));
    assert.deepEqual(removals, []);
  });

  it('one hangs: the others are probed as often as before', async () => {
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
    await lab.master(1).heal();
    await verdictsOf('up');
  });

  it('one closes each idle connection, or each one at all: no verdict', async () => {
    for (const manners of [{ idleMs: 300 }, { lastAnswer: true }]) {
      await lab.master(1).mind(manners);
      const { requests } = await lab.master(1).stats();
      const asked = requests['GET /healthz'] ?? 0;
      await until(async () => (await probesOf(lab.master(1))) >= asked + 5, { timeoutMs: 60_000 });
      await lab.master(1).heal();
    }
    const judged = daemon.lines.slice(from).filter((line) => line.text.includes(':6443 is'));
    assert.deepEqual(judged, []);
  });
});

const isVerdict = ({ text }: { readonly text: string }): boolean => text.includes(':6443 is ');

async function probesOf(master: Master): Promise<number> {
  return (await master.stats()).requests['GET /healthz'] ?? 0;
}
