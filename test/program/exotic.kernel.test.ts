// Nodes as they should not be, and are. Elsewhere: the virtual server's address inside the node's own network, which is that of
// every lab; a real server that is the virtual server (test/config/care-config.test.ts); no capability (modes.kernel.test.ts).
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { after, afterEach, before, describe, it } from 'node:test';
import { Lab, until, VIP, type LabProcess } from '../../lab/index.js';
import { must } from '../../lab/run.js';
import { urlOf } from '../../lab/network.js';
import {
  allOf,
  answerers,
  fingerprint,
  lvscare,
  restore,
  serversOf,
  startCare,
  takeCare,
  untilWeights,
  VS,
} from './lvscare.js';

const APISERVER = fileURLToPath(new URL('../../lab/apiserver.js', import.meta.url));

describe('an exotic node', () => {
  let lab: Lab;
  const running: LabProcess[] = [];
  const started = (process: LabProcess): LabProcess => {
    running.push(process);
    return process;
  };
  let bare = '';
  before(async () => {
    lab = await Lab.create();
    bare = await fingerprint(lab.node);
  });
  after(() => lab.close());
  afterEach(async () => {
    for (const process of running.splice(0)) await process.stop();
    await restore(lab);
    await clean();
  });

  async function clean(virtualServer = VS): Promise<void> {
    const { status, stdout } = await lvscare(lab.node, ['care', '--vs', virtualServer, '-C']);
    assert.equal(status, 0, stdout);
  }

  /** All three answer, and see the node's address. */
  async function works(): Promise<void> {
    await until(async () => (await lab.node.seenAs()) === lab.node.addresses.ipv4, {
      timeoutMs: 30_000,
      everyMs: 150,
    });
    assert.equal(new Set(await answerers(lab, 6)).size, 3);
  }

  for (const dev of ['eth0', 'lo']) {
    it(`has the virtual server's address on ${dev}: works, and the address stays`, async () => {
      await lab.node.ip(`address add ${VIP.ipv4}/32 dev ${dev}`);
      const before = await fingerprint(lab.node);
      const daemon = started(await takeCare(lab));
      assert.deepEqual(new Set((await answerers(lab, 6)).sort()), new Set(['master0', 'master1', 'master2']));
      await daemon.stop();
      await clean();
      assert.equal(await fingerprint(lab.node), before);
      await lab.node.ip(`address del ${VIP.ipv4}/32 dev ${dev}`);
    });
  }

  it("has a real server at the virtual server's own address, on another port", async () => {
    const own = `${VIP.ipv4}:6444`;
    const options = {
      name: 'own',
      port: 6444,
      clientCaFile: lab.caFile,
      ...lab.master(0).certificate,
    };
    started(lab.node.spawn(process.execPath, [APISERVER, JSON.stringify(options)], { ipc: true }));
    const rs = [own, lab.master(1).endpoint].join(',');
    started(startCare(lab, [], ['--vs', VS, '--rs', rs, '--health-ca', lab.caFile]));
    await untilWeights(lab, { [own]: 1, [lab.master(1).endpoint]: 1 });
    assert.deepEqual(new Set(await answerers(lab, 4)), new Set(['own', 'master1']));
  });

  it('has IPv6 disabled: IPv4 works; of an IPv6 virtual server it is said what is wrong, and it recovers', async () => {
    const disabled = 'net.ipv6.conf.all.disable_ipv6';
    await lab.node.sysctl(disabled, 1);
    started(await takeCare(lab));
    await works();

    const vs6 = `[${VIP.ipv6}]:6443`;
    const rs6 = lab.masters.map(({ endpoint6 }) => endpoint6);
    const servers = ['--vs', vs6, '--rs', rs6.join(','), '--health-ca', lab.caFile];
    const six = started(startCare(lab, [], servers));
    await six.waitForLine(/WARN.*local route: IPv6 is disabled on this node: .*disable_ipv6=0/);
    await lab.node.sysctl(disabled, 0);
    await lab.node.ip(`address add ${lab.node.addresses.ipv6}/64 dev eth0 nodad`);
    await untilWeights(lab, Object.fromEntries(rs6.map((row) => [row, 1])), { virtualServer: vs6 });
    await until(async () => (await lab.node.request(lab.node.vipUrl('/whoami', 'ipv6'))).ok, {
      timeoutMs: 30_000,
      everyMs: 150,
    });
    assert.deepEqual(await lab.node.weights(), allOf(lab));
    await six.stop();
    await clean(vs6);
  });

  for (const mode of ['local', 'route']) {
    it(`has no route at all to the virtual server's address, by default or otherwise: ${mode}`, async () => {
      const address = '192.0.2.2';
      assert.notEqual((await lab.node.exec('ip', ['route', 'get', address])).status, 0);
      const virtualServer = `${address}:6443`;
      const servers = ['--vs', virtualServer, ...serversOf(lab).slice(2)];
      const daemon = started(startCare(lab, ['--mode', mode], servers));
      await untilWeights(lab, allOf(lab), { virtualServer });
      await until(
        async () => (await lab.node.seenAs(urlOf(address, '/whoami'))) === lab.node.addresses.ipv4,
        {
          timeoutMs: 30_000,
          everyMs: 150,
        },
      );
      await daemon.stop();
      await clean(virtualServer);
      assert.equal(await fingerprint(lab.node), bare);
    });
  }

  it('has kube-proxy in iptables mode, which drops what is INVALID between pods and others: works once IPVS uses connection tracking', async () => {
    await using podded = await Lab.create({ masters: 1, clients: ['pod'] });
    const pod = podded.client('pod');
    const [own, back] = [pod.addresses.ipv4, podded.node.addresses.ipv4];
    assert.equal((await podded.master(0).exec('ip', ['route', 'add', own, 'via', back])).status, 0);
    const daemon = await takeCare(podded);
    const works = async (): Promise<void> => {
      await until(async () => (await pod.seenAs()) === own, { timeoutMs: 30_000, everyMs: 150 });
    };
    await works();
    const before = await podded.node.sysctl('net.ipv4.vs.conntrack');
    const rule = ['FORWARD', '-m', 'conntrack', '--ctstate', 'INVALID', '-j', 'DROP'];
    await podded.node.must('iptables-legacy', ['-w', '-A', ...rule]);
    await podded.node.sysctl('net.ipv4.vs.conntrack', 0);
    assert.equal(await pod.seenAs(), 'TIMEOUT');
    await podded.node.sysctl('net.ipv4.vs.conntrack', 1);
    await works();
    await podded.node.sysctl('net.ipv4.vs.conntrack', before);
    assert.equal(await daemon.stop(), 0);
  });

  it('has a master whose firewall REJECTs: refused, as if nothing listened', async () => {
    const master = lab.master(1);
    const iptables = async (verb: '-A' | '-D'): Promise<void> => {
      const rule = ['INPUT', '-p', 'tcp', '--dport', '6443', '-j', 'REJECT'];
      const { status, stderr } = await master.exec('iptables-legacy', ['-w', verb, ...rule]);
      assert.equal(status, 0, stderr);
    };
    await iptables('-A');
    try {
      const daemon = started(startCare(lab));
      await daemon.waitForLine(new RegExp(`${master.endpoint} is dead \\(was unknown\\): refused`));
      const { [master.endpoint]: _, ...others } = allOf(lab);
      await untilWeights(lab, others);
    } finally {
      await iptables('-D');
    }
    await untilWeights(lab, allOf(lab));
  });

  it('has its interface renamed', async () => {
    for (const mode of ['local', 'route']) {
      const daemon = started(await takeCare(lab, ['--mode', mode]));
      await works();
      for (const [from, to] of [
        ['eth0', 'uplink0'],
        ['uplink0', 'eth0'],
      ] as const) {
        const name = [`link set ${from} down`, `link set ${from} name ${to}`, `link set ${to} up`];
        await lab.node.must('ip', ['-batch', '-'], { input: `${name.join('\n')}\n` });
        await untilWeights(lab, allOf(lab));
        await works();
      }
      await daemon.stop();
      await clean();
    }
  });

  it('has its interface replaced by another one with the same address', async () => {
    const { host, addresses } = lab.node;
    for (const mode of ['local', 'route']) {
      const daemon = started(await takeCare(lab, ['--mode', mode]));
      await works();
      await lab.node.ip('link del eth0');
      // It has seen that there is none.
      await until(async () => (await lab.node.seenAs()) !== addresses.ipv4, { timeoutMs: 30_000 });
      const peer = `type veth peer name eth0 netns ${host.namespace}`;
      await must('ip', ['-n', host.switchNamespace, '-batch', '-'], {
        input: `link add name ${host.port} master switch ${peer}\nlink set ${host.port} up\n`,
      });
      for (const command of [
        `address add ${addresses.ipv4}/24 dev eth0`,
        `address add ${addresses.ipv6}/64 dev eth0 nodad`,
        'link set eth0 up',
      ])
        await lab.node.ip(command);
      await untilWeights(lab, allOf(lab));
      await works();
      await daemon.stop();
      await clean();
    }
  });

  it('runs lvscare in a user namespace that does not own the network: one line, exit code 1, nothing changed', async () => {
    const before = await fingerprint(lab.node);
    for (const task of [[], ['--run-once'], ['--clean']]) {
      const { status, stdout, stderr } = await lvscare(
        lab.node,
        ['care', ...serversOf(lab), '--log-format', 'text', ...task],
        {},
        ['unshare', '--user', '--map-root-user'],
      );
      assert.equal(status, 1, stdout + stderr);
      assert.match(stdout + stderr, /not permitted: run as root, or with the capability NET_ADMIN/);
      if (task[0] !== '--clean') assert.match(stderr, /^lvscare: [^\n]*not permitted[^\n]*\n$/);
      assert.equal(await fingerprint(lab.node), before);
    }
  });
});
