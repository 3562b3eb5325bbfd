// How nft is run, with other programs in its place: none of them can hold us up.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KernelError } from '../../src/kernel/errors.js';
import { NftMissing, nftProgram } from '../../src/kernel/nft.js';

describe('nft', () => {
  it('gives what it printed, and whether it was done', async () => {
    const sh = nftProgram('sh');
    assert.deepEqual(await sh('-c', 'echo so; echo and >&2'), { ok: true, stdout: 'so\n', stderr: 'and\n' });
    assert.deepEqual(await sh('-c', 'echo no >&2; exit 3'), { ok: false, stdout: '', stderr: 'no\n' });
    assert.deepEqual(await sh('-c', 'kill -SEGV $$'), { ok: false, stdout: '', stderr: '' });
  });

  it('speaks English, and is found wherever root has its tools', async () => {
    const { stdout } = await nftProgram('sh')('-c', 'echo $LC_ALL $PATH');
    assert.match(stdout, /^C .*\/usr\/sbin/);
  });

  it('has nothing to read', async () => {
    assert.equal((await nftProgram('cat', { patienceMs: 20_000 })()).ok, true);
  });

  it('that is not installed is named with its package', async () => {
    await assert.rejects(nftProgram('nft-that-is-not-there')('list', 'tables'), (error: unknown) => {
      assert.ok(error instanceof NftMissing);
      assert.equal(
        error.message,
        'there is no nft, which masquerading takes: install the Debian package nftables',
      );
      return true;
    });
  });

  it('that cannot be run is another matter', async () => {
    await assert.rejects(nftProgram('/dev/null')(), (error: unknown) => {
      assert.ok(error instanceof KernelError && !(error instanceof NftMissing));
      assert.match(error.message, /^nft cannot be run: .*EACCES/);
      return true;
    });
  });

  it('that does not end is ended', async () => {
    await assert.rejects(nftProgram('sleep', { patienceMs: 50 })('1000'), {
      message: 'nft did not end within 50 ms',
    });
  });

  it('that says too much is ended', async () => {
    await assert.rejects(nftProgram('yes', { mostOutput: 1000 })(), {
      message: 'nft: more than 1000 bytes of output',
    });
  });
});
