import assert from 'node:assert/strict';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { listenOnFile } from '../../src/state/socket-file.js';

/** Listens there for as long as the work takes. */
async function listeningAt(path: string, work: () => Promise<void>): Promise<void> {
  const server = createServer();
  const file = await listenOnFile(server, path);
  try {
    await work();
  } finally {
    await file.remove();
    server.close();
    await once(server, 'close');
  }
}

describe('a socket file', () => {
  it('is created without a change outside its directory, whose parent may not be writable', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'lvscare-socket-'));
    try {
      const directory = join(parent, 'own');
      await mkdir(directory);
      const changes = watch(parent);
      const changed: string[] = [];
      const told = new Promise<void>((resolve) => {
        changes.on('change', (_kind, name) => {
          changed.push(String(name));
          if (name === 'end') resolve();
        });
      });
      await listeningAt(join(directory, 's.sock'), async () => {
        assert.deepEqual(await readdir(directory), ['s.sock']);
      });
      // The kernel tells in order: what was before this was told before.
      await writeFile(join(parent, 'end'), '');
      await told;
      changes.close();
      assert.deepEqual(new Set(changed), new Set(['end']));
      assert.deepEqual(await readdir(directory), []);
    } finally {
      await rm(parent, { recursive: true });
    }
  });

  it('is created also if its directory is a file system of its own', async () => {
    const directory = '/dev/shm';
    assert.notEqual((await stat(directory)).dev, (await stat(dirname(directory))).dev);
    const before = new Set(await readdir(directory));
    const path = join(directory, `lvscare-${process.pid}.sock`);
    await listeningAt(path, async () => {
      assert.ok((await stat(path)).isSocket());
      const ours = (await readdir(directory)).filter((name) => !before.has(name));
      assert.deepEqual(ours, [basename(path)]);
    });
    await assert.rejects(stat(path), { code: 'ENOENT' });
  });

  it('leaves nothing behind if it cannot be created', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'lvscare-socket-'));
    try {
      const holder = createServer();
      await assert.rejects(listenOnFile(holder, directory), /exists, and is not a socket$/);
      holder.listen(0, '127.0.0.1');
      await once(holder, 'listening');
      // It listens already: what fails comes after the draft's directory was made.
      await assert.rejects(listenOnFile(holder, join(directory, 's.sock')), {
        code: 'ERR_SERVER_ALREADY_LISTEN',
      });
      assert.deepEqual(await readdir(directory), []);
      holder.close();
      await once(holder, 'close');
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
