import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { bequeath, OwnRecord } from '../../src/state/ownership-journal.js';
import { runDirectory } from '../../src/state/run-directory.js';
import { records, type Made } from '../../src/state/ownership-store.js';

const MADE: Made = {
  virtualServer: '[fd00::2]:6443',
  realServers: ['[fd00::10]:6443'],
  ways: [{ mode: 'local' }, { mode: 'link', iface: 'lvscare' }],
  sysctls: { 'net.ipv4.vs.conntrack': '0' },
};

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lvscare-records-'));
});
afterEach(() => rm(root, { recursive: true }));

describe('records', () => {
  it('are kept by virtual server, and forgotten', async () => {
    const kept = records(runDirectory(root, '1'));
    assert.deepEqual(await kept.list(), []);
    await kept.write(MADE);
    await kept.write({ ...MADE, virtualServer: '10.103.97.2:6443' });
    await kept.write({ ...MADE, ways: [] });
    assert.deepEqual(
      (await kept.list()).toSorted((a, b) => a.virtualServer.localeCompare(b.virtualServer)),
      [
        { ...MADE, ways: [] },
        { ...MADE, virtualServer: '10.103.97.2:6443' },
      ],
    );
    await kept.forget(MADE.virtualServer);
    await kept.forget(MADE.virtualServer);
    assert.deepEqual(await readdir(join(root, '1')), ['10.103.97.2:6443.json']);
  });

  it('of one network namespace are not those of another', async () => {
    await records(runDirectory(root, '1')).write(MADE);
    assert.deepEqual(await records(runDirectory(root, '2')).list(), []);
  });

  it('of an earlier boot count for nothing: what they tell of is gone with it', async () => {
    await records(runDirectory(root, '1', 'earlier')).write(MADE);
    const today = records(runDirectory(root, '1', 'today'));
    assert.deepEqual(await today.list(), []);
    await today.write({ ...MADE, ways: [] });
    assert.deepEqual(await today.list(), [{ ...MADE, ways: [] }]);
    assert.deepEqual(await readdir(join(root, '1')), ['[fd00::2]:6443.json'], 'it takes their place');
  });

  it('are whole when many write at once, and leave no drafts', async () => {
    const kept = records(runDirectory(root, '1'));
    const values = Array.from({ length: 20 }, (_, value) => String(value).repeat(value * 50));
    await Promise.all(values.map((value) => kept.write({ ...MADE, sysctls: { a: value } })));
    const [written] = await kept.list();
    assert.ok(values.includes(written?.sysctls['a'] ?? 'none'));
    assert.deepEqual(await readdir(join(root, '1')), ['[fd00::2]:6443.json']);
  });

  it('that cannot be put in their place leave no drafts either', async () => {
    await mkdir(join(root, '1', '[fd00::2]:6443.json', 'in the way'), { recursive: true });
    await assert.rejects(records(runDirectory(root, '1')).write(MADE), /EISDIR|ENOTEMPTY|EEXIST/);
    assert.deepEqual(await readdir(join(root, '1')), ['[fd00::2]:6443.json']);
  });

  it('that are none are passed over', async () => {
    const kept = records(runDirectory(root, '1', 'today'));
    await kept.write(MADE);
    const filed = { ...MADE, boot: 'today' };
    for (const [name, text] of [
      ['empty', ''],
      ['zeros', '\0\0\0'],
      ['null', 'null'],
      ['text', '"text"'],
      ['other', '{"virtualServer":"10.103.97.2:6443"}'],
      ['ways', JSON.stringify({ ...filed, ways: [{ mode: 'link' }] })],
      ['servers', JSON.stringify({ ...filed, realServers: [1] })],
      ['sysctls', JSON.stringify({ ...filed, sysctls: { a: 1 } })],
      ['boot', JSON.stringify({ ...filed, boot: undefined })],
    ] as const)
      await writeFile(join(root, '1', `${name}.json`), text);
    await mkdir(join(root, '1', 'directory.json'));
    assert.deepEqual(await kept.list(), [MADE]);
  });
});

describe('our own record', () => {
  const unexpected = (error: Error): void => {
    throw error;
  };
  const own = (onFailure: (error: Error) => void = unexpected): OwnRecord =>
    new OwnRecord({ ...MADE, ways: [], sysctls: {} }, records(runDirectory(root, '1')), onFailure);

  it('says what we make before it is made', async () => {
    const record = own();
    await record.addWay({ mode: 'link', iface: 'lvscare' });
    await record.addWay({ mode: 'link', iface: 'lvscare' });
    await record.addWay({ mode: 'local' });
    assert.equal(await record.rememberValue('net.ipv4.vs.conntrack', '0'), true);
    assert.equal(await record.rememberValue('net.ipv4.vs.conntrack', '1'), false);
    const [written] = await records(runDirectory(root, '1')).list();
    assert.deepEqual(written?.ways, [{ mode: 'link', iface: 'lvscare' }, { mode: 'local' }]);
    assert.deepEqual(written.sysctls, { 'net.ipv4.vs.conntrack': '0' });
    await record.dropWay({ mode: 'link', iface: 'lvscare' });
    await record.rememberValue('net.ipv4.vs.expire_nodest_conn', '0');
    await record.forgetValue('net.ipv4.vs.conntrack');
    const [later] = await records(runDirectory(root, '1')).list();
    assert.deepEqual(later?.ways, [{ mode: 'local' }]);
    assert.deepEqual(later.sysctls, { 'net.ipv4.vs.expire_nodest_conn': '0' });
  });

  it('keeps what another virtual server left it meanwhile', async () => {
    const kept = records(runDirectory(root, '1'));
    const record = own();
    await record.addWay({ mode: 'local' });
    await record.rememberValue('net.ipv4.vs.expire_nodest_conn', '0');
    const left = { 'net.ipv4.vs.conntrack': '0', 'net.ipv4.vs.expire_nodest_conn': '7' };
    await bequeath(kept, MADE.virtualServer, left);
    const sysctls = { 'net.ipv4.vs.conntrack': '0', 'net.ipv4.vs.expire_nodest_conn': '0' };
    assert.deepEqual((await kept.list())[0]?.sysctls, sysctls);
    await record.dropWay({ mode: 'link', iface: 'lvscare' });
    assert.deepEqual(await kept.list(), [{ ...MADE, ways: [{ mode: 'local' }], sysctls }]);

    // What was before counts, not what is to be set again.
    const fresh = own();
    assert.equal(await fresh.rememberValue('net.ipv4.vs.conntrack', '1'), false);
    assert.deepEqual((await kept.list())[0]?.sysctls, sysctls);

    // And what is forgotten stays so.
    await record.forgetValue('net.ipv4.vs.conntrack');
    await record.addWay({ mode: 'none' });
    assert.deepEqual((await kept.list())[0]?.sysctls, { 'net.ipv4.vs.expire_nodest_conn': '0' });
  });

  it('gets nothing from others when there is none of it, or nothing to leave', async () => {
    const kept = records(runDirectory(root, '1'));
    await bequeath(kept, MADE.virtualServer, { 'net.ipv4.vs.conntrack': '0' });
    assert.deepEqual(await kept.list(), []);
    await kept.write(MADE);
    // Each write makes a new file.
    const file = join(root, '1', `${MADE.virtualServer}.json`);
    const { ino } = await stat(file);
    await bequeath(kept, MADE.virtualServer, {});
    assert.equal((await stat(file)).ino, ino);
  });

  it('that cannot be written is known to this process all the same', async () => {
    await writeFile(join(root, '1'), 'no directory');
    const failures: Error[] = [];
    const record = own((error) => failures.push(error));
    await record.rememberValue('net.ipv4.vs.conntrack', '0');
    assert.equal(record.valueBefore('net.ipv4.vs.conntrack'), '0');
    assert.equal(failures.length, 1);
  });
});
