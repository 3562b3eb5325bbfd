// What users of lvscare, and of what is like it, complained about. Each test is named by what happened to them, and where they
// told of it. Not here: the destinations without an address family of kernel 3.10 (sealos#563, #302, lvscare#16, moby/ipvs#15),
// which no kernel at hand sends: test/netlink/codec.test.ts decodes them, under 'kernels before 3.18'.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { endpoint, Lab, openSockets, until, VIP, type LabProcess, type Master } from '../../lab/index.js';
import { LabClient } from '../../lab/lab-client.js';
import { urlOf } from '../../lab/network.js';
import { inGuest } from '../support/netlink.js';
import { asked } from './asked.js';
import { connectionTo } from './clients.js';
import { allOf, answerers, lvscare, restore, serversOf, startCare, untilWeights, VS } from './lvscare.js';
import { LOADER, unload } from './modules.js';

/** What most of the tests share a daemon with: rows stay while they drain, and who is well again is back at once. */
const USUAL = ['--health-timeout', '1500ms', '--drain-timeout', '2m', '--max-hold', '0'];

describe('users complained that', () => {
  let lab: Lab;
  let running: { readonly daemon: LabProcess; readonly options: string } | null = null;
  /** From which line on this test's begin. */
  let from = 0;
  before(async () => {
    lab = await Lab.create();
  });
  after(() => lab.close());
  afterEach(() => restore(lab));

  /** A daemon with these options: the one of the test before, if it has them. */
  async function care(...options: string[]): Promise<LabProcess> {
    if (running?.options !== options.join(' ')) {
      await end();
      running = { daemon: startCare(lab, options), options: options.join(' ') };
    }
    await untilWeights(lab, allOf(lab));
    from = running.daemon.lines.length;
    return running.daemon;
  }

  async function end(): Promise<void> {
    await running?.daemon.stop();
    running = null;
    const { status, stdout } = await lvscare(lab.node, ['care', '--vs', VS, '-C']);
    assert.equal(status, 0, stdout);
  }

  const others = (): Record<string, number> => ({ [lab.master(0).endpoint]: 1, [lab.master(2).endpoint]: 1 });
  const linesSince = (daemon: LabProcess): string =>
    daemon.lines
      .slice(from)
      .map(({ text }) => text)
      .join('\n');

  it('someone deleted the virtual server and it was not made again (lvscare PR#33)', async () => {
    const daemon = await care(...USUAL);
    await lab.node.ipvsadm(`-D -t ${VS}`);
    await daemon.waitForLine(/created the virtual server .*another program had changed it/, { from });
    await untilWeights(lab, allOf(lab));
    assert.equal((await lab.node.request()).ok, true);
  });

  it("a dead master's established connections hang for a quarter of an hour (kubernetes#77903, #48638, #41916, #121793)", async () => {
    await care(...USUAL);
    const connection = await connectionTo(lab, 'master1');
    await lab.master(1).cut();
    await untilWeights(lab, others());
    assert.equal((await connection.ended).code, 'ECONNABORTED', 'lvscare ends it');
  });

  it("an apiserver that accepts connections and answers nothing is never noticed (rke2#6376, kubespray's nginx)", async () => {
    const daemon = await care(...USUAL);
    await lab.master(1).stop();
    await daemon.waitForLine(/201:6443 is sick .*slow/, { from });
    await untilWeights(lab, { ...others(), [lab.master(1).endpoint]: 0 });
    assert.equal((await answerers(lab, 4)).filter((name) => /master[02]/.test(name)).length, 4);
  });

  it('etcd lost its quorum, every apiserver failed at once, and everything was removed (k3s#10241)', async () => {
    const daemon = await care(...USUAL);
    for (const master of lab.masters) await master.fail(500);
    for (const { addresses } of lab.masters)
      await daemon.waitForLine(new RegExp(`${addresses.ipv4}:6443 is sick`), { from });
    await daemon.waitForLine(/as a last resort/, { from });
    await untilWeights(lab, allOf(lab));
    assert.equal(new Set(await answerers(lab, 6)).size, 3);
  });

  it('the checker was starved itself, and tore down the only good server (k3s#10240)', async () => {
    const daemon = await care(...USUAL, '--fall', '1');
    await lab.master(1).kill();
    await lab.master(2).kill();
    await untilWeights(lab, { [lab.master(0).endpoint]: 1 });
    from = daemon.lines.length;
    let asked = await probesOf(lab.master(0));
    await lab.master(0).behave({ kind: 'late', afterMs: 500 });
    await until(async () => (await probesOf(lab.master(0))) > asked, { timeoutMs: 30_000 });
    daemon.signal('SIGSTOP');
    await lab.master(0).heal();
    // The answer comes in time, and nobody hears it until the probe's time is long over.
    await lab.node.must('sleep', ['3']);
    asked = await probesOf(lab.master(0));
    daemon.signal('SIGCONT');
    await until(async () => (await probesOf(lab.master(0))) >= asked + 3, { timeoutMs: 30_000 });
    assert.doesNotMatch(linesSince(daemon), /200:6443 is|removed|to weight 0/);
    assert.deepEqual(await lab.node.weights(), { [lab.master(0).endpoint]: 1 });
  });

  it('a backend is not added again after it has recovered (kube-vip#875, #895)', async () => {
    await care(...USUAL);
    await lab.master(1).kill();
    await untilWeights(lab, others());
    await lab.master(1).start();
    await untilWeights(lab, allOf(lab));
    assert.ok((await answerers(lab, 6)).includes('master1'));
  });

  it('a failed server never returns, and TLS checks leak (keepalived#373, #2523, #2199)', async () => {
    const daemon = await care(...USUAL);
    const socketsAtRest = await openSockets(daemon.pid);
    for (let time = 0; time < 5; time += 1) {
      const since = daemon.lines.length;
      await lab.master(1).fail(500);
      await daemon.waitForLine(/201:6443 is sick/, { from: since });
      await lab.master(1).heal();
      await daemon.waitForLine(/201:6443 is up/, { from: since });
    }
    await untilWeights(lab, allOf(lab));
    await until(async () => (await openSockets(daemon.pid)) <= socketsAtRest, { timeoutMs: 30_000 });
  });

  it('each probe leaves a line of a TLS handshake cut off by EOF in the log of the apiserver (kubernetes#70411)', async () => {
    await care(...USUAL, '--handshake-interval', '0');
    const before = await lab.master(0).stats();
    const grown = async (): Promise<boolean> =>
      (await lab.master(0).stats()).handshakes >= before.handshakes + 3;
    await until(grown, { timeoutMs: 30_000, what: 'three probes of connections of their own' });
    const { failedHandshakes } = await lab.master(0).stats();
    assert.equal(failedHandshakes, before.failedHandshakes);
  });

  it('on a hardened cluster /healthz is 401, and all are taken for sick (k3s#3576, kubernetes#43784, sealos PR#3946)', async () => {
    const daemon = await care(...USUAL, '--health-status', '401');
    for (const master of lab.masters) await master.demand({ token: 'one that lvscare was not told' });
    const asked = await probesOf(lab.master(0));
    await until(async () => (await probesOf(lab.master(0))) >= asked + 3, { timeoutMs: 30_000 });
    assert.doesNotMatch(linesSince(daemon), /is (sick|dead)/);
    await untilWeights(lab, allOf(lab));
  });

  it('a master that was removed from the cluster stays in the rules (sealos#222, #226, #498)', async () => {
    await care(...USUAL);
    await running?.daemon.stop();
    const daemon = startCare(lab, USUAL, serversOf(lab, lab.masters.slice(0, 2)));
    running = { daemon, options: 'two masters' };
    await untilWeights(lab, { [lab.master(0).endpoint]: 1, [lab.master(1).endpoint]: 1 });
  });

  it("it removed other services' servers of weight 0 (sealos#367)", async () => {
    const foreign = '10.96.0.10:53';
    await lab.node.ipvsadm(`-A -t ${foreign} -s rr`);
    for (const { endpoint } of lab.masters) await lab.node.ipvsadm(`-a -t ${foreign} -r ${endpoint} -m -w 0`);
    const there = await lab.node.weights(foreign);
    const daemon = await care('--drain-timeout', '0', '--max-hold', '0');
    await lab.master(1).fail(500);
    await untilWeights(lab, others());
    await lab.master(1).heal();
    await untilWeights(lab, allOf(lab));
    assert.equal(await daemon.stop(), 0);
    await end();
    assert.equal(Object.keys(there ?? {}).length, 3);
    assert.deepEqual(await lab.node.weights(foreign), there);
    await lab.node.ipvsadm(`-D -t ${foreign}`);
  });

  it('the route was lost with the NIC, and not made again (sealos#483)', async () => {
    const daemon = await care('--mode', 'route', '--interval', '10m');
    const route = (): Promise<string> => lab.node.ip(`route show ${VIP.ipv4}/32`);
    await until(async () => (await route()).includes('metric 50'), { timeoutMs: 20_000 });
    const right = await route();
    // All of it before it can be mended, or nobody would see that it was lost.
    daemon.signal('SIGSTOP');
    await lab.node.ip('link set eth0 down');
    assert.equal(await route(), '');
    await lab.node.ip('link set eth0 up');
    assert.equal(await route(), '');
    // Which went with it, too.
    await lab.node.ip(`address add ${lab.node.addresses.ipv6}/64 dev eth0 nodad`);
    daemon.signal('SIGCONT');
    await until(async () => (await route()) === right, { timeoutMs: 20_000 });
    await daemon.waitForLine(/route repaired: no route 10\.103\.97\.2\/32/, { from });
    await until(async () => (await lab.node.request()).ok, { timeoutMs: 30_000 });
  });

  /** The other NIC, by which the default route goes, and a virtual server that would be looked for there. */
  const OTHER_NIC = {
    ipv4: {
      own: '192.168.7.100/24',
      gateway: '192.168.7.1',
      virtual: '10.96.255.2',
      realServers: () => lab.masters.map(({ endpoint }) => endpoint),
    },
    ipv6: {
      own: 'fd00:192:168:7::100/64',
      gateway: 'fd00:192:168:7::1',
      virtual: 'fd00:10:96:255::2',
      realServers: () => lab.masters.map(({ endpoint6 }) => endpoint6),
    },
  } as const;

  for (const family of ['ipv4', 'ipv6'] as const)
    it(`with two NICs the source address is the wrong one, and half of the connections time out (sealos#120, #134, #2108, #4829, lvscare#6, #28), ${family}`, async () => {
      await end();
      const { node } = lab;
      const { own, gateway, virtual, realServers } = OTHER_NIC[family];
      const [ip, address] = [family === 'ipv6' ? '-6' : '-4', node.addresses[family]];
      for (const command of [
        'link add eth1 type dummy',
        `address add ${own} dev eth1${family === 'ipv6' ? ' nodad' : ''}`,
        'link set eth1 up',
        `${ip} route add default via ${gateway} dev eth1`,
      ])
        await node.ip(command);
      const virtualServer = endpoint(virtual);
      const otherAddress = own.replace(/\/.*/, '');
      assert.ok((await node.ip(`route get ${virtual}`)).includes(`dev eth1 src ${otherAddress}`));
      for (const mode of ['local', 'route']) {
        const servers = ['--vs', virtualServer, '--rs', realServers().join(','), '--health-ca', lab.caFile];
        running = { daemon: startCare(lab, ['--mode', mode], servers), options: mode };
        const rows = Object.fromEntries(realServers().map((server) => [server, 1]));
        await untilWeights(lab, rows, { virtualServer });
        await running.daemon.waitForLine(/this node is \S+ \(the route to \S+\)/);
        assert.ok(running.daemon.text().includes(`this node is ${address} (`), running.daemon.text());
        await until(async () => (await node.ip(`route get ${virtual}`)).includes(address));
        for (let time = 0; time < 6; time += 1)
          assert.equal(await node.seenAs(urlOf(virtual, '/whoami')), address, mode);
        await running.daemon.stop();
        assert.equal((await lvscare(node, ['care', '--vs', virtualServer, '-C'])).status, 0);
      }
      running = null;
      await node.ip('link del eth1');
    });

  it('on a master there is no route to the virtual server, and its own apiserver does not work through it (lvscare#38, sealos#637, PR#1367)', async () => {
    const { host, addresses } = lab.master(0);
    const onMaster = new LabClient('on master0', host);
    await onMaster.start();
    try {
      const daemon = startCare(lab, [], serversOf(lab), { on: onMaster });
      for (const master of lab.masters)
        await daemon.waitForLine(new RegExp(`added ${master.addresses.ipv4}:6443`));
      await until(async () => (await onMaster.request()).ok, { timeoutMs: 20_000 });
      const answered = new Set<string>();
      for (let time = 0; time < 6; time += 1) {
        const result = await onMaster.request();
        assert.ok(result.ok, JSON.stringify(result));
        answered.add(result.by ?? '?');
        assert.equal(result.whoami?.remoteAddress, addresses.ipv4);
      }
      assert.deepEqual(answered, new Set(['master0', 'master1', 'master2']));
      assert.equal(await daemon.stop(), 0);
      assert.equal((await lvscare(onMaster, ['care', '--vs', VS, '-C'])).status, 0);
    } finally {
      await onMaster.close();
    }
  });

  it('several virtual servers, another port for health, and IPv6 are wanted (lvscare#41, PR#42, #27, sealos#1662)', async () => {
    await care(...USUAL);
    const ca = ['--health-ca', lab.caFile];
    const vs6 = `[${VIP.ipv6}]:6443`;
    const rows6 = lab.masters.map(({ endpoint6 }) => endpoint6);
    const six = startCare(lab, [], ['--vs', vs6, '--rs', rows6.join(','), ...ca]);
    // Nothing listens at 9443: connections would go there, probes do not.
    const other = '10.103.97.3:9443';
    const rows9443 = lab.masters.map(({ addresses }) => `${addresses.ipv4}:9443`);
    const health = ['--rs', rows9443.join(','), '--health-port', '6443', ...ca];
    const another = startCare(lab, [], ['--vs', other, ...health]);
    await untilWeights(lab, inRotation(rows6), { virtualServer: vs6 });
    await untilWeights(lab, inRotation(rows9443), { virtualServer: other });
    await untilWeights(lab, allOf(lab));
    await until(async () => (await lab.node.request(lab.node.vipUrl('/whoami', 'ipv6'))).ok);
    assert.equal((await lab.node.request()).ok, true);
    for (const daemon of [six, another]) assert.equal(await daemon.stop(), 0);
    for (const vs of [vs6, other])
      assert.equal((await lvscare(lab.node, ['care', '--vs', vs, '-C'])).status, 0);
    await untilWeights(lab, allOf(lab));
  });

  it('a join fails when one of the masters is down, since --run-once trusts all of them', async () => {
    await end();
    await lab.master(1).kill();
    const { status, stdout } = await lvscare(lab.node, ['care', ...serversOf(lab), '--run-once']);
    assert.equal(status, 0, stdout);
    assert.match(stdout, new RegExp(`${lab.master(1).endpoint} is dead .*refused`));
    assert.equal((await answerers(lab, 12)).filter((name) => name.startsWith('master')).length, 12);
  });

  it("the pod has to be privileged (lvscare's manifest)", async () => {
    await end();
    const { status, stdout, stderr } = await lvscare(
      lab.node,
      ['care', ...serversOf(lab), '--run-once'],
      {},
      ['setpriv', '--bounding-set', '-all,+net_admin', '--inh-caps', '-all'],
    );
    assert.equal(status, 0, stdout + stderr);
    await untilWeights(lab, allOf(lab));
    assert.equal((await lab.node.request()).ok, true);
  });

  it('what is missing gives an obscure "invalid argument" (kube-vip#506, #755)', async () => {
    await end();
    const once = ['care', ...serversOf(lab), '--run-once'];
    const withoutScheduler = await lvscare(lab.node, [...once, '--scheduler', 'nosuch']);
    assert.match(
      withoutScheduler.stdout,
      /the kernel has no scheduler nosuch: load it with modprobe ip_vs_nosuch/,
    );
    const withoutRight = await lvscare(lab.node, once, {}, ['setpriv', '--bounding-set', '-net_admin']);
    assert.match(
      withoutRight.stderr,
      /^lvscare: [^\n]*not permitted: run as root, or with the capability NET_ADMIN\n$/,
    );
    for (const { status, stdout, stderr } of [withoutScheduler, withoutRight]) {
      assert.equal(status, 1);
      assert.doesNotMatch(stdout + stderr, /invalid argument|EINVAL/i);
    }
  });

  it('kube-proxy in ipvs mode flushes the rules, and excludeCIDRs is to be known of (lvscare#7, kubernetes#59507, #76267, #85799, #134147)', async () => {
    await end();
    const { node } = lab;
    await node.ip('link add kube-ipvs0 type dummy');
    await node.ip('address add 10.96.0.1/32 dev kube-ipvs0');
    await node.ipvsadm('-A -t 10.96.0.1:443 -s rr');
    await node.ipvsadm(`-a -t 10.96.0.1:443 -r ${lab.master(0).endpoint} -m`);
    // In its way, too: the address is on the interface that it thinks its own.
    await node.ip(`address add ${VIP.ipv4}/32 dev kube-ipvs0`);
    const daemon = await care(...USUAL);
    const steps = 5;
    for (let time = 1; time <= steps; time += 1) {
      from = daemon.lines.length;
      await kubeProxySync(lab, ['10.96.0.1:443']);
      await daemon.waitForLine(/created the virtual server .*another program had changed it/, { from });
      await untilWeights(lab, allOf(lab));
    }
    await until(async () => (await node.request()).ok, { timeoutMs: 20_000 });
    const told = daemon.lines.filter(({ text }) => text.includes('another program keeps deleting'));
    assert.equal(told.length, 1, daemon.text());
    assert.match(
      told[0]?.text ?? '',
      /WARN.*kube-proxy in ipvs mode, set ipvs\.excludeCIDRs: \["10\.103\.97\.2\/32"\]/,
    );
    const { body } = await asked(node, '/metrics');
    assert.match(body, /^lvscare_deleted_repeatedly(?:\{[^}]*\})? 1$/m);
    const repairs = /^lvscare_repairs_total\{[^}]*what="create-service"[^}]*\} (\d+)$/m.exec(body)?.[1];
    assert.ok(Number(repairs) >= steps, body);
    assert.deepEqual(await node.weights('10.96.0.1:443'), { [lab.master(0).endpoint]: 1 });
    assert.match(await node.ip('address show dev kube-ipvs0'), /10\.96\.0\.1\/32/);
    await end();
    await node.ipvsadm('-D -t 10.96.0.1:443');
    await node.ip('link del kube-ipvs0');
  });

  it("other programs' iptables rules, of kube-proxy, Calico and Cilium, are in the way, or are lost", async () => {
    await end();
    const bash = (text: string): Promise<string> => lab.node.must('bash', ['-euc', text]);
    await bash(NEIGHBOURS);
    const rules = (): Promise<string> => bash("iptables-legacy-save | sed '/^#/d; s/ \\[.*//'");
    const before = await rules();
    assert.match(before, /KUBE-SERVICES[^]*cali-OUTPUT|cali-OUTPUT[^]*KUBE-SERVICES/);
    /** How many packets to the virtual server a chain's rule that only counts has met. */
    const met = async (chain: string): Promise<number> => {
      const listed = await lab.node.must('iptables-legacy', ['-w', '-t', 'nat', '-nvxL', chain]);
      const counting = listed.split('\n').find((line) => line.includes(VIP.ipv4));
      return Number(counting?.trim().split(' ')[0]);
    };
    await care(...USUAL);
    const earlier = [await met('KUBE-SERVICES'), await met('cali-OUTPUT')];
    assert.equal(new Set(await answerers(lab, 6)).size, 3);
    assert.equal(await lab.node.seenAs(), lab.node.addresses.ipv4);
    // NAT looks at the first packet of each connection.
    const later = [await met('KUBE-SERVICES'), await met('cali-OUTPUT')];
    assert.deepEqual(
      later.map((count, index) => count - (earlier[index] ?? NaN) >= 7),
      [true, true],
      `${earlier.join()} packets, then ${later.join()}`,
    );
    await lab.master(1).kill();
    await untilWeights(lab, others());
    assert.equal((await lab.node.request()).ok, true);
    await end();
    assert.equal(await rules(), before);
    await bash(
      'for table in nat filter; do iptables-legacy -w -t $table -F; iptables-legacy -w -t $table -X; done',
    );
  });
});

describe(
  'users complained that, after a reboot,',
  { skip: inGuest ? false : 'needs a guest: the modules of a machine are not ours to unload' },
  () => {
    let lab: Lab;
    let loader = '';
    let directory = '';
    before(async () => {
      loader = (await readFile(LOADER, 'utf8')).trim();
      lab = await Lab.create();
      directory = await mkdtemp(join(tmpdir(), 'reboot-'));
    });
    after(async () => {
      await writeFile(LOADER, loader);
      await rm(directory, { recursive: true, force: true });
      await lab.close();
    });

    const hosts = (): string => join(directory, 'hosts');
    /** Whom the complete hosts file says that this node is. */
    const NODE_IP = '10.103.97.101';

    /** What comes to be there while a node starts. */
    const arrivals: Readonly<Record<string, () => Promise<unknown>>> = {
      modules: () => writeFile(LOADER, loader),
      network: async () => {
        for (const command of [
          'link set lo up',
          'link set eth0 up',
          `address add ${lab.node.addresses.ipv4}/24 dev eth0`,
          `address add ${NODE_IP}/24 dev eth0`,
        ])
          await lab.node.ip(command);
      },
      hosts: () => writeFile(hosts(), `127.0.0.1 localhost\n${NODE_IP} lvscare.node.ip\n`),
    };

    /** As it is when the kernel has just started. */
    async function reboot(): Promise<void> {
      await lab.node.ipvsadm('-C');
      for (const command of [
        'route flush table local dev lo',
        'link set eth0 down',
        'address flush dev eth0',
      ])
        await lab.node.ip(command);
      await lab.node.ip('link set lo down');
      await unload();
      await writeFile(LOADER, '/bin/false');
      await lab.node.must('sh', ['-c', 'rm -rf /run/lvscare']);
      await writeFile(hosts(), '127.0.0.1 localhost\n');
    }

    for (const order of [
      ['network', 'modules', 'hosts'],
      ['modules', 'hosts', 'network'],
      ['hosts', 'network', 'modules'],
    ]) {
      it(`the virtual server is dead, or ip_vs was not loaded and it never recovers: ${order.join(', then ')} (sealos#723, #598, lvscare#5; sealos#60, #67, #241, #312)`, async () => {
        await reboot();
        const hide = ['--mount', 'sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', hosts()];
        const daemon = startCare(lab, ['--log-level', 'debug'], serversOf(lab), {
          wrapper: ['unshare', ...hide],
        });
        try {
          await daemon.waitForLine(/the kernel has no IPVS: load it with modprobe ip_vs; trying again/);
          for (const what of order) {
            const since = daemon.lines.length;
            await arrivals[what]?.();
            // It has had a look at the node as it is now before the next thing comes.
            await daemon.waitForLine(/reconciled|no IPVS/, { from: since });
          }
          await untilWeights(lab, allOf(lab));
          await until(async () => (await lab.node.seenAs()) === NODE_IP, { timeoutMs: 30_000, everyMs: 150 });
          assert.match(
            await lab.node.ip('route show table local'),
            new RegExp(`local ${VIP.ipv4.replaceAll('.', String.raw`\.`)} dev lo .*src ${NODE_IP}`),
          );
          assert.equal(await lab.node.sysctl('net.ipv4.vs.expire_nodest_conn'), '1');
          assert.doesNotMatch(daemon.text(), /EEXIST|file exists/i);
        } finally {
          await daemon.stop();
        }
      });
    }
  },
);

function inRotation(rows: readonly string[]): Record<string, number> {
  return Object.fromEntries(rows.map((row) => [row, 1]));
}

async function probesOf(master: Master): Promise<number> {
  return (await master.stats()).requests['GET /healthz'] ?? 0;
}

/** What kube-proxy in ipvs mode does at each sync: what it does not know goes, of the table and of its own interface. */
async function kubeProxySync({ node }: Lab, known: readonly string[]): Promise<void> {
  for (const { protocol, endpoint } of await node.table())
    if (protocol === 'TCP' && !known.includes(endpoint)) await node.ipvsadm(`-D -t ${endpoint}`);
  const held = await node.ip('-4 -o address show dev kube-ipvs0');
  for (const [, address = ''] of held.matchAll(/inet ([\d.]+)\/32/g))
    if (!known.some((service) => service.startsWith(`${address}:`)))
      await node.ip(`address del ${address}/32 dev kube-ipvs0`);
}

/** The rules of kube-proxy in iptables mode, of Calico and of Cilium that a packet of the node's own meets. */
const NEIGHBOURS = `
  nat() { iptables-legacy -w -t nat "$@"; }
  filter() { iptables-legacy -w -t filter "$@"; }
  for chain in KUBE-SERVICES KUBE-SVC KUBE-SEP KUBE-POSTROUTING cali-OUTPUT cali-POSTROUTING CILIUM_OUTPUT_nat; do nat -N $chain; done
  nat -A OUTPUT -j cali-OUTPUT
  nat -A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
  nat -A OUTPUT -m comment --comment "cilium-feeder: CILIUM_OUTPUT_nat" -j CILIUM_OUTPUT_nat
  for chain in KUBE-SERVICES cali-OUTPUT; do nat -A $chain -d ${VIP.ipv4}/32 -p tcp --dport 6443; done
  nat -A KUBE-SERVICES -d 10.96.0.1/32 -p tcp --dport 443 -j KUBE-SVC
  nat -A KUBE-SVC -m statistic --mode random --probability 0.5 -j KUBE-SEP
  nat -A KUBE-SEP -p tcp -j DNAT --to-destination 10.103.97.200:6443
  nat -A KUBE-SERVICES -m addrtype --dst-type LOCAL -p tcp --dport 30000 -j KUBE-SVC
  nat -A POSTROUTING -j cali-POSTROUTING
  nat -A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
  nat -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
  nat -A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
  nat -A KUBE-POSTROUTING -j MASQUERADE --random-fully
  for chain in cali-OUTPUT CILIUM_OUTPUT KUBE-FIREWALL KUBE-FORWARD; do filter -N $chain; done
  filter -A OUTPUT -j cali-OUTPUT
  filter -A OUTPUT -m comment --comment "cilium-feeder: CILIUM_OUTPUT" -j CILIUM_OUTPUT
  filter -A OUTPUT -j KUBE-FIREWALL
  filter -A FORWARD -j KUBE-FORWARD
  filter -A cali-OUTPUT -m mark --mark 0x10000/0x10000 -j ACCEPT
  filter -A cali-OUTPUT -m conntrack --ctstate INVALID -j DROP
  filter -A cali-OUTPUT -j MARK --set-xmark 0x0/0xf0000
  filter -A cali-OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
  filter -A CILIUM_OUTPUT -m mark ! --mark 0xe00/0xf00 -m mark ! --mark 0xd00/0xf00 -j MARK --set-xmark 0xc00/0xf00
  filter -A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP
  filter -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
  filter -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP`;
