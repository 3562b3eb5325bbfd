// Clients that wait for a server, what is done about it, and the table in docs/decisions.md.
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { CarePolicy } from '../../src/control-loop/control-loop.js';
import type { Endpoint } from '../../src/values/endpoint.js';
import { cell, decisionTable, titleOf } from '../decisions/decision-tables.js';
import { A, B, C, FakeProber, POLICY, Stage } from './stage.js';

const ALL = ['10.103.97.200=1', '10.103.97.201=1', '10.103.97.202=1'];
const WITHOUT_B = ['10.103.97.200=1', '10.103.97.201=0', '10.103.97.202=1'];
const SUSPECT = '10.103.97.201 suspect: ';

let stage = new Stage();
afterEach(async () => {
  await stage.stop();
  assert.equal(stage.clock.sleepers, 0, 'nothing goes on after the end');
});

async function running(policy?: Partial<CarePolicy>, servers?: readonly Endpoint[]): Promise<void> {
  stage = new Stage(servers, policy);
  await stage.start();
}

const suspicions = (): number => stage.observer.lines.filter((line) => line.startsWith(SUSPECT)).length;

/** A client has waited for B long enough to be late, and is seen, before it goes on. */
async function clientIsLate(): Promise<void> {
  stage.clientSockets.set('1', B, 'answer', 500);
  const { looks } = stage.clientSockets;
  while (stage.clientSockets.looks === looks) await stage.clock.advance(100);
  await stage.clock.advance(300);
  stage.clientSockets.delete('1');
}

describe('from late clients to suspicion', () => {
  const times = (text: string): number => (text.startsWith('never') ? 0 : text.startsWith('once') ? 1 : 2);

  for (const row of decisionTable('suspicion'))
    it(titleOf(row), async () => {
      const before = cell(row, 'it was suspect');
      // Probes at their own time would answer, too.
      await running({ intervalMs: 600_000, fastIntervalMs: 5000 });
      for (let mistake = 0; mistake < times(before); mistake += 1) {
        stage.answer(B, ['late', 'hang']);
        await clientIsLate();
        if (before.includes('for more than 1 s')) await stage.clock.advance(1000);
        await stage.prober.release(B, 'ok');
        if (mistake + 1 < times(before)) await stage.clock.advance(11_000);
      }
      assert.equal(suspicions(), times(before));
      await stage.clock.advance(
        before.includes('more than 10 s ago') ? 10_100 : before === 'never' ? 0 : 5000,
      );
      stage.answer(B, cell(row, 'the server') === 'answers in time' ? 'ok' : ['late', 'hang']);
      if (cell(row, 'the other server') === 'is silent')
        for (const other of [A, C]) stage.answer(other, 'hang');
      await clientIsLate();
      assert.equal(suspicions() - times(before), cell(row, 'then') === 'suspect' ? 1 : 0);
    });
});

describe('a server for which clients wait', () => {
  it('gets no new connections once it does not answer a probe either, and has them back with its answer', async () => {
    await running({ intervalMs: 600_000 });
    stage.answer(B, ['late', 'hang']);
    await clientIsLate();
    assert.deepEqual(stage.rows, WITHOUT_B);
    await stage.prober.release(B, 'ok');
    await stage.clock.advance(1);
    assert.deepEqual(stage.rows, ALL);
    assert.deepEqual(
      stage.observer.lines
        .filter((line) => line.includes('suspect'))
        .map((line) => line.replace(/\d+ ms/, 'N ms')),
      ['10.103.97.201 suspect: 1 wait for answer', '10.103.97.201 suspect for N ms: answered'],
    );
  });

  it('stays suspect when a reload has it probed in another way, until it answers', async () => {
    await running({ intervalMs: 600_000 });
    stage.answer(B, ['late', 'hang']);
    await clientIsLate();
    const prober = new FakeProber();
    prober.answers.set(B.text, 'hang');
    const policy = { ...POLICY, intervalMs: 600_000, fall: 3 };
    const probes = { prober, virtualServerProbe: null };
    await stage.loop?.update({ servers: [A, B, C], policy, probes, resources: null });
    await stage.clock.advance(500);
    assert.deepEqual(stage.rows, WITHOUT_B);
    await prober.release(B, 'ok');
    await stage.clock.advance(1);
    assert.deepEqual(stage.rows, ALL);
    assert.match(stage.observer.lines.at(-1) ?? '', /^10.103.97.201 suspect for \d+ ms: answered$/);
  });

  it('is trusted again after 3 s without a verdict', async () => {
    await running({ intervalMs: 600_000, fall: 100 });
    stage.answer(B, ['late', 'slow']);
    await clientIsLate();
    await stage.clock.advance(1500);
    assert.deepEqual(stage.rows, WITHOUT_B);
    await stage.clock.advance(1500);
    assert.deepEqual(stage.rows, ALL);
    assert.equal(stage.observer.lines.at(-1), '10.103.97.201 suspect for 3000 ms: no verdict');
    stage.answer(B, ['late', 'hang']);
    await clientIsLate();
    assert.deepEqual(stage.rows, ALL, 'it is not suspected again at once');
  });

  it('is suspect until it is down, without a moment between', async () => {
    await running({ intervalMs: 600_000 });
    stage.answer(B, ['late', 'hang']);
    await clientIsLate();
    stage.answer(B, 'slow');
    await stage.prober.release(B, 'slow');
    assert.deepEqual(stage.rows, WITHOUT_B);
    await stage.clock.advance(200);
    assert.deepEqual(stage.rows, WITHOUT_B);
    assert.deepEqual(
      stage.observer.lines.slice(-2).map((line) => line.replace(/\d+ ms/, 'N ms')),
      ['10.103.97.201 suspect for N ms: down', '10.103.97.201 up to sick'],
    );
  });

  it('is asked once a second at most, however many clients wait', async () => {
    await running({ intervalMs: 600_000 });
    stage.prober.probes.splice(0);
    for (let second = 0; second < 10; second += 1) {
      for (let id = 0; id < 50; id += 1) stage.clientSockets.set(`${second}-${id}`, B, 'answer', 500);
      await stage.clock.advance(1000);
    }
    const asked = stage.prober.probes.filter((probe) => probe.startsWith(B.text));
    assert.ok(asked.length >= 8 && asked.length <= 10, `${asked.length} probes`);
  });

  it('is asked ever less often for the same client', async () => {
    await running({ intervalMs: 600_000 });
    stage.prober.probes.splice(0);
    stage.clientSockets.set('1', B, 'connection');
    await stage.clock.advance(100_000);
    const asked = stage.prober.probes.filter((probe) => probe.startsWith(B.text));
    assert.ok(asked.length >= 5 && asked.length <= 9, `${asked.length} probes in 100 s`);
  });

  it('is looked for ever less often, while IPVS does not know the connection', async () => {
    await running({ intervalMs: 600_000 });
    stage.clientSockets.set('1', null, 'connection');
    await stage.clock.advance(100_000);
    const { lookups } = stage.clientSockets;
    assert.ok(lookups >= 5 && lookups <= 9, `${lookups} times in 100 s`);
  });

  it('is not asked for clients that do not wait for long', async () => {
    await running({ intervalMs: 600_000 });
    stage.clientSockets.set('2', B, 'answer', 100);
    stage.prober.probes.splice(0);
    await stage.clock.advance(150);
    stage.clientSockets.delete('2');
    await stage.clock.advance(10_000);
    assert.deepEqual(stage.prober.probes, []);
  });

  it('is asked when a client connects for longer than it usually takes', async () => {
    await running({ intervalMs: 600_000 });
    stage.prober.probes.splice(0);
    stage.clientSockets.set('1', B, 'connection');
    await stage.clock.advance(1600);
    assert.deepEqual(stage.prober.probes, ['10.103.97.201:6443 hedged']);
  });
});

describe('the sockets of clients', () => {
  it('are read ten times a second while some wait, five times while some connect, and once while nothing moves', async () => {
    await running({ intervalMs: 600_000 });
    const looksIn = async (ms: number): Promise<number> => {
      stage.clientSockets.looks = 0;
      await stage.clock.advance(ms);
      return stage.clientSockets.looks;
    };
    await stage.clock.advance(10_000);
    assert.equal(await looksIn(10_000), 10);
    // One connects, and is closed before it is seen.
    stage.kernel.connections += 1n;
    await stage.clock.advance(500);
    await stage.clock.advance(2500);
    assert.ok((await looksIn(10_000)) <= 10, 'and soon once a second again');
    let looks = 0;
    for (let time = 0; time < 100; time += 1) {
      stage.kernel.connections += 1n;
      looks += await looksIn(100);
    }
    assert.ok(looks >= 45 && looks <= 55, `${looks} looks`);
    await stage.clock.advance(3000);
    stage.clientSockets.set('2', B, 'answer', 1);
    await stage.clock.advance(1000);
    stage.clientSockets.looks = 0;
    await stage.clock.advance(10_000);
    assert.equal(stage.clientSockets.looks, 100);
  });

  it('are read ever less often the longer that takes', async () => {
    await running({ intervalMs: 600_000 });
    const looksIn = async (ms: number): Promise<number> => {
      stage.clientSockets.looks = 0;
      await stage.clock.advance(ms);
      return stage.clientSockets.looks;
    };
    stage.clientSockets.lookMs = 10;
    await stage.clock.advance(20_000);
    assert.ok((await looksIn(51_000)) <= 11, '0.2 % of the time while nothing moves');
    stage.clientSockets.set('1', B, 'answer', 1);
    await stage.clock.advance(6000);
    assert.ok((await looksIn(21_000)) <= 101, '5 % of the time while clients wait');
    stage.clientSockets.lookMs = 0;
    await stage.clock.advance(3000);
  });

  it('that cannot be read are reported once, and tried again after a minute', async () => {
    await running({ intervalMs: 600_000 });
    stage.clientSockets.refusal = new Error('no sock_diag');
    await stage.clock.advance(200_000);
    assert.deepEqual(stage.observer.lines.slice(-1), ['client sockets: no sock_diag']);
    stage.clientSockets.looks = 0;
    stage.clientSockets.refusal = null;
    await stage.clock.advance(75_000);
    assert.ok(stage.clientSockets.looks >= 1);
    assert.deepEqual(stage.observer.lines.slice(-1), ['client sockets: readable']);
  });
});
