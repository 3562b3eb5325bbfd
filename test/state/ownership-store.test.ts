import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ownershipStore, type OwnershipRecord } from '../../src/state/ownership-store.js';
import { runDirectory } from '../../src/state/run-directory.js';
import { endpoint } from '../../src/values/endpoint.js';

const VS = endpoint('ipv6', 'fd00::2', 6443);
const OTHER = endpoint('ipv4', '10.103.97.2', 6443);
const RECORD: OwnershipRecord = {
  virtualServer: VS,
  realServers: ['[fd00::10]:6443'],
  modes: [{ mode: 'local' }, { mode: 'link', iface: 'lvscare' }],
};

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lvscare-records-'));
});
afterEach(() => rm(root, { recursive: true }));

describe('ownership records', () => {
  it('are kept for each virtual server until they are removed', async () => {
    const store = ownershipStore(runDirectory(root, '1'));
    assert.deepEqual(await store.list(), []);
    await store.write(RECORD);
    await store.write({ ...RECORD, virtualServer: OTHER });
    await store.write({ ...RECORD, modes: [] });
    assert.deepEqual(await store.list(), [
      { ...RECORD, virtualServer: OTHER },
      { ...RECORD, modes: [] },
    ]);
    assert.deepEqual(await store.find(VS), { ...RECORD, modes: [] });
    await store.forget(VS);
    await store.forget(VS);
    assert.equal(await store.find(VS), null);
    assert.deepEqual(await readdir(join(root, '1')), ['10.103.97.2:6443.json']);
  });

  it('of one network namespace are not those of another', async () => {
    await ownershipStore(runDirectory(root, '1')).write(RECORD);
    assert.deepEqual(await ownershipStore(runDirectory(root, '2')).list(), []);
  });

  it('of an earlier boot are ignored: what they describe is gone', async () => {
    await ownershipStore(runDirectory(root, '1', 'earlier')).write(RECORD);
    const today = ownershipStore(runDirectory(root, '1', 'today'));
    assert.deepEqual(await today.list(), []);
    await today.write({ ...RECORD, modes: [] });
    assert.deepEqual(await today.list(), [{ ...RECORD, modes: [] }]);
    assert.deepEqual(await readdir(join(root, '1')), ['[fd00::2]:6443.json'], 'it takes their place');
  });

  it('are whole when many processes write at once, which leave no temporary files', async () => {
    const store = ownershipStore(runDirectory(root, '1'));
    const values = Array.from({ length: 20 }, (_, value) => String(value).repeat(value * 50));
    await Promise.all(values.map((value) => store.write({ ...RECORD, realServers: [value] })));
    const [written] = await store.list();
    assert.ok(values.includes(written?.realServers[0] ?? 'none'));
    assert.deepEqual(await readdir(join(root, '1')), ['[fd00::2]:6443.json']);
  });

  it('that cannot be written leave no drafts either', async () => {
    await mkdir(join(root, '1', '[fd00::2]:6443.json', 'in the way'), { recursive: true });
    await assert.rejects(ownershipStore(runDirectory(root, '1')).write(RECORD), /expected a regular file/);
    assert.deepEqual(await readdir(join(root, '1')), ['[fd00::2]:6443.json']);
  });

  it('leave out files that are not records', async () => {
    const store = ownershipStore(runDirectory(root, '1', 'today'));
    await store.write(RECORD);
    const filed = { ...RECORD, virtualServer: VS.text, boot: 'today' };
    for (const [name, text] of [
      ['empty', ''],
      ['zeros', '\0\0\0'],
      ['null', 'null'],
      ['text', '"text"'],
      ['other', '{"virtualServer":"10.103.97.2:6443"}'],
      ['modes', JSON.stringify({ ...filed, modes: [{ mode: 'link' }] })],
      ['servers', JSON.stringify({ ...filed, realServers: [1] })],
      ['not canonical', JSON.stringify({ ...filed, virtualServer: '[fd00:0::2]:6443' })],
      ['boot', JSON.stringify({ ...filed, boot: undefined })],
    ] as const)
      await writeFile(join(root, '1', `${name}.json`), text);
    await mkdir(join(root, '1', 'directory.json'));
    assert.deepEqual(await store.list(), [RECORD]);
  });
});
