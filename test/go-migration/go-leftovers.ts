/** What the Go program left behind one of the two `iptables`, made by hand among somebody else's, and judged by the tools themselves. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { goLeftovers } from '../../src/go-migration/go-leftovers.js';
import { goFilter, goNat, goSet, SHOW_RULES } from '../support/go-program.js';
import { shell } from '../support/tools.js';
import { VIRTUAL_SERVER } from '../control-loop/stage.js';

const { address, port } = VIRTUAL_SERVER;

export function describeLeftoversIn(iptables: 'iptables-legacy' | 'iptables-nft'): void {
  describe(`what the Go program left in ${iptables}`, () => {
    const leftovers = goLeftovers(VIRTUAL_SERVER, (words) => assert.fail(words));
    const filter = `${iptables} -w -t filter`;
    const nat = `${iptables} -w -t nat`;
    const goRules = (): Promise<string> =>
      shell(`${goSet(address, port)}\n${goNat(iptables)}\n${goFilter(iptables)}`);

    beforeEach(() =>
      shell(`
        ipset create OTHER hash:ip,port
        ipset add OTHER 10.103.97.2,tcp:6443
        ${filter} -N MINE
        ${filter} -A MINE -m set --match-set OTHER dst,dst -j RETURN
        ${filter} -A OUTPUT -m comment --comment "accept for all marked by me" -m mark --mark 0x1 -j ACCEPT
        ${filter} -A OUTPUT -m comment --comment "a \\"quote\\"" -d 10.9.9.9 -j MINE
        ${nat} -N MY-SERVICES
        ${nat} -A OUTPUT -m comment --comment "my service portals" -j MY-SERVICES
        ${nat} -A PREROUTING -m comment --comment "my service portals" -j MY-SERVICES
        ${nat} -A POSTROUTING -s 10.9.9.0/24 -j MASQUERADE`),
    );
    afterEach(() =>
      shell(`
        for table in filter nat; do ${iptables} -w -t $table -F; ${iptables} -w -t $table -X; done
        until ipset destroy; do :; done`),
    );

    it('goes, and nothing else does; the second time nothing is found', async () => {
      const before = await shell(SHOW_RULES);
      await goRules();
      const made = await shell(SHOW_RULES);
      const found = await leftovers.find();
      assert.equal(await shell(SHOW_RULES), made, 'finding changes nothing');
      assert.equal(found.taken.length, 10);
      assert.deepEqual(await leftovers.remove(), found);
      assert.deepEqual([found.left, found.failures], [[], []]);
      assert.equal(await shell(SHOW_RULES), before);
      assert.deepEqual(await leftovers.remove(), { taken: [], left: [], failures: [] });
    });

    it('goes also when it was made twice', async () => {
      const before = await shell(SHOW_RULES);
      await goRules();
      await shell(
        `${filter} -A OUTPUT -m comment --comment "accept for all marked by lvscare" -m mark --mark 0x1 -j ACCEPT`,
      );
      await leftovers.remove();
      assert.equal(await shell(SHOW_RULES), before);
    });

    it('stays while another virtual server is in the set', async () => {
      await goRules();
      await shell(`ipset add VIRTUAL-IP 10.103.97.3,tcp:6443`);
      const made = await shell(SHOW_RULES);
      assert.deepEqual((await leftovers.remove()).taken, ['10.103.97.2,tcp:6443 from ipset VIRTUAL-IP']);
      assert.equal(await shell(SHOW_RULES), made.replace('add VIRTUAL-IP 10.103.97.2,tcp:6443\n', ''));
      await shell('ipset del VIRTUAL-IP 10.103.97.3,tcp:6443; ipset add VIRTUAL-IP 10.103.97.2,tcp:6443');
      assert.deepEqual((await leftovers.remove()).failures, []);
      assert.doesNotMatch(await shell(SHOW_RULES), /VIRTUAL/);
    });

    it('stays where another program uses it, and the rest goes', async () => {
      await goRules();
      await shell(`
        ${filter} -A MINE -j VIRTUAL-CANARY
        ${filter} -A MINE -m set --match-set VIRTUAL-IP dst,dst -j RETURN`);
      const { left, failures } = await leftovers.remove();
      assert.deepEqual(failures, []);
      assert.deepEqual(left, [
        `${iptables} -t filter chain VIRTUAL-CANARY: chain MINE leads to it`,
        `ipset VIRTUAL-IP: a rule of ${iptables} -t filter chain MINE matches it`,
      ]);
      assert.deepEqual(
        (await shell(SHOW_RULES)).split('\n').filter((line) => line.includes('VIRTUAL')).length,
        4,
        'the canary, what leads to it, what matches the set, and the set without our entry',
      );
    });
  });
}
