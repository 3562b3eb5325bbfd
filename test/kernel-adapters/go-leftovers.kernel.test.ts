// The Go program's rules in legacy iptables.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { goLeftovers } from '../../src/kernel/go-leftovers.js';
import { shell } from '../support/tools.js';
import { VIRTUAL_SERVER } from '../care/stage.js';
import { describeLeftoversIn } from './go-leftovers.js';

// User-Mode Linux has no nf_tables for IPv4.
if (process.env['WITH_IPVS'] === 'uml') {
  it('an nf_tables without IPv4 is one without rules', async () => {
    await assert.rejects(shell('iptables-nft -w -N MINE'), /TABLE_ADD failed \(Operation not supported\)/);
    const leftovers = goLeftovers(VIRTUAL_SERVER, (words) => assert.fail(words));
    assert.deepEqual(await leftovers.find(), { taken: [], left: [], failures: [] });
  });
}

describeLeftoversIn('iptables-legacy');
