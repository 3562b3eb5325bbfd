import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { readRegularFile } from '../../src/files/regular-file.js';
import { replaceFile } from '../../src/files/replace-file.js';

describe('a file', () => {
  let directory = '';
  let path = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lvscare-file-'));
    path = join(directory, 'lvscare.yaml');
  });
  afterEach(() => rm(directory, { recursive: true }));

  const modeOf = async (file: string): Promise<number> => (await stat(file)).mode & 0o7777;

  it('is made, for its owner alone, and nothing beside it', async () => {
    assert.equal(await replaceFile(path, 'one', 0o600), true);
    assert.equal(await readFile(path, 'utf8'), 'one');
    assert.equal(await modeOf(path), 0o600);
    assert.deepEqual(await readdir(directory), ['lvscare.yaml']);
  });

  it('is replaced by another one that has its mode, while who has it open reads the old text', async () => {
    await writeFile(path, 'one');
    await chmod(path, 0o640);
    const before = await stat(path);
    assert.equal(await replaceFile(path, 'two', 0o600), true);
    const now = await stat(path);
    assert.notEqual(now.ino, before.ino);
    assert.equal(await readFile(path, 'utf8'), 'two');
    assert.equal(await modeOf(path), 0o640);
    assert.deepEqual(await readdir(directory), ['lvscare.yaml']);
  });

  it('is left alone when it is so already', async () => {
    await writeFile(path, 'one');
    const before = await stat(path);
    assert.equal(await replaceFile(path, 'one', 0o600), false);
    assert.deepEqual(await stat(path).then(({ ino, mtimeMs }) => ({ ino, mtimeMs })), {
      ino: before.ino,
      mtimeMs: before.mtimeMs,
    });
  });

  it('that a link leads to is replaced where it is', async () => {
    const link = join(directory, 'link.yaml');
    await writeFile(path, 'one');
    await symlink('lvscare.yaml', link);
    assert.equal(await replaceFile(link, 'two', 0o600), true);
    assert.equal(await readFile(path, 'utf8'), 'two');
    assert.ok((await lstat(link)).isSymbolicLink());
    assert.equal(await readlink(link), 'lvscare.yaml');
  });

  it('that is none is left alone: a pipe, a device', async () => {
    execFileSync('mkfifo', [path]);
    for (const special of [path, '/dev/null']) {
      await assert.rejects(replaceFile(special, 'one', 0o600), /expected a regular file/);
      await assert.rejects(readRegularFile(special), /expected a regular file/);
    }
    assert.ok((await stat('/dev/null')).isCharacterDevice());
    assert.deepEqual(await readdir(directory), ['lvscare.yaml']);
  });

  it('that cannot be replaced stays, and nothing is left beside it', async () => {
    const folder = join(directory, 'folder.yaml');
    await assert.rejects(replaceFile(join(path, 'below'), 'x', 0o600), { code: 'ENOENT' });
    await mkdir(folder);
    await assert.rejects(replaceFile(folder, 'x', 0o600), /expected a regular file/);
    assert.deepEqual(await readdir(directory), ['folder.yaml']);
  });
});
