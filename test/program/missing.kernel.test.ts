import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { Lab, until } from '../../lab/index.js';
import { run } from '../../lab/run.js';
import { inGuest } from '../support/netlink.js';
import { allOf, lvscare, serversOf, startCare, untilWeights, VS } from './lvscare.js';

const LOADER = '/proc/sys/kernel/modprobe';

/** Takes ip_vs and everything on top of it out of the kernel. */
async function unload(): Promise<void> {
  await until(
    async () => {
      const names = (await readFile('/proc/modules', 'utf8')).match(/^ip_vs\w*/gm) ?? [];
      // Schedulers first: they hold ip_vs.
      for (const name of names.sort((a, b) => b.length - a.length)) await run('rmmod', [name]);
      return names.length === 0;
    },
    { what: 'ip_vs is out of the kernel' },
  );
}

describe(
  'a kernel without IPVS',
  { skip: inGuest ? false : 'needs a guest: the modules of a machine are not ours to unload' },
  () => {
    let loader = '';
    before(async () => {
      loader = await readFile(LOADER, 'utf8');
    });
    after(() => writeFile(LOADER, loader.trim()));

    it('is asked again until it has IPVS, with one line that says what to load', async () => {
      await using lab = await Lab.create();
      // Only now: the lab needs bridges and the like, which are modules too.
      await unload();
      await writeFile(LOADER, '/bin/false');

      const { status, stderr } = await lvscare(lab.node, ['care', ...serversOf(lab), '--run-once']);
      assert.equal(status, 1);
      assert.equal(stderr, 'lvscare: the kernel has no IPVS: load it with modprobe ip_vs\n');
      assert.equal(
        (await lvscare(lab.node, ['care', '--vs', VS, '-C'])).status,
        0,
        'nothing to clean is fine',
      );

      const daemon = startCare(lab);
      await daemon.waitForLine(/the kernel has no IPVS: load it with modprobe ip_vs; trying again/);
      for (const { addresses } of lab.masters)
        await daemon.waitForLine(new RegExp(`${addresses.ipv4}:6443 is up`));
      assert.equal(daemon.text().match(/no IPVS/g)?.length, 1, 'said once');

      assert.equal((await run('modprobe', ['ip_vs'])).status, 0);
      await daemon.waitForLine(/the IPVS table can be read again/);
      await daemon.waitForLine(/the kernel has no scheduler rr: load it with modprobe ip_vs_rr/);
      assert.equal((await run('modprobe', ['ip_vs_rr'])).status, 0);
      await untilWeights(lab, allOf(lab));
      assert.equal(await lab.node.sysctl('net.ipv4.vs.expire_nodest_conn'), '1');
      await daemon.stop();
    });
  },
);
