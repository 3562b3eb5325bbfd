// Each way to reach the virtual server: made, used by real clients, repaired, given up for another, cleaned.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Lab, until, urlOf, VIP, endpoint, type LabProcess } from '../../lab/index.js';
import { PROGRAM } from '../../lab/program.js';
import { allOf, fingerprint, lvscare, serversOf, startCare, takeCare, untilWeights, VS } from './lvscare.js';

/** Masquerading is for a kernel that has nft's NAT: test/program/ways.kernel.test.ts. */
const LINK = ['--mode', 'link', '--masquerade=false'];

const VS6 = endpoint(VIP.ipv6);

const families = {
  ipv4: { ip: 'ip -4', host: `${VIP.ipv4}/32`, vs: VS },
  ipv6: { ip: 'ip -6', host: `${VIP.ipv6}/128`, vs: VS6 },
} as const;
type Family = keyof typeof families;

describe('the ways to the virtual server', () => {
  let lab: Lab;
  let daemon: LabProcess | null = null;
  let bare = '';
  before(async () => {
    lab = await Lab.create();
    bare = await fingerprint(lab.node);
  });
  after(() => lab.close());
  afterEach(async () => {
    await daemon?.stop();
    daemon = null;
    for (const { vs } of Object.values(families)) await lvscare(lab.node, ['care', '--vs', vs, '-C']);
  });

  function servers(family: Family): string[] {
    const rs = lab.masters.map((master) => (family === 'ipv4' ? master.endpoint : master.endpoint6));
    return ['--vs', families[family].vs, '--rs', rs.join(','), '--health-ca', lab.caFile];
  }

  async function start(family: Family, ...options: string[]): Promise<LabProcess> {
    const started = startCare(lab, options, servers(family));
    const rows = lab.masters.map((master) => (family === 'ipv4' ? master.endpoint : master.endpoint6));
    await untilWeights(lab, Object.fromEntries(rows.map((row) => [row, 1])), {
      virtualServer: families[family].vs,
    });
    return started;
  }

  /** Who is answered at the virtual server, by the address that the apiserver sees. */
  async function seenAs(family: Family): Promise<string> {
    const result = await lab.node.request(lab.node.vipUrl('/whoami', family));
    return result.ok ? (result.whoami?.remoteAddress ?? '?') : result.code;
  }

  async function untilSeenAs(family: Family, address: string): Promise<void> {
    await until(async () => (await seenAs(family)) === address, { timeoutMs: 20_000, everyMs: 150 });
  }

  const route = (family: Family): Promise<string> =>
    lab.node.ip(`${family === 'ipv4' ? '-4' : '-6'} route show ${families[family].host}`);

  for (const family of ['ipv4', 'ipv6'] as const) {
    const node = (): string => lab.node.addresses[family];

    it(`route, ${family}: a route with metric 50, deleted and changed behind our back, cleaned`, async (context) => {
      daemon = await start(family, '--mode', 'route', '--interval', '10m');
      await untilSeenAs(family, node());
      // Clients are served before it is there: to an address of the node's own network there is a way already.
      await until(async () => (await route(family)).includes('metric 50'), { timeoutMs: 20_000 });
      const right = await route(family);
      assert.match(
        right,
        family === 'ipv4' ? /via 10\.103\.97\.100 dev eth0 .*metric 50/ : /dev eth0 .*metric 50/,
      );
      for (const meddle of [
        `route del ${families[family].host} metric 50`,
        family === 'ipv4'
          ? `route replace ${families[family].host} dev eth0 metric 50`
          : `route replace ${families[family].host} dev lo metric 50`,
      ]) {
        const from = daemon.lines.length;
        const startMs = performance.now();
        await lab.node.ip(`${family === 'ipv4' ? '-4' : '-6'} ${meddle}`);
        const { atMs } = await daemon.waitForLine(/ route repaired: /, { from });
        context.diagnostic(`repaired ${Math.round(atMs - startMs)} ms after ip was started: ${meddle}`);
        await until(async () => (await route(family)) === right, { timeoutMs: 20_000, what: meddle });
      }
      await untilSeenAs(family, node());
    });

    it(`link, ${family}: a dummy with the address, each part taken away behind our back, cleaned`, async (context) => {
      daemon = await start(family, ...LINK, '--iface', 'odd.name-15byte', '--interval', '10m');
      const { host } = families[family];
      const right = async (): Promise<boolean> => {
        const links = await lab.node.ip('-d link show');
        if (!/odd\.name-15byte: <[^>]*\bUP\b/.test(links)) return false;
        return (await lab.node.ip('address show dev odd.name-15byte')).includes(host);
      };
      // The masters find no way back to an address that the node does not announce: ways.kernel.test.ts has the clients.
      await until(right, { timeoutMs: 20_000 });
      for (const [meddle, says] of [
        [`address del ${host} dev odd.name-15byte`, /address repaired: no address/],
        ['link set odd.name-15byte down', /dummy link repaired: .* is down/],
        ['link del odd.name-15byte', /dummy link repaired: no interface/],
        ['link set odd.name-15byte down\nlink set odd.name-15byte name renamed', /dummy link repaired: no/],
      ] as const) {
        const from = daemon.lines.length;
        // Stopped, or it would have it up again before ip has renamed it.
        daemon.signal('SIGSTOP');
        await lab.node.must('ip', ['-batch', '-'], { input: `${meddle}\n` });
        const startMs = performance.now();
        daemon.signal('SIGCONT');
        const { atMs } = await daemon.waitForLine(says, { from });
        context.diagnostic(`repaired ${Math.round(atMs - startMs)} ms after it went on: ${meddle}`);
        await until(right, { timeoutMs: 20_000, what: meddle });
      }
      await lab.node.ip('link del renamed');
    });
  }

  it('NODE_IP is from the first source that has it, and a line says from which', async () => {
    const { node } = lab;
    await node.ip('address add 10.103.97.110/24 dev eth0');
    const once = ['care', ...servers('ipv4'), '--run-once', '--dry-run', '--log-format', 'text'];
    const hide = (line: string): string[] => {
      const script = 'printf %s "$0" >/run/hosts; mount --bind /run/hosts /etc/hosts; exec "$@"';
      return ['unshare', '--mount', 'sh', '-c', script, line];
    };
    const entry = hide('10.103.97.110 lvscare.node.ip');
    for (const [options, environment, wrapper, says] of [
      [['--ip', '10.103.97.110'], { LVSCARE_NODE_IP: node.addresses.ipv4 }, entry, '10.103.97.110 (--ip)'],
      [[], { LVSCARE_NODE_IP: node.addresses.ipv4 }, entry, `${node.addresses.ipv4} (LVSCARE_NODE_IP)`],
      [[], {}, entry, "10.103.97.110 (the hosts file's lvscare.node.ip)"],
      [[], {}, hide('127.0.0.1 localhost'), `${node.addresses.ipv4} (the route to 10.103.97.200)`],
    ] as const) {
      const { status, stdout, stderr } = await lvscare(node, [...once, ...options], environment, wrapper);
      assert.equal(status, 0, stdout + stderr);
      const told = stdout.split('\n').filter((line) => line.includes('this node is'));
      assert.deepEqual(
        told.map((line) => line.split('this node is ')[1]),
        [says],
      );
    }
    const link = await lvscare(node, [...once, '--ip', '10.103.97.110', ...LINK]);
    assert.match(link.stdout, /WARN.*--ip has no effect: mode link makes no use of this node's address/);
    await node.ip('address del 10.103.97.110/24 dev eth0');
  });

  it('-C in any mode leaves no trace of any mode, and puts the sysctl back', async () => {
    for (const [made, by] of [
      [['--mode', 'route'], LINK],
      [LINK, ['--mode', 'none']],
      [['--mode', 'local'], []],
      // The name of the interface is nobody's to remember but the record's.
      [[...LINK, '--iface', 'other'], []],
    ] as const) {
      await lab.node.sysctl('net.ipv4.vs.expire_nodest_conn', 0);
      const once = await lvscare(lab.node, ['care', ...servers('ipv4'), '--run-once', ...made]);
      assert.equal(once.status, 0, once.stdout + once.stderr);
      assert.match(once.stdout, /expire_nodest_conn is 0, not 1/);
      assert.equal(await lab.node.sysctl('net.ipv4.vs.expire_nodest_conn'), '1');
      assert.notEqual(await fingerprint(lab.node), bare);
      const dry = await lvscare(lab.node, ['care', '--vs', VS, '-C', '--dry-run', ...by]);
      assert.match(dry.stdout, /would remove virtual server 10\.103\.97\.2:6443/);
      assert.match(dry.stdout, /would remove (route|address)/);
      const removals = dry.stdout.match(/would remove .*/g) ?? [];
      assert.equal(new Set(removals).size, removals.length, dry.stdout);
      for (const word of ['removed', 'nothing']) {
        const cleaned = await lvscare(lab.node, ['care', '--vs', VS, '-C', ...by]);
        assert.equal(cleaned.status, 0, cleaned.stdout + cleaned.stderr);
        assert.match(cleaned.stdout, new RegExp(word));
        assert.equal(await fingerprint(lab.node), bare, made.join(' '));
        assert.equal(await lab.node.sysctl('net.ipv4.vs.expire_nodest_conn'), '0');
      }
    }
  });

  it('without its record, -C removes what its options name, and what is of another program stays', async () => {
    for (const mode of [LINK, ['--mode', 'route']]) {
      await lvscare(lab.node, ['care', ...servers('ipv4'), '--run-once', ...mode]);
      await lab.node.must('sh', ['-c', 'rm -r /run/lvscare/$(readlink /proc/self/ns/net | tr -dc 0-9)']);
    }
    await lab.node.ip('address add 10.96.0.1/32 dev lvscare');
    await lab.node.ip('route add 10.103.97.2/32 dev eth0 metric 51');
    assert.equal((await lvscare(lab.node, ['care', '--vs', VS, '-C'])).status, 0);
    assert.match(await lab.node.ip('-4 address show dev lvscare'), /inet 10\.96\.0\.1\/32/);
    assert.doesNotMatch(await lab.node.ip('-4 address show dev lvscare'), /10\.103\.97\.2/);
    assert.match(await route('ipv4'), /^10\.103\.97\.2 dev eth0 scope link metric 51 *\n$/);
    await lab.node.ip('route del 10.103.97.2/32 metric 51');
    await lab.node.ip('link del lvscare');
    assert.equal(await fingerprint(lab.node), bare);
  });

  it('another mode, or interface, after a restart: lvscare removes the earlier mode, and no request fails', async () => {
    const { node } = lab;
    daemon = await start('ipv4', '--mode', 'route');
    await untilSeenAs('ipv4', node.addresses.ipv4);
    const client = await node.steady({ everyMs: 100, timeoutMs: 10_000 });
    for (const [options, gone, there] of [
      [
        ['--mode', 'local'],
        /earlier mode route removed: route 10\.103\.97\.2\/32 via/,
        'local 10.103.97.2 dev lo',
      ],
      [['--mode', 'route'], /earlier mode local removed: route local/, 'metric 50'],
    ] as const) {
      await daemon.stop();
      daemon = await start('ipv4', ...options);
      await daemon.waitForLine(gone);
      assert.ok((await node.ip('-4 route show table all')).includes(there));
      await untilSeenAs('ipv4', node.addresses.ipv4);
    }
    await client.stop();
    assert.ok(client.samples.length > 5);
    assert.deepEqual(client.failures, []);
    await daemon.stop();
    daemon = await start('ipv4', ...LINK, '--iface', 'one');
    await daemon.waitForLine(/earlier (mode|interface) \S+ removed/);
    await daemon.stop();
    daemon = await start('ipv4', ...LINK, '--iface', 'two');
    await daemon.waitForLine(
      /earlier interface one removed: (interface one|address 10\.103\.97\.2\/32 on one)/,
    );
    await until(async () => !(await node.ip('link show')).includes('one:'), { timeoutMs: 20_000 });
    assert.match(await node.ip('address show dev two'), /10\.103\.97\.2\/32/);
  });

  for (const family of ['ipv4', 'ipv6'] as const) {
    it(`link, then local, ${family}: no request fails, though nothing else leads to the address`, async () => {
      const { node } = lab;
      const [address, masters] =
        family === 'ipv4'
          ? (['192.0.2.2', lab.masters.map((master) => master.endpoint)] as const)
          : (['2001:db8::2', lab.masters.map((master) => master.endpoint6)] as const);
      const virtualServer = endpoint(address);
      const options = ['--vs', virtualServer, '--rs', masters.join(','), '--health-ca', lab.caFile];
      const inRotation = Object.fromEntries(masters.map((row) => [row, 1]));
      // The masters know the way back to it.
      for (const master of lab.masters) {
        const way = ['route', 'replace', address, 'via', node.addresses[family]];
        assert.equal((await master.exec('ip', way)).status, 0);
      }
      assert.notEqual((await node.exec('ip', ['route', 'get', address])).status, 0);
      daemon = startCare(lab, [...LINK, '--interval', '10m'], options);
      await untilWeights(lab, inRotation, { virtualServer });
      const url = urlOf(address, '/whoami');
      await until(async () => (await node.seenAs(url)) === address, { timeoutMs: 20_000, everyMs: 150 });
      await daemon.stop();
      const client = await node.steady({ url, everyMs: 50, timeoutMs: 10_000 });
      daemon = startCare(lab, ['--mode', 'local', '--interval', '10m'], options);
      await daemon.waitForLine(/earlier interface lvscare removed: interface lvscare/);
      await until(async () => (await node.seenAs(url)) === node.addresses[family], { timeoutMs: 20_000 });
      await client.stop();
      assert.ok(client.samples.length > 5);
      assert.deepEqual(client.failures, []);
      assert.doesNotMatch(await node.ip('link show'), /lvscare/);
      await daemon.stop();
      assert.equal((await lvscare(node, ['care', '--vs', virtualServer, '-C'])).status, 0);
      for (const master of lab.masters) await master.exec('ip', ['route', 'del', address]);
      assert.equal(await fingerprint(node), bare);
    });
  }

  it('--clean removes one virtual server with its route, and no other with the same real servers', async () => {
    const { node } = lab;
    const other = '10.103.97.3:6443';
    await node.ipvsadm('-A -t 10.96.0.1:443 -s rr');
    const foreign = await fingerprint(node);
    for (const vs of [VS, other]) {
      const once = ['care', '--vs', vs, ...serversOf(lab).slice(2), '--run-once'];
      const { status, stdout, stderr } = await lvscare(node, once);
      assert.equal(status, 0, stdout + stderr);
    }
    // A second time, and for one that never was, it removes nothing.
    for (const vs of [VS, VS, '10.103.97.9:6443'])
      assert.equal((await lvscare(node, ['care', '--vs', vs, '-C'])).status, 0);
    assert.equal(await node.weights(VS), null);
    assert.deepEqual(await node.weights(other), allOf(lab));
    const local = await node.ip('route show table local');
    assert.match(local, /local 10\.103\.97\.3 dev lo/);
    assert.doesNotMatch(local, /local 10\.103\.97\.2 dev lo/);
    assert.equal((await lvscare(node, ['care', '--vs', other, '-C'])).status, 0);
    assert.equal(await fingerprint(node), foreign);
    await node.ipvsadm('-D -t 10.96.0.1:443');
    assert.equal(await fingerprint(node), bare);
  });

  it('two virtual servers with one address and the same real servers leave each other what they share', async () => {
    const { node } = lab;
    const second = '10.103.97.2:7443';
    const daemons = [await takeCare(lab)];
    try {
      daemons.push(startCare(lab, [], ['--vs', second, ...serversOf(lab).slice(2)]));
      await untilWeights(lab, allOf(lab), { virtualServer: second });
      assert.notEqual(await node.weights(VS), null);
      await daemons[1]?.stop();
      assert.equal((await lvscare(node, ['care', '--vs', second, '-C'])).status, 0);
      assert.equal(await node.weights(second), null);
      assert.match(await node.ip('route show table local'), /local 10\.103\.97\.2 dev lo/);
      assert.notEqual(await node.weights(VS), null);
    } finally {
      for (const each of daemons) await each.stop();
    }
  });

  it('route, of a real server that is the node itself: says once what fails, and what to use', async () => {
    const { node } = lab;
    const own = [endpoint(node.addresses.ipv4), '127.0.0.1:6443'];
    const says = `mode "route" cannot reach ${own.join(', ')}, because`;
    const rs = [lab.master(0).endpoint, ...own].join(',');
    const options = ['--vs', VS, '--rs', rs, '--health-ca', lab.caFile];
    for (const [mode, times] of [
      ['route', 1],
      ['local', 0],
    ] as const) {
      daemon = startCare(lab, ['--mode', mode, '--log-level', 'debug'], options);
      await untilWeights(lab, { [lab.master(0).endpoint]: 1 });
      await untilSeenAs('ipv4', node.addresses.ipv4);
      // Its check comes round again, and with it NODE_IP.
      for (let time = 0; time < 3; time += 1)
        await daemon.waitForLine(/reconciled/, { from: daemon.lines.length });
      assert.equal(daemon.text().split(says).length - 1, times, daemon.text());
      if (times > 0)
        assert.match(daemon.text(), /WARN.*mode "route" cannot reach .*; use --mode local or link/);
      await daemon.stop();
    }
  });

  it('a way that cannot be made does not cost the earlier one', async () => {
    const { node } = lab;
    daemon = await start('ipv4', '--mode', 'local');
    await untilSeenAs('ipv4', node.addresses.ipv4);
    await daemon.stop();
    await node.ip('link add lvscare type bridge');
    const before = await fingerprint(node);
    const { status, stderr } = await lvscare(node, ['care', ...servers('ipv4'), ...LINK]);
    assert.equal(status, 2, stderr);
    assert.match(stderr, /^--iface: expected [^\n]* \(this one is bridge\), got "lvscare"\n$/);
    assert.equal(await fingerprint(node), before);
    assert.match(await node.ip('route show table local'), /local 10\.103\.97\.2 dev lo/);
    await node.ip('link del lvscare');
  });

  it('an interface that takes the name of the dummy is left alone, and said once', async () => {
    const { node } = lab;
    daemon = await takeCare(lab, LINK);
    // lvscare may be quicker.
    const replace = 'ip link del lvscare; ip link add lvscare type bridge';
    await until(async () => (await node.exec('sh', ['-c', replace])).status === 0, { timeoutMs: 30_000 });
    await daemon.waitForLine(/interface lvscare is bridge, not a dummy: choose another name with --iface/);
    await untilWeights(lab, allOf(lab));
    assert.doesNotMatch(await node.ip('address show dev lvscare'), /10\.103\.97\.2/);
    await daemon.stop();
    assert.equal((await lvscare(node, ['care', '--vs', VS, '-C'])).status, 0);
    assert.match(await node.ip('-d link show dev lvscare'), /bridge/);
    await node.ip('link del lvscare');
  });

  it('--sysctl=false leaves them alone', async () => {
    await lab.node.sysctl('net.ipv4.vs.expire_nodest_conn', 0);
    const once = await lvscare(lab.node, ['care', ...servers('ipv4'), '--run-once', '--sysctl=false']);
    assert.equal(once.status, 0);
    assert.equal(await lab.node.sysctl('net.ipv4.vs.expire_nodest_conn'), '0');
  });

  it('without the capability: one line, exit code 1, nothing changed', async () => {
    for (const task of [[], ['--run-once']]) {
      const { status, stdout, stderr } = await lab.node.exec('setpriv', [
        '--bounding-set',
        '-net_admin',
        '--inh-caps',
        '-net_admin',
        process.execPath,
        PROGRAM,
        'care',
        ...servers('ipv4'),
        ...task,
      ]);
      assert.equal(status, 1, stdout + stderr);
      assert.match(stderr, /^lvscare: [^\n]*not permitted: run as root, or with the capability NET_ADMIN\n$/);
      assert.equal(await fingerprint(lab.node), bare);
    }
  });
});
