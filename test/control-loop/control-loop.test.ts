import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import fc from 'fast-check';
import type { CarePolicy } from '../../src/control-loop/control-loop.js';
import { endpoint, type Endpoint } from '../../src/values/endpoint.js';
import { serviceSettings } from '../../src/values/table.js';
import { FakeKernel, rowOf } from './fake-kernel.js';
import { A, B, C, Stage, VIRTUAL_SERVER } from './stage.js';

let stage = new Stage();
afterEach(async () => {
  await stage.stop();
  assert.equal(stage.clock.sleepers, 0, 'nothing goes on after the end');
});

async function running(
  servers?: readonly Endpoint[],
  policy?: Partial<CarePolicy>,
  kernel?: FakeKernel,
): Promise<Stage> {
  stage = new Stage(servers, policy, kernel);
  await stage.start();
  return stage;
}

const ALL = ['10.103.97.200=1', '10.103.97.201=1', '10.103.97.202=1'];

describe('care', () => {
  it('puts every healthy server in rotation at once', async () => {
    const { rows, resource } = await running();
    assert.deepEqual(rows, ALL);
    assert.equal(resource.mends, 1);
  });

  it('removes a server that refuses, after a second opinion, and puts it back when it recovers', async () => {
    await running();
    stage.answer(B, 'refused');
    await stage.clock.advance(5000);
    assert.deepEqual(stage.rows, ALL, 'one failure proves nothing');
    await stage.clock.advance(200);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.202=1']);
    stage.answer(B, 'ok');
    await stage.clock.advance(5200);
    assert.deepEqual(stage.rows, ALL);
    assert.deepEqual(stage.observer.lines.slice(-2), [
      '10.103.97.201 up to dead',
      '10.103.97.201 dead to up',
    ]);
  });

  it('drains a sick server, and removes it when its time is over', async () => {
    await running();
    stage.answer(B, 'status');
    await stage.clock.advance(5200);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=0', '10.103.97.202=1']);
    await stage.clock.advance(29_999);
    assert.equal(stage.rows.length, 3);
    await stage.clock.advance(1);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.202=1']);
  });

  it('rests when a drain is over: a server that stays sick is no reason to look all the time', async () => {
    await running();
    stage.answer(B, 'status');
    await stage.clock.advance(40_000);
    const before = stage.kernel.reads;
    await stage.clock.advance(60_000);
    assert.ok(stage.kernel.reads - before <= 13, `${stage.kernel.reads - before} reads in a minute`);
  });

  it('does not let one slow server delay the others', async () => {
    stage = new Stage();
    stage.answer(A, 'hang');
    await stage.start();
    assert.deepEqual(stage.rows, ALL.slice(1));
    stage.answer(B, 'refused');
    await stage.clock.advance(5200);
    assert.deepEqual(stage.rows, ALL.slice(2));
    assert.equal(stage.prober.probes.filter((probe) => probe.startsWith(A.text)).length, 1);
  });

  it('keeps all that may answer when no server is up, and nothing when all refuse', async () => {
    await running();
    for (const server of [A, B, C]) stage.answer(server, 'status');
    await stage.clock.advance(5200);
    assert.deepEqual(stage.rows, ALL);
    assert.equal(stage.observer.failOpen, true);
    for (const server of [A, B, C]) stage.answer(server, 'refused');
    await stage.clock.advance(5200);
    assert.deepEqual(stage.rows, []);
    assert.ok(stage.kernel.services.has(VIRTUAL_SERVER.text), 'the virtual server itself stays');
    stage.answer(C, 'ok');
    await stage.clock.advance(5200);
    assert.deepEqual(stage.rows, ALL.slice(2));
  });

  it('does not count probes that prove nothing', async () => {
    await running();
    stage.answer(A, 'inconclusive');
    await stage.clock.advance(60_000);
    assert.deepEqual(stage.rows, ALL);
  });

  it('outlives a fault of the prober, and says so', async () => {
    await running();
    stage.answer(A, 'throw');
    await stage.clock.advance(5000);
    assert.ok(stage.observer.lines.includes(`fault: probe of ${A.text}: a fault of the prober`));
    stage.answer(A, 'refused');
    await stage.clock.advance(10_000);
    assert.deepEqual(stage.rows, ALL.slice(1));
  });
});

describe('the last resort', () => {
  const actions = (): string[] =>
    stage.observer.passes.flatMap(({ results }) =>
      results.map(({ action }) =>
        'server' in action
          ? `${action.kind} ${action.server.address}${'weight' in action ? `=${action.weight}` : ''}`
          : action.kind,
      ),
    );
  /** From now on. */
  const watch = (): void => {
    stage.observer.passes.length = 0;
  };

  it('leaves a server that hangs out while the others say 500, and lets it serve when it says so, too', async () => {
    await running();
    stage.answer(A, 'slow');
    await stage.clock.advance(10_000);
    const withoutA = ['10.103.97.200=0', ...ALL.slice(1)];
    assert.deepEqual(stage.rows, withoutA);
    watch();
    for (const server of [B, C]) stage.answer(server, 'status');
    await stage.clock.advance(10_000);
    assert.equal(stage.observer.failOpen, true);
    assert.deepEqual(stage.rows, withoutA);
    assert.ok(!actions().includes('update-destination 10.103.97.200=1'));
    watch();
    stage.answer(A, 'status');
    await stage.clock.advance(5000);
    assert.deepEqual([stage.rows, actions()], [ALL, ['update-destination 10.103.97.200=1']]);
    for (const server of [A, B, C]) stage.answer(server, 'ok');
    await stage.clock.advance(10_000);
    assert.equal(stage.observer.failOpen, false);
    assert.deepEqual(stage.rows, ALL);
  });

  it('gives the one that hangs its weight back when the others hang as well', async () => {
    await running();
    stage.answer(A, 'slow');
    for (const server of [B, C]) stage.answer(server, 'status');
    await stage.clock.advance(10_000);
    assert.deepEqual(stage.rows, ['10.103.97.200=0', ...ALL.slice(1)]);
    for (const server of [B, C]) stage.answer(server, 'slow');
    await stage.clock.advance(5500);
    assert.deepEqual(stage.rows, ALL);
  });

  it('leaves a server out that was restarted and is not ready yet', async () => {
    await running();
    for (const server of [A, B, C]) stage.answer(server, 'status');
    await stage.clock.advance(10_000);
    assert.deepEqual(stage.rows, ALL);
    stage.answer(A, 'refused');
    await stage.lose(A);
    assert.deepEqual(stage.rows, ALL.slice(1));
    stage.answer(A, 'status');
    await stage.clock.advance(10_000);
    assert.deepEqual(stage.rows, ALL.slice(1));
    for (const server of [B, C]) {
      stage.answer(server, 'refused');
      await stage.lose(server);
    }
    assert.deepEqual(stage.rows, ALL.slice(0, 1), 'no time has passed');
  });

  it('follows what a server that is down answers at once, without the timer', async () => {
    await running([A, B], { intervalMs: 600_000 });
    stage.answer(A, 'slow');
    stage.answer(B, 'status');
    for (const server of [A, B]) await stage.lose(server);
    await stage.clock.advance(1000);
    assert.deepEqual(stage.rows, ['10.103.97.200=0', '10.103.97.201=1']);
    stage.answer(A, 'status');
    await stage.lose(A);
    assert.deepEqual(stage.rows, ALL.slice(0, 2), 'no time has passed');
  });

  it('changes nothing for minutes while the servers say the same', async () => {
    await running();
    for (const server of [A, B]) stage.answer(server, 'status');
    stage.answer(C, 'slow');
    await stage.clock.advance(60_000);
    assert.deepEqual(stage.rows, ALL.slice(0, 2));
    watch();
    await stage.clock.advance(600_000);
    assert.deepEqual(actions(), []);
    assert.ok(stage.observer.passes.every(({ causes }) => causes.every((cause) => cause === 'timer')));
  });

  for (const before of ['ok', 'status'] as const)
    it(`is all servers when this node's own cable is out, and nothing is torn down on the way: ${before} before`, async () => {
      const scenario = fc.record({
        seed: fc.integer({ min: 1, max: 2 ** 31 - 2 }),
        slowForMs: fc.tuple(fc.nat(12_000), fc.nat(12_000), fc.nat(12_000)),
        lost: fc.boolean(),
      });
      await fc.assert(
        fc.asyncProperty(scenario, async ({ seed, slowForMs, lost }) => {
          stage = new Stage([A, B, C], {}, new FakeKernel(), randomFrom(seed));
          await stage.start();
          for (const server of [A, B, C]) stage.answer(server, before);
          await stage.clock.advance(15_000);
          const rows = stage.kernel.services.get(VIRTUAL_SERVER.text)?.rows;
          for (const server of [A, B, C]) rows?.set(server.text, rowOf(server, 1, 4));
          watch();
          // What is asked over a kept connection is slow at first, until that is given up.
          for (const server of [A, B, C]) stage.answer(server, 'slow');
          let nowMs = 0;
          for (const [server, untilMs] of [A, B, C]
            .map((each, index) => [each, slowForMs[index] ?? 0] as const)
            .sort(([, one], [, other]) => one - other)) {
            await stage.clock.advance(untilMs - nowMs);
            nowMs = untilMs;
            stage.answer(server, 'silent');
            if (lost) await stage.lose(server, 'silent');
          }
          await stage.clock.advance(40_000);
          assert.deepEqual(stage.rows, ALL);
          for (const server of [A, B, C]) stage.answer(server, before);
          await stage.clock.advance(15_000);
          assert.deepEqual(stage.rows, ALL);
          assert.deepEqual(
            actions().filter((action) => !action.startsWith('update-destination')),
            [],
          );
          await stage.stop();
        }),
        { numRuns: 25 },
      );
    });
});

/** The same numbers each time for a seed: Park and Miller's. */
function randomFrom(seed: number): () => number {
  let last = seed;
  return () => (last = (last * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** How often a server has been probed. */
function probesOf(server: Endpoint): number {
  return stage.prober.probes.filter((probe) => probe.startsWith(server.text)).length;
}

describe('the loss of a kept connection', () => {
  it('has the server probed at once; a refusal then needs no second opinion', async () => {
    await running();
    stage.answer(B, 'refused');
    await stage.lose(B);
    assert.deepEqual(stage.rows, [ALL[0], ALL[2]], 'no time has passed');
    assert.deepEqual(stage.observer.lines.slice(-1), ['10.103.97.201 up to dead']);
  });

  it('alone is no alarm', async () => {
    await running();
    const before = probesOf(B);
    await stage.lose(B);
    assert.equal(probesOf(B), before + 1);
    assert.deepEqual(stage.rows, ALL);
    await stage.clock.advance(4999);
    assert.equal(probesOf(B), before + 1, 'and then in its own time');
  });

  it('is followed up at once also when it was killed before, again and again', async () => {
    await running(undefined, { maxHoldMs: 0 });
    for (let time = 1; time <= 10; time += 1) {
      stage.answer(B, 'refused');
      await stage.lose(B);
      assert.deepEqual(stage.rows, [ALL[0], ALL[2]], `kill ${time}: no time has passed`);
      stage.answer(B, 'ok');
      await stage.clock.advance(9000);
      assert.deepEqual(stage.rows, ALL);
    }
  });

  it('is followed up at once also when idle connections are closed before their time', async () => {
    await running();
    for (let time = 1; time <= 3; time += 1) {
      await stage.lose(B);
      await stage.clock.advance(4000);
    }
    stage.answer(B, 'refused');
    await stage.lose(B);
    assert.deepEqual(stage.rows, [ALL[0], ALL[2]], 'no time has passed');
  });

  it('again and again has it probed ever less often, and no less than ever', async () => {
    await running();
    const before = probesOf(B);
    for (let count = 0; count < 100; count += 1) {
      await stage.lose(B);
      await stage.clock.advance(100);
    }
    const probes = probesOf(B) - before;
    assert.ok(probes >= 2 && probes <= 8, `${probes} probes in ten seconds`);
    await stage.clock.advance(10_000);
    const steady = probesOf(B);
    await stage.lose(B);
    assert.equal(probesOf(B), steady + 1, 'one that was kept for long is missed at once');
  });

  it('by silence is evidence of it, and the next probe is the second opinion', async () => {
    await running();
    await stage.clock.advance(1);
    stage.answer(B, 'silent');
    await stage.lose(B, 'silent');
    assert.deepEqual(stage.rows, [ALL[0], ALL[2]]);
  });
});

describe('how servers are asked', () => {
  it('is over the kept connection while they are well, with a fresh one now and then', async () => {
    await running([A], { handshakeIntervalMs: 30_000 });
    stage.prober.probes.length = 0;
    await stage.clock.advance(60_000);
    const fresh = stage.prober.probes.filter((probe) => probe.includes('fresh')).length;
    assert.equal(stage.prober.probes.length, 12);
    assert.equal(fresh, 2);
  });

  it('is over a fresh one while they do not answer, and in a hurry only while they are up', async () => {
    await running([A, B]);
    stage.answer(A, 'slow');
    stage.prober.probes.length = 0;
    await stage.clock.advance(10_200);
    assert.deepEqual(
      stage.prober.probes
        .filter((probe) => probe.startsWith(A.text))
        .map((probe) => probe.slice(A.text.length)),
      [' hedged', ' fresh hedged', ' fresh'],
    );
  });

  it('stops when the verdict is in', async () => {
    await running();
    stage.answer(A, ['slow', 'slow', 'hang']);
    await stage.clock.advance(5000);
    assert.deepEqual(stage.rows, ['10.103.97.200=0', ...ALL.slice(1)]);
    assert.equal(stage.prober.inFlight.size, 0);
  });

  it('is apart: no two servers in step after the first time', async () => {
    let turn = 0;
    const random = (): number => [0.1, 0.9, 0.4][turn++ % 3] ?? 0;
    stage = new Stage([A, B, C], {}, new FakeKernel(), random);
    await stage.begin();
    const times: number[] = [];
    for (let ms = 0; ms < 5000; ms += 50) {
      const before = stage.prober.probes.length;
      await stage.clock.advance(50);
      if (stage.prober.probes.length > before) times.push(ms);
    }
    assert.ok(new Set(times).size >= 5, times.join());
  });
});

describe('connections of clients', () => {
  it('end when the row of their server goes: at once if it is dead, after the drain if it is sick', async () => {
    await running();
    stage.connections.to(A, 2);
    stage.connections.to(B, 3);
    stage.answer(A, 'status');
    stage.answer(B, 'silent');
    await stage.clock.advance(6000);
    assert.deepEqual(stage.rows, ['10.103.97.200=0', '10.103.97.202=1']);
    assert.deepEqual(ended(), ['3 connections to 10.103.97.201 ended']);
    await stage.clock.advance(30_000);
    assert.deepEqual(ended().slice(1), ['2 connections to 10.103.97.200 ended']);
  });

  it('are not looked for where the kernel counts none: a killed server has none left', async () => {
    await running();
    stage.connections.finding = new Promise(() => undefined);
    stage.answer(B, 'refused');
    await stage.clock.advance(5200);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.202=1']);
    assert.deepEqual(ended(), []);
  });

  it('are left alone when another program took the row, which comes back', async () => {
    await running();
    stage.connections.to(A, 1);
    stage.kernel.services.get(VIRTUAL_SERVER.text)?.rows.delete(A.text);
    await stage.clock.advance(5000);
    assert.deepEqual(stage.rows, ALL);
    assert.deepEqual(ended(), []);
  });

  it('end also when another program was quicker to remove the row of a dead server', async () => {
    await running();
    stage.connections.to(B, 1);
    stage.answer(B, 'silent');
    stage.kernel.meddle = () => {
      const rows = stage.kernel.services.get(VIRTUAL_SERVER.text)?.rows;
      // Drained before, and about to go.
      if (rows?.get(B.text)?.weight === 0) rows.delete(B.text);
    };
    await stage.clock.advance(6000);
    assert.deepEqual(ended(), ['1 connections to 10.103.97.201 ended']);
  });

  for (const step of ['find', 'end'] as const)
    it(`that cannot be ended are reported, and the row goes all the same: ${step}`, async () => {
      await running();
      stage.connections.to(B, 1);
      stage.connections.refusals[step] = new Error('this kernel cannot');
      stage.answer(B, 'silent');
      await stage.clock.advance(6000);
      assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.202=1']);
      assert.deepEqual(ended(), ['connections to 10.103.97.201 left: this kernel cannot']);
    });

  it('that are found late keep the row for a second only, with weight 0, and end then', async () => {
    await running();
    stage.connections.to(A, 2);
    let found = (): void => undefined;
    stage.connections.finding = new Promise((resolve) => (found = resolve));
    stage.answer(A, 'status');
    await stage.clock.advance(5200 + 30_000 + 999);
    assert.deepEqual(stage.rows, ['10.103.97.200=0', ...ALL.slice(1)]);
    await stage.clock.advance(1);
    assert.deepEqual(stage.rows, ALL.slice(1));
    assert.deepEqual(ended(), []);
    found();
    await stage.clock.advance(0);
    assert.deepEqual(ended(), ['2 connections to 10.103.97.200 ended']);
  });

  it('that take time to end keep no pass waiting, and the end of all only for a second', async () => {
    await running();
    stage.connections.to(A, 2);
    stage.connections.ending = new Promise(() => undefined);
    stage.answer(A, 'status');
    await stage.clock.advance(5200 + 30_000);
    assert.deepEqual(stage.rows, ALL.slice(1));
    stage.answer(C, 'refused');
    await stage.clock.advance(5200);
    assert.deepEqual(stage.rows, ['10.103.97.201=1']);
    const stopping = stage.stop();
    await stage.clock.advance(1000);
    await stopping;
  });

  function ended(): string[] {
    return stage.observer.lines.filter((line) => line.includes('connections to'));
  }
});

describe('many servers', () => {
  const many = Array.from({ length: 40 }, (_, index) => endpoint('ipv4', `10.0.0.${index + 1}`, 6443));

  it('are probed for the first time a few at a time, and those that hang delay no other for long', async () => {
    stage = new Stage(many);
    for (const server of many) stage.answer(server, 'hang');
    await stage.begin();
    await stage.clock.advance(150);
    assert.equal(stage.prober.inFlight.size, 16);
    await stage.clock.advance(1000);
    assert.equal(stage.prober.inFlight.size, 32);
    await stage.clock.advance(1000);
    assert.equal(stage.prober.inFlight.size, 40);
  });

  it('that answer follow each other at once', async () => {
    stage = new Stage(many);
    await stage.begin();
    await stage.clock.advance(150);
    assert.equal(stage.rows.length, 40);
  });
});

describe('silence', () => {
  it('of one server has the others asked at once, and it removed as soon as one of them answers', async () => {
    await running();
    const before = [probesOf(A), probesOf(C)];
    await stage.clock.advance(1);
    stage.answer(B, 'silent');
    await stage.lose(B, 'silent');
    assert.deepEqual(
      [probesOf(A), probesOf(C)],
      before.map((count) => count + 1),
    );
    assert.deepEqual(stage.rows, [ALL[0], ALL[2]]);
  });

  it('of one server is believed when it was asked after another one answered, and not before', async () => {
    await running([A, B], { fall: 1 });
    stage.kernel.services.get(VIRTUAL_SERVER.text)?.rows.set(B.text, rowOf(B, 1, 2));
    await stage.clock.advance(1);
    stage.answer(A, 'hang');
    stage.answer(B, 'hang');
    await stage.lose(B, 'silent');
    const drained = [ALL[0], '10.103.97.201=0'];
    assert.deepEqual(stage.rows, drained, 'nobody has been heard yet');
    await stage.prober.release(A, 'ok');
    assert.ok(stage.prober.inFlight.has(B.text), 'it is asked at once');
    assert.deepEqual(stage.rows, drained, 'one lost connection is no reason to reset others');
    await stage.clock.advance(1000);
    await stage.prober.release(B, 'silent');
    assert.deepEqual(stage.rows, ALL.slice(0, 1));
  });

  it('of one server that was asked before proves nothing: the network may have been out', async () => {
    await running([A, B], { fall: 1 });
    stage.kernel.services.get(VIRTUAL_SERVER.text)?.rows.set(B.text, rowOf(B, 1, 2));
    await stage.clock.advance(1);
    stage.answer(A, 'hang');
    stage.answer(B, 'hang');
    await stage.lose(B, 'silent');
    // Nobody is heard so soon, and it is asked all the same.
    await stage.clock.advance(500);
    await stage.prober.release(A, 'ok');
    await stage.clock.advance(400);
    stage.answer(B, 'ok');
    const asked = probesOf(B);
    await stage.prober.release(B, 'silent');
    assert.equal(probesOf(B), asked + 1, 'it is asked again at once');
    await stage.clock.advance(500);
    assert.deepEqual(stage.rows, ALL.slice(0, 2), 'it was, and nothing was torn down');
    const deletions = stage.observer.passes.flatMap(({ results }) =>
      results.filter(({ action }) => action.kind === 'remove-destination'),
    );
    assert.deepEqual(deletions, []);
  });

  it('that begins late, after another server answered, needs no further question', async () => {
    await running();
    stage.kernel.services.get(VIRTUAL_SERVER.text)?.rows.set(B.text, rowOf(B, 1, 2));
    const others = probesOf(A) + probesOf(C);
    stage.answer(B, ['late', 'silent', 'silent']);
    const asked = probesOf(B);
    // Short of the others' own time.
    await stage.clock.advance(4999);
    assert.equal(probesOf(B) + probesOf(A) + probesOf(C) - asked - others, 0);
    await stage.clock.advance(1);
    assert.deepEqual(stage.rows, [ALL[0], ALL[2]]);
    assert.equal(probesOf(B), asked + 1);
  });

  it('that begins late proves nothing when the others do not answer soon, and that delays no other', async () => {
    await running([A, B], { fall: 1 });
    stage.kernel.services.get(VIRTUAL_SERVER.text)?.rows.set(B.text, rowOf(B, 1, 2));
    stage.answer(A, 'hang');
    stage.answer(B, ['late', 'silent']);
    await stage.lose(B);
    assert.ok(stage.prober.inFlight.has(A.text), 'it is asked');
    assert.deepEqual(stage.rows, ALL.slice(0, 2));
    await stage.clock.advance(100);
    assert.deepEqual(stage.rows, [ALL[0], '10.103.97.201=0']);
    stage.answer(B, 'ok');
    await stage.prober.release(A, 'ok');
    assert.deepEqual(stage.observer.lines.slice(-1), ['10.103.97.201 up to dead']);
  });

  it('that begins late has one other asked, once, and not everybody in turn', async () => {
    await running();
    const before = [A, B, C].map(probesOf);
    for (const server of [A, B, C]) stage.answer(server, ['late', 'ok']);
    await stage.lose(B);
    await stage.clock.advance(300);
    const probes = [A, B, C].map((server, index) => probesOf(server) - (before[index] ?? 0));
    assert.equal(probes[1], 1);
    assert.deepEqual(probes.toSorted(), [0, 1, 1]);
  });

  it('of all servers tears nothing down, and neither does the return of the first', async () => {
    stage = new Stage();
    await stage.start();
    const kernel = stage.kernel.services.get(VIRTUAL_SERVER.text);
    for (const server of [A, B, C]) kernel?.rows.set(server.text, rowOf(server, 1, 4));
    const deleted = (): string[] =>
      stage.observer.passes.flatMap(({ results }) =>
        results.flatMap(({ action }) =>
          action.kind === 'remove-destination' ? [action.server.address] : [],
        ),
      );
    for (const server of [A, B, C]) stage.answer(server, 'silent');
    await stage.clock.advance(1);
    for (const server of [A, B, C]) {
      await stage.lose(server, 'silent');
      await stage.clock.advance(40);
    }
    await stage.clock.advance(60_000);
    assert.deepEqual(stage.rows, ALL);
    assert.equal(stage.observer.failOpen, true);
    const before = probesOf(B);
    for (const server of [A, B, C]) stage.answer(server, 'ok');
    await stage.clock.advance(5400);
    assert.deepEqual(stage.rows, ALL);
    assert.deepEqual(deleted(), []);
    assert.ok(probesOf(B) > before);
    assert.equal(stage.observer.failOpen, false);
  });

  it('of all but one ends in their removal when that one still answers', async () => {
    await running();
    for (const server of [A, B]) stage.answer(server, 'silent');
    for (const server of [A, B]) await stage.lose(server, 'silent');
    await stage.clock.advance(6000);
    assert.deepEqual(stage.rows, ALL.slice(2));
  });

  it('that goes on while the network is fine does not have the server asked more often', async () => {
    await running();
    stage.answer(B, 'silent');
    await stage.clock.advance(10_000);
    const before = probesOf(B);
    await stage.clock.advance(60_000);
    assert.equal(probesOf(B) - before, 12);
  });
});

describe('a server that refuses while it still has connections', () => {
  it('is drained, and removed with its last connection', async () => {
    await running();
    const rows = stage.kernel.services.get(VIRTUAL_SERVER.text)?.rows;
    rows?.set(B.text, rowOf(B, 1, 3));
    stage.answer(B, 'refused');
    await stage.lose(B);
    assert.deepEqual(stage.rows, [ALL[0], '10.103.97.201=0', ALL[2]]);
    await stage.clock.advance(1000);
    assert.equal(stage.rows.length, 3);
    rows?.set(B.text, rowOf(B, 0, 0));
    await stage.clock.advance(250);
    assert.deepEqual(stage.rows, [ALL[0], ALL[2]]);
  });
});

describe('a server that flaps', () => {
  it('is held out longer each time, and that is said', async () => {
    await running([A, B], { intervalMs: 1000, fastIntervalMs: 100 });
    for (let count = 0; count < 4; count += 1) {
      stage.answer(B, 'refused');
      await stage.lose(B);
      assert.deepEqual(stage.rows, ALL.slice(0, 1));
      stage.answer(B, 'ok');
      await stage.clock.advance(12_000);
      assert.deepEqual(stage.rows, ALL.slice(0, 2), 'and it is back in the end');
      // Its next fall comes too soon after its return, whenever that was within these seconds.
      stage.answer(B, 'refused');
      await stage.lose(B);
      stage.answer(B, 'ok');
      await stage.clock.advance(3000 + 2 ** count * 1000);
    }
    const held = stage.observer.lines.filter((line) => line.includes('held'));
    assert.ok(held.length >= 4, held.join('\n'));
    assert.match(held[0] ?? '', /^10\.103\.97\.201 held for 1000 ms after 1$/);
    assert.match(held[1] ?? '', /^10\.103\.97\.201 held for 2000 ms after 2$/);
  });
});

describe('a restart', () => {
  it('changes nothing until something is known', async () => {
    const kernel = new FakeKernel();
    const rows = new Map([rowOf(A, 1), rowOf(B, 0)].map((row) => [row.server.text, row]));
    kernel.services.set(VIRTUAL_SERVER.text, { settings: serviceSettings('rr'), rows });
    stage = new Stage([A, B, C], {}, kernel);
    for (const server of [A, B, C]) stage.answer(server, 'hang');
    await stage.start();
    await stage.clock.advance(20_000);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=0']);
    assert.deepEqual(
      stage.observer.passes.flatMap((pass) => pass.results),
      [],
    );
  });

  it('leaves the table as it was when the program is stopped', async () => {
    await running();
    await stage.stop();
    assert.deepEqual(stage.rows, ALL);
    await stage.start();
    assert.deepEqual(stage.rows, ALL);
    assert.deepEqual(stage.observer.passes.slice(-1)[0]?.results, []);
  });

  it('drains what is no longer configured, and removes it once it is idle', async () => {
    const kernel = new FakeKernel();
    const rows = new Map([rowOf(A, 1, 9), rowOf(C, 1, 3)].map((row) => [row.server.text, row]));
    kernel.services.set(VIRTUAL_SERVER.text, { settings: serviceSettings('rr'), rows });
    await running([A, B], {}, kernel);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=1', '10.103.97.202=0']);
    await stage.clock.advance(20_000);
    assert.equal(stage.rows.length, 3);
    kernel.services.get(VIRTUAL_SERVER.text)?.rows.set(C.text, rowOf(C, 0));
    await stage.clock.advance(5000);
    assert.deepEqual(stage.rows, ['10.103.97.200=1', '10.103.97.201=1']);
  });
});

describe('drift', () => {
  it('is repaired within one interval: rows and the virtual server', async () => {
    await running();
    stage.kernel.services.get(VIRTUAL_SERVER.text)?.rows.delete(A.text);
    await stage.clock.advance(5000);
    assert.deepEqual(stage.rows, ALL);
    assert.equal(stage.observer.passes.findLast((pass) => pass.results.length > 0)?.drift, true);
    stage.kernel.services.delete(VIRTUAL_SERVER.text);
    await stage.clock.advance(5000);
    assert.deepEqual(stage.rows, ALL);
  });

  it('of the virtual server itself is repaired within half a second, whenever it happens, with its rows', async () => {
    await running(undefined, { intervalMs: 600_000 });
    for (let time = 1; time <= 20; time += 1) {
      await stage.clock.advance(37 * time);
      if (time % 2 === 0) stage.kernel.services.delete(VIRTUAL_SERVER.text);
      else
        (stage.kernel.services.get(VIRTUAL_SERVER.text) ?? assert.fail()).settings = serviceSettings('wlc');
      const { reads } = stage.kernel;
      await stage.clock.advance(500);
      assert.deepEqual(stage.rows, ALL);
      assert.deepEqual(stage.kernel.services.get(VIRTUAL_SERVER.text)?.settings, serviceSettings('rr'));
      assert.equal(stage.kernel.reads, reads + 1);
      const { causes, drift } = stage.observer.passes.at(-1) ?? assert.fail();
      assert.deepEqual([causes, drift], [['drift'], true]);
    }
  });

  it('of the virtual server itself is looked for without reading its rows', async () => {
    await running(undefined, { intervalMs: 600_000 });
    const { reads, checks } = stage.kernel;
    await stage.clock.advance(60_000);
    assert.deepEqual([stage.kernel.reads - reads, stage.kernel.checks - checks], [0, 150]);
  });

  it('of the virtual server itself is repaired within half a second, too, while a resource hangs', async () => {
    await running();
    let goOn = (): void => undefined;
    stage.untold.hanging = new Promise((resolve) => (goOn = resolve));
    await stage.clock.advance(5000);
    stage.kernel.services.delete(VIRTUAL_SERVER.text);
    await stage.clock.advance(500);
    assert.deepEqual(stage.rows, ALL);
    goOn();
  });

  it('that cannot be looked for is no drift, and is not looked for again before a pass went well', async () => {
    await running(undefined, { intervalMs: 10_000 });
    const [passes, lines] = [stage.observer.passes.length, stage.observer.lines.length];
    stage.kernel.broken = new Error('no IPVS');
    const { checks } = stage.kernel;
    await stage.clock.advance(4000);
    assert.equal(stage.observer.passes.length, passes);
    await stage.clock.advance(60_000);
    assert.equal(stage.kernel.checks, checks + 1);
    assert.ok(stage.observer.lines.length - lines <= 12, stage.observer.lines.join('\n'));
    stage.kernel.broken = null;
    stage.kernel.services.delete(VIRTUAL_SERVER.text);
    await stage.clock.advance(11_000);
    assert.deepEqual(stage.rows, ALL);
    assert.ok(stage.kernel.checks > checks + 1);
  });

  it('is reported when the virtual server is deleted a third time, and until that is long ago', async () => {
    await running();
    const seen: boolean[] = [];
    for (let time = 0; time < 4; time += 1) {
      stage.kernel.services.delete(VIRTUAL_SERVER.text);
      await stage.clock.advance(5000);
      seen.push(stage.observer.deletedRepeatedly);
    }
    assert.deepEqual(seen, [false, false, true, true]);
    await stage.clock.advance(600_000);
    assert.equal(stage.observer.deletedRepeatedly, false);
  });

  it('is looked for at once when the kernel reports a change, and at most every 50 ms', async () => {
    await running();
    await stage.clock.advance(1000);
    const before = stage.kernel.reads;
    stage.resource.drift = 'the route is gone';
    await stage.notify();
    assert.equal(stage.resource.drift, null);
    assert.equal(stage.kernel.reads, before + 1);
    for (let count = 0; count < 20; count += 1) await stage.notify();
    assert.equal(stage.kernel.reads, before + 1);
    await stage.clock.advance(50);
    assert.equal(stage.kernel.reads, before + 2);
  });

  it('that a notification reported is repaired also when the table could not be read at that time', async () => {
    await running();
    await stage.clock.advance(1000);
    stage.kernel.broken = new Error('EBUSY');
    stage.resource.drift = 'the route is gone';
    await stage.notify();
    await stage.clock.advance(60);
    stage.kernel.broken = null;
    // The next pass is for a verdict, and checks no host resource that is not due.
    stage.answer(B, 'refused');
    await stage.lose(B, 'refused');
    await stage.clock.advance(100);
    assert.equal(stage.resource.drift, null);
  });

  it('is still found by the timer when there are no notifications', async () => {
    stage = new Stage();
    stage.deafness = new Error('no buffer space');
    await stage.start();
    assert.ok(stage.observer.lines.includes('notifications lost: no buffer space'));
    stage.resource.drift = 'the route is gone';
    await stage.clock.advance(5000);
    assert.equal(stage.resource.drift, null);
  });
});

describe('a kernel that refuses', () => {
  it('is asked again, less and less often but at least once in an interval, until it works', async () => {
    stage = new Stage();
    stage.kernel.broken = new Error('no IPVS');
    await stage.start();
    await stage.clock.advance(20_000);
    const waits = stage.observer.lines
      .filter((line) => line.startsWith('unreadable'))
      .map((line) => line.split(' ').at(-1));
    assert.deepEqual(
      waits
        .slice(0, 8)
        .map(Number)
        .sort((a, b) => a - b)
        .slice(-3),
      [5000, 5000, 5000],
    );
    stage.kernel.broken = null;
    await stage.clock.advance(5000);
    assert.deepEqual(stage.rows, ALL);
  });

  it('or a host resource that cannot be repaired, does not keep the table from being kept', async () => {
    stage = new Stage();
    stage.resource.refusal = new Error('read-only');
    await stage.start();
    assert.deepEqual(stage.rows, ALL);
    stage.answer(A, 'refused');
    await stage.clock.advance(5200);
    assert.deepEqual(stage.rows, ALL.slice(1));
    stage.resource.refusal = null;
    await stage.clock.advance(5000);
    assert.equal(stage.resource.drift, null);
  });

  it('is asked again as soon as usual, however long a host resource cannot be repaired', async () => {
    stage = new Stage();
    stage.resource.refusal = new Error('read-only');
    await stage.start();
    await stage.clock.advance(30_000);
    stage.kernel.broken = new Error('no IPVS');
    await stage.clock.advance(6000);
    const unreadable = stage.observer.lines.filter((line) => line.startsWith('unreadable'));
    assert.equal(unreadable[0]?.split(' ').at(-1), '250');
  });

  it('nor does one that hangs; it is waited for, and looked at again when that is due', async () => {
    await running();
    let goOn = (): void => undefined;
    stage.resource.hanging = new Promise((resolve) => (goOn = resolve));
    await stage.clock.advance(5000);
    stage.answer(A, 'refused');
    await stage.lose(A);
    assert.deepEqual(stage.rows, ALL.slice(1), 'a verdict does not wait for it');
    const { checks } = stage.resource;
    stage.answer(A, 'ok');
    await stage.clock.advance(20_000);
    assert.deepEqual(stage.rows, ALL);
    assert.equal(stage.resource.checks, checks, 'one look at a time');
    stage.resource.hanging = null;
    stage.resource.drift = 'changed';
    goOn();
    await stage.clock.advance(5000);
    assert.equal(stage.resource.drift, null);
  });

  it('that a notification is about is at first created in its turn: with the route, clients need what is made before it', async () => {
    let goOn = (): void => undefined;
    stage = new Stage();
    stage.untold.hanging = new Promise((resolve) => (goOn = resolve));
    await stage.start();
    await stage.notify();
    await stage.clock.advance(1000);
    assert.equal(stage.resource.mends, 0);
    goOn();
    await stage.clock.advance(0);
    assert.deepEqual([stage.untold.mends, stage.resource.mends], [1, 1]);
  });

  for (const since of ['since the last interval', 'in this pass']) {
    it(`nor does one that hangs ${since} delay the check of what a notification is about`, async () => {
      await running();
      let goOn = (): void => undefined;
      stage.untold.hanging = new Promise((resolve) => (goOn = resolve));
      if (since !== 'in this pass') await stage.clock.advance(5000);
      const { checks } = stage.untold;
      for (let time = 0; time < 3; time += 1) {
        stage.resource.drift = 'the route is gone';
        await stage.notify();
        await stage.clock.advance(50);
        assert.equal(stage.resource.drift, null);
      }
      assert.equal(stage.untold.checks, checks);
      stage.untold.hanging = null;
      stage.untold.drift = 'changed';
      goOn();
      await stage.clock.advance(5000);
      assert.equal(stage.untold.drift, null);
    });
  }

  it('because another program acted at the same time, is read again at once', async () => {
    await running();
    const ours = stage.kernel.services.get(VIRTUAL_SERVER.text);
    ours?.rows.delete(A.text);
    stage.kernel.meddle = () => {
      stage.kernel.meddle = null;
      ours?.rows.set(A.text, rowOf(A, 7));
    };
    await stage.clock.advance(5000);
    assert.deepEqual(stage.rows, ALL);
  });

  it('time and again is not asked in a loop without a pause', async () => {
    await running();
    stage.kernel.meddle = () => stage.kernel.services.delete(VIRTUAL_SERVER.text);
    const before = stage.kernel.reads;
    await stage.clock.advance(60_000);
    const passes = stage.kernel.reads - before;
    assert.ok(passes <= 60, `${passes} passes in a minute`);
    stage.kernel.meddle = null;
    await stage.clock.advance(5000);
    assert.deepEqual(stage.rows, ALL);
  });
});

describe('a host resource', () => {
  it('is created when it was never as it must be since the start, and repaired when it was', async () => {
    await running();
    const said = (): readonly string[] => stage.observer.lines.filter((line) => line.startsWith('fake'));
    assert.deepEqual(said(), ['fake created: not there yet']);
    stage.resource.drift = 'gone';
    await stage.clock.advance(5500);
    assert.deepEqual(said(), ['fake created: not there yet', 'fake repaired: gone']);
  });

  it('that removes something is reported as a removal, also when it was well before', async () => {
    stage = new Stage();
    stage.resource.isRemoval = true;
    await stage.start();
    stage.resource.drift = 'there again';
    await stage.clock.advance(5500);
    assert.deepEqual(
      stage.observer.lines.filter((line) => line.startsWith('fake')),
      ['fake removed: not there yet', 'fake removed: there again'],
    );
  });

  it('is checked in each interval, however many changes the kernel reports meanwhile', async () => {
    await running();
    const { checks } = stage.untold;
    for (let time = 0; time < 1000; time += 1) {
      await stage.notify();
      await stage.clock.advance(25);
    }
    assert.equal(stage.untold.checks - checks, 5);
  });

  it('is none of the business of a verdict', async () => {
    await running();
    const { checks } = stage.resource;
    stage.answer(A, 'refused');
    await stage.lose(A);
    assert.deepEqual(stage.rows, ALL.slice(1));
    assert.equal(stage.resource.checks, checks);
    await stage.notify();
    await stage.clock.advance(50);
    assert.equal(stage.resource.checks, checks + 1);
  });
});

describe('IPv6', () => {
  it('is the same', async () => {
    const servers = ['fd00::1', 'fd00::2'].map((address) => endpoint('ipv6', address, 6443));
    await running(servers);
    assert.deepEqual(stage.rows, ['fd00::1=1', 'fd00::2=1']);
  });
});
