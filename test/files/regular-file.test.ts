import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readStoredFile, UnsuitableFile } from '../../src/files/regular-file.js';

describe('a file that another program named', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lvscare-stored-'));
  });
  after(() => rm(directory, { recursive: true }));

  it('is read as a whole', async () => {
    const file = join(directory, 'text');
    await writeFile(file, 'mode: ipvs # \u00e4\n');
    assert.equal(await readStoredFile(file), 'mode: ipvs # \u00e4\n');
  });

  it('is read as empty if the kernel makes it up, as /proc/kmsg, where a read may never end', async () => {
    assert.equal(await readStoredFile('/proc/self/status'), '');
  });

  it('is refused if it is a pipe without a writer, a device or a directory', async () => {
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const path of [pipe, '/dev/zero', directory])
      await assert.rejects(readStoredFile(path), UnsuitableFile);
  });

  it('is refused if it is larger than 4 MiB', async () => {
    const file = join(directory, 'large');
    await writeFile(file, '');
    await truncate(file, (4 << 20) + 1);
    await assert.rejects(readStoredFile(file), UnsuitableFile);
  });

  it('fails as the file system does if there is none', async () => {
    await assert.rejects(readStoredFile(join(directory, 'none')), { code: 'ENOENT' });
  });
});
