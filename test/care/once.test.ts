import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dryLeftovers, dryTable, dryUpkeep } from '../../src/care/dry-run.js';
import { cleanUp, setUpOnce } from '../../src/care/once.js';
import { serviceSettings } from '../../src/core/table.js';
import { FakeKernel, FakeLeftovers, FakeUpkeep, rowOf } from './fake-kernel.js';
import { A, B, C, FakeReporter, POLICY, VIRTUAL_SERVER } from './stage.js';

interface Scene {
  readonly kernel: FakeKernel;
  readonly upkeep: FakeUpkeep;
  readonly leftovers: FakeLeftovers;
  readonly parts: Parameters<typeof setUpOnce>[2] & Parameters<typeof cleanUp>[1];
}

function scene(): Scene {
  const kernel = new FakeKernel();
  const upkeep = new FakeUpkeep();
  const leftovers = new FakeLeftovers();
  return {
    kernel,
    upkeep,
    leftovers,
    parts: {
      table: kernel.table(VIRTUAL_SERVER),
      upkeeps: [upkeep],
      leftovers: [leftovers],
      reporter: new FakeReporter(),
    },
  };
}

const NOTHING = { taken: [], left: [], failures: [] };

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

describe('--clean', () => {
  it('takes everything away, the way first and leftovers last, and the second time nothing', async () => {
    const { kernel, leftovers, parts } = scene();
    await setUpOnce([A, B], POLICY, parts);
    leftovers.there = ['a chain', 'a set'];
    assert.deepEqual(await cleanUp(VIRTUAL_SERVER, parts), {
      ...NOTHING,
      taken: ['the fake', 'virtual server 10.103.97.2:6443', 'a chain', 'a set'],
    });
    assert.equal(kernel.services.size, 0);
    assert.deepEqual(await cleanUp(VIRTUAL_SERVER, parts), NOTHING);
  });

  it('goes on after what fails, and tells of it', async () => {
    const { kernel, upkeep, leftovers, parts } = scene();
    await setUpOnce([A, B], POLICY, parts);
    leftovers.there = ['a chain'];
    leftovers.left = ['a set: it is in use'];
    leftovers.failures = [new Error('no second chain')];
    upkeep.refusal = new Error('no route');
    kernel.broken = new Error('no table');
    const { taken, left, failures } = await cleanUp(VIRTUAL_SERVER, parts);
    assert.deepEqual(taken, ['a chain']);
    assert.deepEqual(left, ['a set: it is in use']);
    assert.deepEqual(
      failures.map(({ message }) => message),
      ['no route', 'no table', 'no second chain'],
    );
  });
});

describe('--dry-run', () => {
  it('reads, and changes nothing', async () => {
    const { kernel, upkeep, leftovers, parts } = scene();
    const reporter = new FakeReporter();
    const dry = {
      table: dryTable(parts.table),
      upkeeps: [dryUpkeep(upkeep)],
      leftovers: [dryLeftovers(leftovers)],
      reporter,
    };
    assert.equal(await setUpOnce([A, B], POLICY, dry), true);
    assert.equal(kernel.services.size, 0);
    assert.equal(upkeep.mends, 0);
    assert.deepEqual(
      reporter.passes[0]?.results.map(({ action }) => action.kind),
      ['create-service', 'create-row', 'create-row'],
    );
    assert.deepEqual(await cleanUp(VIRTUAL_SERVER, dry), NOTHING);
    await setUpOnce([A, B], POLICY, parts);
    leftovers.there = ['a chain'];
    const { taken } = await cleanUp(VIRTUAL_SERVER, dry);
    assert.deepEqual(taken, ['virtual server 10.103.97.2:6443', 'a chain']);
    assert.equal(kernel.services.size, 1);
    assert.deepEqual(leftovers.there, ['a chain']);
  });
});
