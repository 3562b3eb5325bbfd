import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { CarePolicy } from '../../src/care/care.js';
import { endpoint, type Endpoint } from '../../src/core/endpoint.js';
import { serviceSettings } from '../../src/core/table.js';
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
    const { rows, upkeep } = await running();
    assert.deepEqual(rows, ALL);
    assert.equal(upkeep.mends, 1);
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
    assert.deepEqual(stage.reporter.lines.slice(-2), [
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

  it('does not let one slow server delay the others', async () => {
    stage = new Stage();
    stage.answer(A, 'hang');
    await stage.start();
    assert.deepEqual(stage.rows, ALL.slice(1));
    stage.answer(B, 'refused');
    await stage.clock.advance(5200);
    assert.deepEqual(stage.rows, ALL.slice(2));
    assert.equal(stage.prober.probes.filter((server) => server === A.text).length, 1);
  });

  it('keeps all that may answer when no server is up, and nothing when all refuse', async () => {
    await running();
    for (const server of [A, B, C]) stage.answer(server, 'status');
    await stage.clock.advance(5200);
    assert.deepEqual(stage.rows, ALL);
    assert.equal(stage.reporter.passes.at(-1)?.lastResort, true);
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
    stage.answer(A, 'void');
    await stage.clock.advance(60_000);
    assert.deepEqual(stage.rows, ALL);
  });

  it('outlives a fault of the prober, and says so', async () => {
    await running();
    stage.answer(A, 'throw');
    await stage.clock.advance(5000);
    assert.ok(stage.reporter.lines.includes(`fault: probe of ${A.text}: a fault of the prober`));
    stage.answer(A, 'refused');
    await stage.clock.advance(10_000);
    assert.deepEqual(stage.rows, ALL.slice(1));
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
      stage.reporter.passes.flatMap((pass) => pass.results),
      [],
    );
  });

  it('leaves the table as it was when the program is stopped', async () => {
    await running();
    await stage.stop();
    assert.deepEqual(stage.rows, ALL);
    await stage.start();
    assert.deepEqual(stage.rows, ALL);
    assert.deepEqual(stage.reporter.passes.slice(-1)[0]?.results, []);
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
    assert.equal(stage.reporter.passes.findLast((pass) => pass.results.length > 0)?.drift, true);
    stage.kernel.services.delete(VIRTUAL_SERVER.text);
    await stage.clock.advance(5000);
    assert.deepEqual(stage.rows, ALL);
  });

  it('is looked for at once when the kernel tells of a change, and at most every 50 ms', async () => {
    await running();
    await stage.clock.advance(1000);
    const before = stage.kernel.reads;
    stage.upkeep.amiss = 'the route is gone';
    await stage.notify();
    assert.equal(stage.upkeep.amiss, null);
    assert.equal(stage.kernel.reads, before + 1);
    for (let count = 0; count < 20; count += 1) await stage.notify();
    assert.equal(stage.kernel.reads, before + 1);
    await stage.clock.advance(50);
    assert.equal(stage.kernel.reads, before + 2);
  });

  it('is still found by the timer when there are no notifications', async () => {
    stage = new Stage();
    stage.deafness = new Error('no buffer space');
    await stage.start();
    assert.ok(stage.reporter.lines.includes('deaf: no buffer space'));
    stage.upkeep.amiss = 'the route is gone';
    await stage.clock.advance(5000);
    assert.equal(stage.upkeep.amiss, null);
  });
});

describe('a kernel that refuses', () => {
  it('is asked again, less and less often but at least once in an interval, until it works', async () => {
    stage = new Stage();
    stage.kernel.broken = new Error('no IPVS');
    await stage.start();
    await stage.clock.advance(20_000);
    const waits = stage.reporter.lines
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

  it('or an upkeep that cannot be mended, does not keep the table from being kept', async () => {
    stage = new Stage();
    stage.upkeep.refusal = new Error('read-only');
    await stage.start();
    assert.deepEqual(stage.rows, ALL);
    stage.answer(A, 'refused');
    await stage.clock.advance(5200);
    assert.deepEqual(stage.rows, ALL.slice(1));
    stage.upkeep.refusal = null;
    await stage.clock.advance(5000);
    assert.equal(stage.upkeep.amiss, null);
  });

  it('because somebody acted at the same time, is read again at once', async () => {
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

describe('IPv6', () => {
  it('is the same', async () => {
    const servers = ['fd00::1', 'fd00::2'].map((address) => endpoint('ipv6', address, 6443));
    await running(servers);
    assert.deepEqual(stage.rows, ['fd00::1=1', 'fd00::2=1']);
  });
});
