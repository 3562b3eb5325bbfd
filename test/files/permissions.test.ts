import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { permissionFault } from '../../src/files/permissions.js';

describe('the permissions of a file', () => {
  let directory: string;
  let file: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'permissions-'));
    file = join(directory, 'file');
    await writeFile(file, '');
    await symlink(file, join(directory, 'link'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const cases: readonly (readonly [mode: number, secret: RegExp | null, configuration: RegExp | null])[] = [
    [0o600, null, null],
    [0o400, null, null],
    [0o644, /^mode 0644, so every user can read it$/, null],
    [0o604, /^mode 0604, so every user can read it$/, null],
    [0o666, /^mode 0666, so every user can change it$/, /^mode 0666, so every user can change it$/],
    [0o602, /^mode 0602, so every user can change it$/, /^mode 0602, so every user can change it$/],
    [0o601, null, null],
  ];
  for (const [mode, secret, configuration] of cases)
    it(`are judged for mode ${mode.toString(8)}, also through a link`, async () => {
      await chmod(file, mode);
      for (const path of [file, join(directory, 'link')])
        for (const [kind, expected] of [
          ['secret', secret],
          ['configuration', configuration],
        ] as const) {
          const fault = await permissionFault(path, kind);
          if (expected === null) assert.equal(fault, null, kind);
          else {
            assert.match(fault?.evidence ?? '', expected, kind);
            assert.equal(fault?.remedy, `chmod ${kind === 'secret' ? '600' : 'go-w'} ${file}`);
          }
        }
    });

  it('are not judged in a volume of kubelet, nor if there is no such file', async () => {
    const written = join(directory, '..2026_11_30_17_00_00.123456');
    await mkdir(written);
    await writeFile(join(written, 'token'), '');
    await chmod(join(written, 'token'), 0o644);
    await symlink('..2026_11_30_17_00_00.123456', join(directory, '..data'));
    await symlink('..data/token', join(directory, 'token'));
    assert.equal(await permissionFault(join(directory, 'token'), 'secret'), null);
    assert.equal(await permissionFault(join(directory, 'nowhere'), 'secret'), null);
  });
});
