import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { OwnershipJournal } from '../../src/state/ownership-journal.js';
import { ownershipStore } from '../../src/state/ownership-store.js';
import { runDirectory } from '../../src/state/run-directory.js';
import { earlierValues } from '../../src/state/earlier-values.js';
import { endpoint } from '../../src/values/endpoint.js';

const VS = endpoint('ipv4', '10.103.97.2', 6443);
const CONNTRACK = 'net.ipv4.vs.conntrack';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lvscare-journal-'));
});
afterEach(() => rm(root, { recursive: true }));

const unexpected = (error: Error): void => {
  throw error;
};

describe('the ownership journal', () => {
  const journal = (onFailure: (error: Error) => void): OwnershipJournal =>
    new OwnershipJournal(
      { virtualServer: VS, realServers: [], modes: [] },
      ownershipStore(runDirectory(root, '1')),
      onFailure,
    );

  it('records modes before they are set up, the current one last, until they are gone', async () => {
    const own = journal(unexpected);
    await own.addMode({ mode: 'local' });
    await own.addMode({ mode: 'link', iface: 'lvscare' });
    await own.addMode({ mode: 'local' });
    const store = ownershipStore(runDirectory(root, '1'));
    assert.deepEqual((await store.find(VS))?.modes, [{ mode: 'link', iface: 'lvscare' }, { mode: 'local' }]);
    await own.dropMode({ mode: 'link', iface: 'lvscare' });
    assert.deepEqual((await store.find(VS))?.modes, [{ mode: 'local' }]);
  });

  it('continues in this process if it cannot be written', async () => {
    await writeFile(join(root, '1'), 'no directory');
    const failures: Error[] = [];
    const own = journal((error) => failures.push(error));
    await own.addMode({ mode: 'local' });
    assert.equal(failures.length, 1);
    await rm(join(root, '1'));
    await own.addMode({ mode: 'route' });
    assert.equal(failures.length, 1);
    const store = ownershipStore(runDirectory(root, '1'));
    assert.deepEqual((await store.find(VS))?.modes, [{ mode: 'local' }, { mode: 'route' }]);
  });
});

describe('the earlier value of a setting of the kernel', () => {
  it('is the first one that any lvscare of the network namespace recorded, until it is forgotten', async () => {
    const [one, other] = [1, 2].map(() => earlierValues(runDirectory(root, '1'), 'sysctl', unexpected));
    assert.ok(one !== undefined && other !== undefined);
    assert.equal(await one.find(CONNTRACK), null);
    assert.equal(await one.record(CONNTRACK, '0', '1'), true);
    assert.equal(await other.record(CONNTRACK, '1', '2'), false);
    assert.deepEqual(await other.find(CONNTRACK), { was: '0', set: '2' });
    assert.equal(await earlierValues(runDirectory(root, '2'), 'sysctl', unexpected).find(CONNTRACK), null);
    await other.forget(CONNTRACK);
    assert.equal(await one.find(CONNTRACK), null);
  });

  it('is not the name of a virtual server, and outlasts the record of one', async () => {
    const directory = runDirectory(root, '1');
    await earlierValues(directory, 'sysctl', unexpected).record(CONNTRACK, '0', '1');
    assert.deepEqual(await directory.names(), []);
    await ownershipStore(directory).forget(VS);
    assert.deepEqual(await earlierValues(directory, 'sysctl', unexpected).find(CONNTRACK), {
      was: '0',
      set: '1',
    });
  });

  it('that an earlier version recorded is known, but not what that one set', async () => {
    const directory = runDirectory(root, '1');
    await directory.write(CONNTRACK, 'sysctl', { value: '0' });
    const values = earlierValues(directory, 'sysctl', unexpected);
    assert.deepEqual(await values.find(CONNTRACK), { was: '0', set: null });
    assert.equal(await values.record(CONNTRACK, '1', '2'), false);
    assert.deepEqual(await values.find(CONNTRACK), { was: '0', set: '2' });
  });

  it('that cannot be written is reported, and not known later', async () => {
    await writeFile(join(root, '1'), 'no directory');
    const failures: Error[] = [];
    const values = earlierValues(runDirectory(root, '1'), 'sysctl', (error) => failures.push(error));
    assert.equal(await values.record(CONNTRACK, '0', '1'), true);
    assert.equal(failures.length, 1);
    assert.equal(await values.find(CONNTRACK), null);
  });
});
