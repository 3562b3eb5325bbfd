// The generation of nftables' ruleset.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { nftGeneration } from '../../src/netlink/index.js';

const nft = (...args: readonly string[]): string => execFileSync('nft', args, { encoding: 'utf8' });

describe("the generation of nftables' ruleset", () => {
  it('is counted up by one for each transaction of any program, and by nothing else', () => {
    let before = nftGeneration();
    for (const change of [
      'add table inet lvscare-test',
      'add chain inet lvscare-test one',
      'add rule inet lvscare-test one accept',
      'add table inet lvscare-test; delete table inet lvscare-test; table inet lvscare-test { chain two { }; }',
      'delete table inet lvscare-test',
    ]) {
      nft(change);
      const now = nftGeneration();
      assert.equal(now, before + 1, change);
      before = now;
      nft('list', 'ruleset');
      assert.throws(() => nft('delete', 'table', 'inet', 'lvscare-none'));
      assert.equal(nftGeneration(), now);
    }
  });

  it('is that of the own network namespace', () => {
    const before = nftGeneration();
    execFileSync('unshare', ['--net', 'nft', 'add', 'table', 'inet', 'lvscare-test']);
    assert.equal(nftGeneration(), before);
  });

  it('needs NET_ADMIN', () => {
    const module = new URL('../../src/netlink/index.js', import.meta.url).href;
    const script = `import { nftGeneration } from '${module}';
      try { nftGeneration(); console.log('read'); } catch (error) { console.log(error.code); }`;
    const node = [process.execPath, '--input-type=module', '-e', script];
    const said = execFileSync('setpriv', ['--bounding-set', '-net_admin', ...node], { encoding: 'utf8' });
    assert.equal(said.trim(), 'EPERM');
  });
});
