// What lasts is reported for as long as it lasts, and what others use stays.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Lab, until, type LabProcess } from '../../lab/index.js';
import { run } from '../../lab/run.js';
import type { Status } from '../../src/status/status.js';
import { lvscare, restore, serversOf, startCare, takeCare, untilWeights, allOf, VS } from './lvscare.js';

const SYSCTL = 'net.ipv4.vs.expire_nodest_conn';

let lab: Lab;
const running: LabProcess[] = [];
before(async () => {
  lab = await Lab.create();
  // Its sysctls come with it.
  assert.equal((await run('modprobe', ['ip_vs'])).status, 0);
});
after(() => lab.close());
afterEach(async () => {
  for (const process of running.splice(0)) await process.stop();
  await restore(lab);
  assert.equal((await lvscare(lab.node, ['care', '--vs', VS, '--clean'])).status, 0);
});

async function troubles(): Promise<readonly string[]> {
  const { stdout } = await lvscare(lab.node, ['status', '--json', '--vs', VS]);
  const { virtualServers } = JSON.parse(stdout) as Status;
  return (virtualServers[0]?.care?.troubles ?? []).map(({ what }) => what);
}

describe('a sysctl that cannot be written', () => {
  it('is trouble until its value is set elsewhere, and again when it changes later', async () => {
    await lab.node.sysctl(SYSCTL, 0);
    const readOnly = [
      'unshare',
      '--mount',
      'sh',
      '-c',
      'mount -o bind,ro /proc/sys /proc/sys && exec "$@"',
      'sh',
    ];
    const daemon = startCare(lab, [], serversOf(lab), { wrapper: readOnly });
    running.push(daemon);
    await untilWeights(lab, allOf(lab));
    await daemon.waitForLine(/cannot set net\.ipv4\.vs\.expire_nodest_conn=1/);
    const passes = async (): Promise<number> => {
      const { stdout } = await lvscare(lab.node, ['status', '--json', '--vs', VS]);
      return (JSON.parse(stdout) as Status).virtualServers[0]?.care?.lastPass?.atMs ?? 0;
    };
    // The interval is a second.
    const first = await passes();
    await until(async () => (await passes()) > first + 3000, { timeoutMs: 60_000 });
    assert.deepEqual(await troubles(), [`sysctl ${SYSCTL}`]);
    assert.equal(daemon.text().match(/cannot set net\.ipv4/g)?.length, 1, 'the log says it once');

    await lab.node.sysctl(SYSCTL, 1);
    await until(async () => (await troubles()).length === 0, { timeoutMs: 30_000 });
    await lab.node.sysctl(SYSCTL, 0);
    await until(async () => (await troubles()).length === 1, { timeoutMs: 30_000 });
    await lab.node.sysctl(SYSCTL, 1);
  });
});

describe('the address of the virtual server', () => {
  it('is refused if clients could not use it: loopback, link-local, multicast, broadcast, unspecified', async () => {
    for (const address of [
      '127.0.0.1',
      '127.9.9.9',
      '[::1]',
      '[fe80::1]',
      '224.0.0.1',
      '255.255.255.255',
      '0.0.0.0',
      '[::]',
      '[ff02::1]',
    ]) {
      const servers = serversOf(lab);
      servers[1] = `${address}:6443`;
      const { status, stderr, stdout } = await lvscare(lab.node, ['care', ...servers]);
      assert.deepEqual([status, stdout], [2, ''], address);
      assert.match(stderr, /^--vs: expected .*\n$/);
    }
  });

  it("is warned about at the start if it is the node's own, which stays as it is", async () => {
    const { ipv4 } = lab.node.addresses;
    const own = `${ipv4}:6444`;
    const servers = ['--vs', own, ...serversOf(lab).slice(2)];
    const daemon = startCare(lab, ['--metrics-addr=off'], servers);
    running.push(daemon);
    await daemon.waitForLine(
      new RegExp(
        `WARN: ${ipv4.replaceAll('.', '\\.')} is an address of this node, on \\S+: .*choose a --vs that no host has`,
      ),
    );
    await untilWeights(lab, allOf(lab), { virtualServer: own });
    await running.pop()?.stop();
    assert.equal((await lvscare(lab.node, ['care', '--vs', own, '--clean'])).status, 0);
    assert.ok((await lab.node.ip('address show')).includes(`inet ${ipv4}/24`));
    assert.match(await lab.node.ip('route show table local'), new RegExp(`^local ${ipv4} dev (?!lo)`, 'm'));
    assert.equal(
      (await lab.node.exec('ping', ['-c', '1', '-W', '2', lab.master(0).addresses.ipv4])).status,
      0,
    );
  });

  it('can be the one that help and README offer', async () => {
    const offered = '192.0.2.2:6443';
    running.push(startCare(lab, ['--metrics-addr=off'], ['--vs', offered, ...serversOf(lab).slice(2)]));
    await untilWeights(lab, allOf(lab), { virtualServer: offered });
    const { status, stdout } = await lab.node.exec('curl', [
      '-sk',
      '--max-time',
      '5',
      `https://${offered}/healthz`,
    ]);
    assert.deepEqual([status, stdout.trim()], [0, 'ok']);
    await running.pop()?.stop();
    assert.equal((await lvscare(lab.node, ['care', '--vs', offered, '--clean'])).status, 0);
  });
});

describe('what other virtual servers use', () => {
  it('stays with --clean: a sysctl while the kernel has a virtual server of another program, and that virtual server', async () => {
    await lab.node.sysctl(SYSCTL, 0);
    running.push(await takeCare(lab));
    assert.equal(await lab.node.sysctl(SYSCTL), '1');
    await running.pop()?.stop();
    // As kube-proxy has them.
    await lab.node.ipvsadm('-A -t 10.96.0.1:443 -s rr');
    await lab.node.ipvsadm(`-a -t 10.96.0.1:443 -r ${lab.master(0).endpoint} -m`);
    try {
      const { status, stdout, stderr } = await lvscare(lab.node, [
        'care',
        '--vs',
        VS,
        '--clean',
        '--log-format',
        'text',
      ]);
      assert.equal(status, 0);
      assert.match(
        stdout + stderr,
        /left sysctl net\.ipv4\.vs\.expire_nodest_conn=1, which was 0 before: another program's virtual server 10\.96\.0\.1:443 may need it/,
      );
      assert.equal(await lab.node.sysctl(SYSCTL), '1');
      assert.deepEqual(await lab.node.weights('10.96.0.1:443'), { [lab.master(0).endpoint]: 1 });
    } finally {
      await lab.node.ipvsadm('-D -t 10.96.0.1:443');
    }
    assert.equal((await lvscare(lab.node, ['care', '--vs', VS, '--clean'])).status, 0);
    assert.equal(await lab.node.sysctl(SYSCTL), '0', 'the next --clean restores it');
  });

  it('stays with a start: the virtual server of a stopped neighbour with a common real server', async () => {
    const other = '10.103.97.3:6443';
    const servers = (vs: string): string[] => ['--vs', vs, ...serversOf(lab).slice(2)];
    const neighbour = startCare(lab, ['--metrics-addr=off'], servers(other));
    running.push(neighbour);
    await untilWeights(lab, allOf(lab), { virtualServer: other });
    await neighbour.stop();
    running.splice(0);
    running.push(await takeCare(lab));
    assert.deepEqual(await lab.node.weights(other), allOf(lab));
    await running.pop()?.stop();
    assert.equal((await lvscare(lab.node, ['care', '--vs', VS, '--clean'])).status, 0);
    assert.deepEqual(await lab.node.weights(other), allOf(lab));
    assert.equal((await lvscare(lab.node, ['care', '--vs', other, '--clean'])).status, 0);
    assert.equal(await lab.node.weights(other), null);
  });
});
