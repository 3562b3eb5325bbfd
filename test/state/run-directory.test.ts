import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runDirectory } from '../../src/state/run-directory.js';

describe('the directory in /run', () => {
  it('cannot be written by other users, whatever the umask is', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'lvscare-run-'));
    const umask = process.umask(0);
    try {
      const directory = runDirectory(join(parent, 'lvscare'), 'net', 'boot');
      await directory.write('10.103.97.2:6443', 'json', {});
      const modes: number[] = [];
      for (const path of [join(parent, 'lvscare'), directory.path])
        modes.push((await stat(path)).mode & 0o7777);
      assert.deepEqual(modes, [0o755, 0o755]);
      assert.equal((await stat(directory.file('10.103.97.2:6443', 'json'))).mode & 0o7777, 0o644);
    } finally {
      process.umask(umask);
      await rm(parent, { recursive: true });
    }
  });
});
