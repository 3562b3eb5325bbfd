import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { Lab, until } from '../../lab/index.js';
import { run } from '../../lab/run.js';
import { inGuest } from '../support/netlink.js';
import { asked } from './asked.js';
import { allOf, lvscare, serversOf, startCare, untilWeights, VS } from './lvscare.js';
import { LOADER, unload } from './modules.js';
import { PROGRAM } from '../../lab/program.js';

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
      const metrics = await asked(lab.node, '/metrics');
      assert.equal(metrics.status, 200);
      assert.match(metrics.body, /^lvscare_ipvs_readable\{[^}]*\} 0$/m);
      assert.doesNotMatch(metrics.body, /^lvscare_ipvs_(?!readable)/m);
      assert.match(metrics.body, /^lvscare_real_server_up\{[^}]*\} 1$/m);
      assert.deepEqual(await asked(lab.node, '/healthz'), { status: 200, body: 'ok\n' });
      assert.deepEqual(await asked(lab.node, '/readyz'), {
        status: 503,
        body: `not ready: ${VS}: the kernel has no IPVS: load it with modprobe ip_vs\n`,
      });

      assert.equal((await run('modprobe', ['ip_vs'])).status, 0);
      await daemon.waitForLine(/the IPVS table can be read again/);
      await daemon.waitForLine(/the kernel has no scheduler rr: load it with modprobe ip_vs_rr/);
      assert.equal((await run('modprobe', ['ip_vs_rr'])).status, 0);
      await untilWeights(lab, allOf(lab));
      assert.match((await asked(lab.node, '/metrics')).body, /^lvscare_ipvs_readable\{[^}]*\} 1$/m);
      // The probe of the virtual server follows within an interval.
      await until(async () => (await asked(lab.node, '/readyz')).status === 200);
      assert.equal(await lab.node.sysctl('net.ipv4.vs.expire_nodest_conn'), '1');
      await daemon.stop();
    });
  },
);

describe('a machine without nft', () => {
  it('names the package to install for --masquerade; all else is done', async () => {
    await using lab = await Lab.create({ masters: 1 });
    // In a mount namespace where root's tools are gone.
    const hide = ['--mount', 'sh', '-c', 'mount -t tmpfs none /usr/sbin && exec "$@"', 'sh'];
    const run = (...args: string[]): ReturnType<typeof lvscare> =>
      lab.node.exec('unshare', [...hide, process.execPath, PROGRAM, 'care', ...args], { env: process.env });

    const wanting = await run(...serversOf(lab), '--run-once', '--masquerade');
    assert.equal(wanting.status, 1, wanting.stderr);
    assert.match(wanting.stdout, /masquerade: nft is not installed: install the Debian package nftables/);
    await untilWeights(lab, allOf(lab));
    assert.equal((await lab.node.request()).ok, true);

    const once = await run(...serversOf(lab), '--run-once');
    assert.equal(once.status, 0, once.stdout);
    for (const what of ['ARP silence', 'MSS limit'])
      assert.match(
        once.stdout,
        new RegExp(`${what}: nft is not installed: install the Debian package nftables`),
      );

    const clean = await run('--vs', VS, '--clean');
    assert.equal(clean.status, 0, clean.stdout);
    assert.match(
      clean.stdout,
      /table arp lvscare-10\.103\.97\.2-6443 was not looked for: nft is not installed/,
    );
    assert.equal(await lab.node.weights(VS), null);

    // As by an lvscare in its pod, whose image has nft.
    await lvscare(lab.node, ['care', ...serversOf(lab), '--run-once']);
    const left = await run('--vs', VS, '--clean');
    assert.equal(left.status, 1, left.stdout);
    assert.match(
      left.stdout,
      /table arp lvscare-10\.103\.97\.2-6443 was not looked for, and may be left: nft is not installed/,
    );
    assert.equal(await lab.node.weights(VS), null);
    assert.equal((await run('--vs', VS, '--clean')).status, 1, 'it is not forgotten');
    const whole = await lvscare(lab.node, ['care', '--vs', VS, '--clean']);
    assert.equal(whole.status, 0);
    assert.match(whole.stdout, /removed table arp lvscare-10\.103\.97\.2-6443/);
    assert.equal(await lab.node.must('nft', ['list', 'tables']), '');
    assert.equal((await run('--vs', VS, '--clean')).status, 0);
  });
});
