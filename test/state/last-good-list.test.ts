import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { endpointIn } from '../../src/config/parse-endpoint.js';
import { lastGoodList } from '../../src/state/last-good-list.js';
import type { Endpoint } from '../../src/values/endpoint.js';

const VS = '10.103.97.2:6443';
const SERVERS = ['10.0.0.1:6443', '[fd00::1]:6443'].map((text) => endpointIn(text)) as Endpoint[];

describe('the saved list of apiservers', () => {
  let root = '';
  let file = '';
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'lvscare-state-'));
    file = join(root, 'lvscare', `${VS}.apiservers.json`);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
  const list = (): ReturnType<typeof lastGoodList> => lastGoodList(VS, () => 1000, join(root, 'lvscare'));

  it('is read as it was written, in one file, by a directory that it makes', async () => {
    assert.equal(await list().read('ours'), null);
    assert.equal(await list().find(), null);
    assert.equal(await list().remove(), null);
    await list().write('ours', SERVERS);
    const { servers, savedAtMs } = (await list().read('ours')) ?? {};
    assert.deepEqual(servers, SERVERS);
    assert.equal(savedAtMs, 1000);
    assert.deepEqual(await readdir(join(root, 'lvscare')), [`${VS}.apiservers.json`]);
    assert.equal(await list().remove(), `the saved list of apiservers ${file}`);
    assert.equal(await list().find(), null);
  });

  it('is refused, in words, when it is of another cluster', async () => {
    await list().write('ours', SERVERS);
    await assert.rejects(list().read('theirs'), {
      message: `${file} is of another cluster: its CA is not that of --discover`,
    });
  });

  it('is used while the CA is rotated: it has a certificate in common', async () => {
    await list().write('old', SERVERS);
    assert.deepEqual((await list().read('new old'))?.servers, SERVERS);
    await list().write('new old', SERVERS);
    assert.deepEqual((await list().read('new'))?.servers, SERVERS);
  });

  const good = { version: 1, virtualServer: VS, cluster: 'ours', savedAtMs: 1, servers: ['10.0.0.1:6443'] };
  for (const [what, text, words] of [
    ['empty', '', 'is damaged'],
    ['cut off', JSON.stringify(good).slice(0, -4), 'is damaged'],
    ['zeros, as after a power cut', '\0'.repeat(100), 'is damaged'],
    ['a list', '[]', 'is damaged'],
    ['without servers', JSON.stringify({ ...good, servers: [] }), 'is damaged'],
    ['with what is no server', JSON.stringify({ ...good, servers: ['10.0.0.1'] }), 'is damaged'],
    ['with what is no text', JSON.stringify({ ...good, servers: [1] }), 'is damaged'],
    ['without a time', JSON.stringify({ ...good, savedAtMs: null }), 'is damaged'],
    [
      'with too many servers',
      JSON.stringify({
        ...good,
        servers: Array.from({ length: 65 }, (_, host) => `10.0.0.${host + 1}:6443`),
      }),
      'is damaged',
    ],
    ['too long', JSON.stringify({ ...good, more: 'x'.repeat(20_000) }), 'is damaged'],
    ['of a later version', JSON.stringify({ ...good, version: 2 }), 'is of another version of lvscare (2)'],
    ['of no version', '{}', 'is of another version of lvscare (none)'],
    [
      'of another virtual server',
      JSON.stringify({ ...good, virtualServer: '10.103.97.3:6443' }),
      'is of another virtual server',
    ],
  ] as const)
    it(`is refused when it is ${what}, and replaced by the next one`, async () => {
      await mkdir(join(root, 'lvscare'));
      await writeFile(file, text);
      await assert.rejects(list().read('ours'), { message: `${file} ${words}` });
      await list().write('ours', SERVERS);
      assert.deepEqual((await list().read('ours'))?.servers, SERVERS);
    });

  it('stays as it was when it cannot be replaced', async () => {
    await list().write('ours', SERVERS);
    const before = await readFile(file, 'utf8');
    await rm(join(root, 'lvscare'), { recursive: true });
    await writeFile(join(root, 'lvscare'), 'no directory');
    await assert.rejects(list().write('ours', SERVERS), { code: 'EEXIST' });
    await assert.rejects(list().read('ours'), { code: 'ENOTDIR' });
    await rm(join(root, 'lvscare'));
    await mkdir(join(root, 'lvscare'));
    await writeFile(file, before);
    await chmod(file, 0o644);
    assert.deepEqual((await list().read('ours'))?.servers, SERVERS);
  });
});
