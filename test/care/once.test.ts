import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dryTable, dryUpkeep, dryWork } from '../../src/care/dry-run.js';
import { cleanUp, setUpOnce } from '../../src/care/once.js';
import { serviceSettings } from '../../src/core/table.js';
import { FakeKernel, FakeUpkeep, rowOf } from './fake-kernel.js';
import { A, B, C, FakeReporter, POLICY, VIRTUAL_SERVER } from './stage.js';

function scene(): { kernel: FakeKernel; upkeep: FakeUpkeep; parts: Parameters<typeof setUpOnce>[2] } {
  const kernel = new FakeKernel();
  const upkeep = new FakeUpkeep();
  return {
    kernel,
    upkeep,
    parts: { table: kernel.table(VIRTUAL_SERVER), upkeeps: [upkeep], reporter: new FakeReporter() },
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
  it('takes everything away, last made first, and the second time nothing', async () => {
    const { kernel, upkeep, parts } = scene();
    await setUpOnce([A, B], POLICY, parts);
    const works = [parts.table, upkeep];
    const taken = ['the fake', 'virtual server 10.103.97.2:6443'];
    assert.deepEqual(await cleanUp(works), { taken, failures: [] });
    assert.equal(kernel.services.size, 0);
    assert.deepEqual(await cleanUp(works), { taken: [], failures: [] });
  });

  it('goes on where something cannot be taken away, and says what', async () => {
    const { kernel, upkeep, parts } = scene();
    await setUpOnce([A], POLICY, parts);
    upkeep.unremovable = new Error('busy');
    const { taken, failures } = await cleanUp([parts.table, upkeep]);
    assert.deepEqual(taken, ['virtual server 10.103.97.2:6443']);
    assert.deepEqual(failures, [upkeep.unremovable]);
    assert.equal(kernel.services.size, 0);
  });
});

describe('--dry-run', () => {
  it('reads, and changes nothing', async () => {
    const { kernel, upkeep, parts } = scene();
    const reporter = new FakeReporter();
    const dry = { table: dryTable(parts.table), upkeeps: [dryUpkeep(upkeep)], reporter };
    assert.equal(await setUpOnce([A, B], POLICY, dry), true);
    assert.equal(kernel.services.size, 0);
    assert.equal(upkeep.mends, 0);
    assert.deepEqual(
      reporter.passes[0]?.results.map(({ action }) => action.kind),
      ['create-service', 'create-row', 'create-row'],
    );
    const works = [dryWork(parts.table), dryWork(upkeep)];
    assert.deepEqual((await cleanUp(works)).taken, []);
    await setUpOnce([A, B], POLICY, parts);
    assert.deepEqual((await cleanUp(works)).taken, ['the fake', 'virtual server 10.103.97.2:6443']);
    assert.equal(kernel.services.size, 1);
  });
});
