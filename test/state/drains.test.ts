import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { drainedFile } from '../../src/state/drains.js';
import { runDirectory } from '../../src/state/run-directory.js';

const VS = '10.103.97.2:6443';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lvscare-drained-'));
});
afterEach(() => rm(root, { recursive: true }));

describe('the file of drained servers', () => {
  it('keeps the drained servers, and is removed when there is none', async () => {
    const directory = runDirectory(root, '1');
    const file = drainedFile(directory, VS);
    assert.deepEqual([...(await file.read())], []);
    const drained = new Map([
      ['10.0.0.1:6443', 7],
      ['10.0.0.2:6443', 8],
    ]);
    await file.write(drained);
    assert.deepEqual([...(await drainedFile(directory, VS).read())], [...drained]);
    assert.deepEqual(await directory.names(), [VS]);
    await file.write(new Map());
    await file.write(new Map());
    assert.deepEqual(await readdir(directory.path), []);
  });

  it('has what was written last, however many writes there are at once', async () => {
    const file = drainedFile(runDirectory(root, '1'), VS);
    const written = Array.from({ length: 20 }, (_, index) =>
      file.write(new Map([[`10.0.0.${index}:6443`, index]])),
    );
    await Promise.all(written);
    assert.deepEqual([...(await file.read())], [['10.0.0.19:6443', 19]]);
  });

  it('has no servers if it cannot be parsed', async () => {
    const directory = runDirectory(root, '1', 'today');
    await mkdir(directory.path);
    const file = directory.file(VS, 'drained');
    const filed = (drained: unknown): string => JSON.stringify({ boot: 'today', drained });
    await writeFile(file, filed({ '10.0.0.1:6443': 7 }));
    assert.equal((await drainedFile(directory, VS).read()).size, 1);
    for (const text of [
      ...['', '\0\0', 'null', '7', '[1]', '"x"', '{"10.0.0.1:6443":7}'],
      ...[undefined, null, 7, [1], 'x', { '10.0.0.1:6443': 'x' }, { '10.0.0.1:6443': null }].map(filed),
    ]) {
      await writeFile(file, text);
      assert.deepEqual([...(await drainedFile(directory, VS).read())], [], text);
    }
  });

  it('has no servers after a reboot, also if the file is still there', async () => {
    const before = drainedFile(runDirectory(root, '1', 'before'), VS);
    await before.write(new Map([['10.0.0.1:6443', 7]]));
    assert.equal((await before.read()).size, 1);
    assert.deepEqual([...(await drainedFile(runDirectory(root, '1', 'after'), VS).read())], []);
  });

  it('cannot be written where there is no directory for it, and can again when there is', async () => {
    const directory = runDirectory(root, '1');
    const file = drainedFile(directory, VS);
    await writeFile(directory.path, 'no directory');
    await assert.rejects(file.write(new Map([[VS, 1]])), { code: 'EEXIST' });
    await rm(directory.path);
    await file.write(new Map([[VS, 1]]));
    assert.equal((await file.read()).size, 1);
  });

  it('is removed with the other files of the virtual server', async () => {
    const directory = runDirectory(root, '1');
    await drainedFile(directory, VS).write(new Map([['10.0.0.1:6443', 7]]));
    await drainedFile(directory, '[fd00::2]:6443').write(new Map([['[fd00::1]:6443', 7]]));
    for (const kind of ['json', 'sock'] as const) await writeFile(directory.file(VS, kind), '');
    assert.deepEqual(await directory.names(), [VS, '[fd00::2]:6443']);
    await directory.forget(VS);
    await directory.forget(VS);
    assert.deepEqual(await directory.names(), ['[fd00::2]:6443']);
  });
});

describe('many writers of one file', () => {
  it('leave one whole file, and no temporary files', async () => {
    const directory = runDirectory(root, '1');
    const all = Array.from({ length: 10 }, (_, index) => new Map([[`10.0.0.${index}:6443`, index]]));
    await Promise.all(all.map((drained) => drainedFile(directory, VS).write(drained)));
    assert.equal((await drainedFile(directory, VS).read()).size, 1);
    assert.deepEqual(await readdir(directory.path), [`${VS}.drained`]);
  });
});
