import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Run } from '../../src/host/command.js';
import { NftMissing, nftProgram } from '../../src/host/nft.js';

describe('nft', () => {
  it('gives what it printed, and whether it was done', async () => {
    const asked: unknown[] = [];
    const run =
      (status: number): Run =>
      (command, args) => {
        asked.push([command, ...args]);
        return Promise.resolve({ status, stdout: 'so', stderr: 'and' });
      };
    assert.deepEqual(await nftProgram(run(0))('list', 'tables'), { ok: true, stdout: 'so', stderr: 'and' });
    assert.deepEqual(await nftProgram(run(1))('-j'), { ok: false, stdout: 'so', stderr: 'and' });
    assert.deepEqual(asked, [
      ['nft', 'list', 'tables'],
      ['nft', '-j'],
    ]);
  });

  it('that is not installed is named with its package', async () => {
    await assert.rejects(nftProgram(() => Promise.resolve(null))('list', 'tables'), (error: unknown) => {
      assert.ok(error instanceof NftMissing);
      assert.equal(error.message, 'nft is not installed: install the Debian package nftables');
      return true;
    });
  });
});
