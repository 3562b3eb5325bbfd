import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dryLeftovers, dryTable, dryEmit, dryResource, dryWork } from '../../src/control-loop/dry-run.js';
import { ManualDrains } from '../../src/control-loop/manual-drains.js';
import { cleanUp, probeOnce, setUpOnce } from '../../src/control-loop/once.js';
import { serviceSettings } from '../../src/values/table.js';
import { FakeKernel, FakeLeftovers, FakeResource, rowOf } from './fake-kernel.js';
import { FakeClock, settle } from './fake-clock.js';
import { A, B, C, FakeObserver, FakeProber, POLICY, VIRTUAL_SERVER } from './stage.js';

function scene(): { kernel: FakeKernel; resource: FakeResource; parts: Parameters<typeof setUpOnce>[2] } {
  const kernel = new FakeKernel();
  const resource = new FakeResource();
  return {
    kernel,
    resource,
    parts: { table: kernel.table(VIRTUAL_SERVER), resources: [resource], emit: new FakeObserver().emit },
  };
}

describe('--run-once', () => {
  it('sets up everything with every server in rotation, and is idempotent', async () => {
    const { kernel, resource, parts } = scene();
    for (let time = 0; time < 2; time += 1) {
      assert.equal(await setUpOnce([A, B], POLICY, parts), true);
      assert.deepEqual(kernel.rows(VIRTUAL_SERVER), ['10.103.97.200=1', '10.103.97.201=1']);
    }
    assert.equal(resource.mends, 1);
  });

  it('removes rows that are not configured: no lvscare stays to end a drain', async () => {
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

  it('prefers no server of this node: no lvscare stays to give the others their weight', async () => {
    const { kernel, parts } = scene();
    await setUpOnce([A, B], { ...POLICY, preferLocal: true }, parts);
    assert.deepEqual(kernel.rows(VIRTUAL_SERVER), ['10.103.97.200=1', '10.103.97.201=1']);
  });

  it('takes only healthy servers, keeps the connections of the others, and takes all if none is healthy', async () => {
    const { kernel, parts } = scene();
    await setUpOnce([A, B], POLICY, parts);
    await setUpOnce([A, B, C], POLICY, parts, undefined, [A]);
    assert.deepEqual(kernel.rows(VIRTUAL_SERVER), ['10.103.97.200=1', '10.103.97.201=0']);
    await setUpOnce([A, B, C], POLICY, parts, undefined, []);
    assert.deepEqual(kernel.rows(VIRTUAL_SERVER), ['10.103.97.200=1', '10.103.97.201=1', '10.103.97.202=1']);
  });

  it('with only a drained server healthy, that one serves', async () => {
    const { kernel, parts } = scene();
    await setUpOnce([A, B], POLICY, parts, new ManualDrains(new Map([[A.text, 0]])), [A]);
    assert.deepEqual(kernel.rows(VIRTUAL_SERVER), ['10.103.97.200=1']);
  });

  it('says so when something could not be done', async () => {
    const { resource, parts } = scene();
    resource.refusal = new Error('read-only');
    assert.equal(await setUpOnce([A], POLICY, parts), false);
  });

  it('fails when the table cannot be read', async () => {
    const { kernel, parts } = scene();
    kernel.broken = new Error('no IPVS');
    await assert.rejects(setUpOnce([A], POLICY, parts), { message: 'no IPVS' });
  });
});

describe('the probes of --run-once', () => {
  function probing(answers: Readonly<Record<string, 'ok' | 'refused' | 'status' | 'silent' | 'hang'>>): {
    readonly prober: FakeProber;
    readonly clock: FakeClock;
    readonly observer: FakeObserver;
    readonly stopping: AbortController;
    readonly healthy: Promise<string[]>;
  } {
    const [prober, clock, observer, stopping] = [
      new FakeProber(),
      new FakeClock(),
      new FakeObserver(),
      new AbortController(),
    ];
    for (const [server, answer] of Object.entries(answers)) prober.answers.set(server, answer);
    const healthy = probeOnce([A, B, C], { prober, clock, emit: observer.emit }, stopping.signal).then(
      (servers) => servers.map(({ text }) => text),
    );
    return { prober, clock, observer, stopping, healthy };
  }

  it('are one for each server over a fresh connection, and only ok counts', async () => {
    for (const answer of ['refused', 'status', 'silent'] as const) {
      const { prober, healthy } = probing({ [B.text]: answer });
      assert.deepEqual(await healthy, [A.text, C.text], answer);
      assert.deepEqual(
        prober.probes,
        [A, B, C].map(({ text }) => `${text} fresh`),
      );
      assert.equal(prober.keptConnections, 0);
    }
  });

  it('take 2 s in all, whatever hangs', async () => {
    const { clock, healthy } = probing({ [A.text]: 'hang', [B.text]: 'hang' });
    let ended = false;
    void healthy.then(() => (ended = true));
    await clock.advance(1999);
    assert.equal(ended, false);
    await clock.advance(1);
    assert.deepEqual(await healthy, [C.text]);
    assert.equal(clock.sleepers, 0);
  });

  it('end when the signal aborts', async () => {
    const { stopping, healthy } = probing({ [A.text]: 'hang' });
    await settle();
    stopping.abort();
    assert.deepEqual(await healthy, []);
  });
});

const NOTHING = { taken: [], left: [], failures: [] };

describe('--clean', () => {
  it('takes everything away, last made first and leftovers last, and the second time nothing', async () => {
    const { kernel, resource, parts } = scene();
    const leftovers = new FakeLeftovers();
    await setUpOnce([A, B], POLICY, parts);
    leftovers.there = ['a chain', 'a set'];
    const works = [parts.table, resource];
    const taken = ['the fake', 'virtual server 10.103.97.2:6443', 'a chain', 'a set'];
    assert.deepEqual(await cleanUp(works, [leftovers]), { ...NOTHING, taken });
    assert.equal(kernel.services.size, 0);
    assert.deepEqual(await cleanUp(works, [leftovers]), NOTHING);
  });

  it('goes on where something cannot be removed, and reports it', async () => {
    const { kernel, resource, parts } = scene();
    const leftovers = new FakeLeftovers();
    await setUpOnce([A], POLICY, parts);
    resource.unremovable = new Error('busy');
    leftovers.there = ['a chain'];
    leftovers.left = ['a set: it is in use'];
    leftovers.failures = [new Error('no second chain')];
    assert.deepEqual(await cleanUp([parts.table, resource], [leftovers]), {
      taken: ['virtual server 10.103.97.2:6443', 'a chain'],
      left: leftovers.left,
      failures: [resource.unremovable, ...leftovers.failures],
    });
    assert.equal(kernel.services.size, 0);
  });
});

describe('--dry-run', () => {
  it('reads, and changes nothing', async () => {
    const { kernel, resource, parts } = scene();
    const observer = new FakeObserver();
    const removal = Object.assign(new FakeResource('leftover'), { isRemoval: true });
    const dry = {
      table: dryTable(parts.table),
      resources: [resource, removal].map(dryResource),
      emit: dryEmit(observer.emit),
    };
    assert.equal(await setUpOnce([A, B], POLICY, dry), true);
    assert.equal(kernel.services.size, 0);
    assert.equal(kernel.checks, 0);
    assert.equal(resource.mends + removal.mends, 0);
    assert.equal(observer.lines.at(-1), 'leftover drifted: not there yet');
    assert.deepEqual(
      observer.passes[0]?.results.map(({ action }) => action.kind),
      ['create-service', 'add-destination', 'add-destination'],
    );
    const works = [dryWork(parts.table), dryWork(resource)];
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
