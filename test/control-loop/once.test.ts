import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dryLeftovers, dryTable, dryEmit, dryResource, dryWork } from '../../src/control-loop/dry-run.js';
import { ManualDrains } from '../../src/control-loop/manual-drains.js';
import { cleanUp, setUpOnce } from '../../src/control-loop/once.js';
import { serviceSettings } from '../../src/values/table.js';
import { FakeKernel, FakeLeftovers, FakeResource, rowOf } from './fake-kernel.js';
import { A, B, C, FakeObserver, POLICY, VIRTUAL_SERVER } from './stage.js';

function scene(): { kernel: FakeKernel; upkeep: FakeResource; parts: Parameters<typeof setUpOnce>[2] } {
  const kernel = new FakeKernel();
  const upkeep = new FakeResource();
  return {
    kernel,
    upkeep,
    parts: { table: kernel.table(VIRTUAL_SERVER), resources: [upkeep], emit: new FakeObserver().emit },
  };
}

describe('--run-once', () => {
  it('sets up everything with every server in rotation, and is idempotent', async () => {
    const { kernel, upkeep, parts } = scene();
    for (let time = 0; time < 2; time += 1) {
      assert.equal(await setUpOnce([A, B], POLICY, parts), true);
      assert.deepEqual(kernel.rows(VIRTUAL_SERVER), ['10.103.97.200=1', '10.103.97.201=1']);
    }
    assert.equal(upkeep.mends, 1);
  });

  it('removes rows that are not configured: nobody stays to end a drain', async () => {
    const { kernel, parts } = scene();
    kernel.services.set(VIRTUAL_SERVER.text, {
      settings: serviceSettings('rr'),
      rows: new Map([[C.text, rowOf(C, 1, 5)]]),
    });
    await setUpOnce([A], POLICY, parts);
    assert.deepEqual(kernel.rows(VIRTUAL_SERVER), ['10.103.97.200=1']);
  });

  it('gives a server that is drained by hand no new connections, unless all are', async () => {
    const { kernel, parts } = scene();
    const drained = (...servers: (typeof A)[]): ManualDrains =>
      new ManualDrains(new Map(servers.map(({ text }) => [text, 0])));
    await setUpOnce([A, B], POLICY, parts);
    await setUpOnce([A, B, C], POLICY, parts, drained(B, C));
    assert.deepEqual(kernel.rows(VIRTUAL_SERVER), ['10.103.97.200=1', '10.103.97.201=0']);
    await setUpOnce([A, B], POLICY, parts, drained(A, B));
    assert.deepEqual(kernel.rows(VIRTUAL_SERVER), ['10.103.97.200=1', '10.103.97.201=1']);
  });

  it('says so when something could not be done', async () => {
    const { upkeep, parts } = scene();
    upkeep.refusal = new Error('read-only');
    assert.equal(await setUpOnce([A], POLICY, parts), false);
  });

  it('fails when the table cannot be read', async () => {
    const { kernel, parts } = scene();
    kernel.broken = new Error('no IPVS');
    await assert.rejects(setUpOnce([A], POLICY, parts), { message: 'no IPVS' });
  });
});

const NOTHING = { taken: [], left: [], failures: [] };

describe('--clean', () => {
  it('takes everything away, last made first and leftovers last, and the second time nothing', async () => {
    const { kernel, upkeep, parts } = scene();
    const leftovers = new FakeLeftovers();
    await setUpOnce([A, B], POLICY, parts);
    leftovers.there = ['a chain', 'a set'];
    const works = [parts.table, upkeep];
    const taken = ['the fake', 'virtual server 10.103.97.2:6443', 'a chain', 'a set'];
    assert.deepEqual(await cleanUp(works, [leftovers]), { ...NOTHING, taken });
    assert.equal(kernel.services.size, 0);
    assert.deepEqual(await cleanUp(works, [leftovers]), NOTHING);
  });

  it('goes on where something cannot be taken away, and tells of it', async () => {
    const { kernel, upkeep, parts } = scene();
    const leftovers = new FakeLeftovers();
    await setUpOnce([A], POLICY, parts);
    upkeep.unremovable = new Error('busy');
    leftovers.there = ['a chain'];
    leftovers.left = ['a set: it is in use'];
    leftovers.failures = [new Error('no second chain')];
    assert.deepEqual(await cleanUp([parts.table, upkeep], [leftovers]), {
      taken: ['virtual server 10.103.97.2:6443', 'a chain'],
      left: leftovers.left,
      failures: [upkeep.unremovable, ...leftovers.failures],
    });
    assert.equal(kernel.services.size, 0);
  });
});

describe('--dry-run', () => {
  it('reads, and changes nothing', async () => {
    const { kernel, upkeep, parts } = scene();
    const observer = new FakeObserver();
    const removal = Object.assign(new FakeResource('leftover'), { isRemoval: true });
    const dry = {
      table: dryTable(parts.table),
      resources: [upkeep, removal].map(dryResource),
      emit: dryEmit(observer.emit),
    };
    assert.equal(await setUpOnce([A, B], POLICY, dry), true);
    assert.equal(kernel.services.size, 0);
    assert.equal(await dry.table.hasSettings(serviceSettings('rr')), true, 'it is said to have been made');
    assert.equal(kernel.checks, 0);
    assert.equal(upkeep.mends + removal.mends, 0);
    assert.equal(observer.lines.at(-1), 'leftover drifted: not there yet');
    assert.deepEqual(
      observer.passes[0]?.results.map(({ action }) => action.kind),
      ['create-service', 'add-destination', 'add-destination'],
    );
    const works = [dryWork(parts.table), dryWork(upkeep)];
    const leftovers = new FakeLeftovers();
    const theirs = [dryLeftovers(leftovers)];
    assert.deepEqual(await cleanUp(works, theirs), NOTHING);
    await setUpOnce([A, B], POLICY, parts);
    leftovers.there = ['a chain'];
    const { taken } = await cleanUp(works, theirs);
    assert.deepEqual(taken, ['the fake', 'virtual server 10.103.97.2:6443', 'a chain']);
    assert.deepEqual(leftovers.there, ['a chain']);
    assert.equal(kernel.services.size, 1);
  });
});
