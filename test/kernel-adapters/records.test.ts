import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { OwnRecord } from '../../src/kernel/record.js';
import { records, type Made } from '../../src/kernel/records.js';
import { runDirectory } from '../../src/kernel/run-directory.js';

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

  it('that are none are passed over', async () => {
    const kept = records(runDirectory(root, '1'));
    await kept.write(MADE);
    for (const [name, text] of [
      ['empty', ''],
      ['zeros', '\0\0\0'],
      ['null', 'null'],
      ['text', '"text"'],
      ['other', '{"virtualServer":"10.103.97.2:6443"}'],
      ['ways', JSON.stringify({ ...MADE, ways: [{ mode: 'link' }] })],
      ['servers', JSON.stringify({ ...MADE, realServers: [1] })],
      ['sysctls', JSON.stringify({ ...MADE, sysctls: { a: 1 } })],
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
    await record.rememberValue('net.ipv4.vs.conntrack', '0');
    await record.rememberValue('net.ipv4.vs.conntrack', '1');
    const [written] = await records(runDirectory(root, '1')).list();
    assert.deepEqual(written?.ways, [{ mode: 'link', iface: 'lvscare' }, { mode: 'local' }]);
    assert.deepEqual(written.sysctls, { 'net.ipv4.vs.conntrack': '0' });
    await record.dropWay({ mode: 'link', iface: 'lvscare' });
    await record.inherit({ 'net.ipv4.vs.conntrack': '7', 'net.ipv4.vs.expire_nodest_conn': '0' });
    await record.forgetValue('net.ipv4.vs.conntrack');
    const [later] = await records(runDirectory(root, '1')).list();
    assert.deepEqual(later?.ways, [{ mode: 'local' }]);
    assert.deepEqual(later.sysctls, { 'net.ipv4.vs.expire_nodest_conn': '0' });
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
