// The lab, judged by ipvsadm, ip, openssl and curl, which know nothing of it.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { endpoint, Lab, NODE, urlOf, VIP, until } from '../../lab/index.js';
import { must, run } from '../../lab/run.js';

const VS = endpoint(VIP.ipv4);
const VS6 = endpoint(VIP.ipv6);

/** What lvscare will do later, by hand: the virtual servers, and the route that makes the VIP local. */
async function setUpByHand(lab: Lab): Promise<void> {
  const { node } = lab;
  await node.ipvsadm(`-A -t ${VS} -s rr`);
  await node.ipvsadm(`-A -t ${VS6} -s rr`);
  for (const master of lab.masters) {
    await node.ipvsadm(`-a -t ${VS} -r ${master.endpoint} -m -w 1`);
    await node.ipvsadm(`-a -t ${VS6} -r ${master.endpoint6} -m -w 1`);
  }
  await node.ip(`route replace local ${VIP.ipv4} dev lo table local src ${NODE.ipv4}`);
  await node.ip(`route replace local ${VIP.ipv6} dev lo table local src ${NODE.ipv6}`);
}

describe('a lab', () => {
  let lab: Lab;
  before(async () => {
    lab = await Lab.create();
    await setUpByHand(lab);
  });
  after(() => lab.close());

  it('stands where the docs say', async () => {
    const shown = JSON.stringify(await lab.node.ipJson('address show dev eth0'));
    assert.match(shown, /"10\.103\.97\.100","prefixlen":24/);
    assert.match(shown, /"fd00:10:103:97::100","prefixlen":64/);
    assert.match(shown, /"mtu":1500/);
    assert.deepEqual(
      lab.masters.map((master) => [master.name, master.endpoint, master.endpoint6]),
      [
        ['master0', '10.103.97.200:6443', '[fd00:10:103:97::200]:6443'],
        ['master1', '10.103.97.201:6443', '[fd00:10:103:97::201]:6443'],
        ['master2', '10.103.97.202:6443', '[fd00:10:103:97::202]:6443'],
      ],
    );
  });

  it('shows its table as ipvsadm does', async () => {
    assert.match(await lab.node.ipvsadmText(), /TCP {2}10\.103\.97\.2:6443 rr/);
    assert.deepEqual(await lab.node.weights(), {
      '10.103.97.200:6443': 1,
      '10.103.97.201:6443': 1,
      '10.103.97.202:6443': 1,
    });
    assert.deepEqual(
      (await lab.node.table()).map((row) => [
        row.protocol,
        row.endpoint,
        row.scheduler,
        row.realServers.length,
      ]),
      [
        ['TCP', VS, 'rr', 3],
        ['TCP', VS6, 'rr', 3],
      ],
    );
  });

  for (const family of ['ipv4', 'ipv6'] as const) {
    it(`answers at the VIP, one master after the other, over ${family}`, async () => {
      const ca = lab.certificates.authority.cert;
      const seen: string[] = [];
      for (let request = 0; request < 6; request++) {
        const result = await lab.node.request(lab.node.vipUrl('/whoami', family), { ca });
        assert.ok(result.ok, JSON.stringify(result));
        assert.equal(result.whoami?.remoteAddress, NODE[family]);
        seen.push(result.by ?? '?');
      }
      assert.deepEqual(seen.slice(0, 3), seen.slice(3));
      assert.deepEqual([...seen.slice(0, 3)].sort(), ['master0', 'master1', 'master2']);
    });
  }

  it('answers curl, which trusts its certificates', async () => {
    const curl = (url: string, ...more: string[]): Promise<string> =>
      lab.node.must('curl', ['-sS', '--cacert', lab.caFile, ...more, url]);
    const { ipv4, ipv6 } = lab.master(1).addresses;
    assert.equal(await curl(urlOf(ipv4, '/healthz')), 'ok');
    assert.equal(await curl(urlOf(ipv6, '/readyz')), 'ok');
    assert.equal(await curl(urlOf(VIP.ipv4, '/livez')), 'ok');
    const resolve = ['--resolve', `apiserver.cluster.local:6443:${VIP.ipv4}`];
    assert.match(await curl('https://apiserver.cluster.local:6443/whoami', ...resolve), /"name":"master/);
    assert.equal(await curl(urlOf(ipv4, '/nothing'), '-o', '/dev/null', '-w', '%{http_code}'), '404');
  });

  it('shows openssl a certificate for its addresses, the VIP and its names', async () => {
    const { ipv4 } = lab.master(2).addresses;
    const args = ['s_client', '-connect', `${ipv4}:6443`, '-CAfile', lab.caFile, '-verify_return_error'];
    for (const name of [
      ['-verify_ip', ipv4],
      ['-verify_ip', VIP.ipv4],
      ['-verify_ip', VIP.ipv6],
      ['-verify_hostname', 'kubernetes'],
    ])
      assert.match(await lab.node.must('openssl', [...args, ...name]), /Verification: OK/);
    const other = await lab.node.exec('openssl', [...args, '-verify_hostname', 'example.org']);
    assert.match(other.stdout + other.stderr, /hostname mismatch/i);
  });

  it('counts what its apiservers see', async () => {
    const master = lab.master(0);
    const earlier = await master.stats();
    const url = urlOf(master.addresses.ipv4, '/healthz');
    await lab.node.request(url, { headers: { 'x-from': 'the test' } });
    await lab.node.must('bash', [
      '-c',
      `exec 3<>/dev/tcp/${master.addresses.ipv4}/6443; echo hello >&3; cat <&3`,
    ]);
    const later = await until(async () => {
      const stats = await master.stats();
      return stats.failedHandshakes > earlier.failedHandshakes ? stats : null;
    });
    assert.equal(later.connections - earlier.connections, 2);
    assert.equal(later.handshakes - earlier.handshakes, 1);
    assert.equal((later.requests['GET /healthz'] ?? 0) - (earlier.requests['GET /healthz'] ?? 0), 1);
    assert.equal(later.lastHealthRequest?.headers['x-from'], 'the test');
    assert.equal(later.lastHealthRequest.remoteAddress, NODE.ipv4);
  });

  describe('a master', () => {
    const outcome = async (
      index: number,
      path = '/healthz',
      timeoutMs = 10_000,
    ): Promise<string | number> => {
      const result = await lab.node.request(urlOf(lab.master(index).addresses.ipv4, path), { timeoutMs });
      return result.ok ? result.status : result.code;
    };
    const silence = (index: number, path?: string): Promise<string | number> => outcome(index, path, 400);

    it('that is killed refuses, and answers again when started', async () => {
      const connection = await lab.node.open(urlOf(lab.master(0).addresses.ipv4, '/'));
      await lab.master(0).kill();
      assert.equal(await outcome(0), 'ECONNREFUSED');
      await connection.ended;
      await lab.master(0).start();
      assert.equal(await outcome(0), 200);
    });

    it('that is stopped accepts and says nothing, and goes on', async () => {
      await lab.master(0).stop();
      assert.equal(await silence(0), 'TIMEOUT');
      const connected = await lab.node.exec('bash', [
        '-c',
        `: </dev/tcp/${lab.master(0).addresses.ipv4}/6443`,
      ]);
      assert.equal(connected.status, 0);
      await lab.master(0).cont();
      assert.equal(await outcome(0), 200);
    });

    it('that is cut off cannot be reached by anything, and can when that is over', async () => {
      await lab.master(0).cut();
      assert.equal(await silence(0), 'TIMEOUT');
      assert.notEqual((await lab.node.exec('ping', ['-c1', '-W1', lab.master(0).addresses.ipv4])).status, 0);
      await lab.master(0).mend();
      assert.equal(await outcome(0), 200);
    });

    it('fails, hangs and heals in its health alone', async () => {
      await lab.master(0).fail(503);
      assert.equal(await outcome(0, '/healthz'), 503);
      assert.equal(await outcome(0, '/readyz'), 503);
      assert.equal(await outcome(0, '/whoami'), 200);
      await lab.master(0).hang();
      assert.equal(await silence(0, '/livez'), 'TIMEOUT');
      assert.equal(await outcome(0, '/whoami'), 200);
      await lab.master(0).heal();
      assert.equal(await outcome(0), 200);
    });

    it('that is restarted is another process, and healthy', async () => {
      await lab.master(0).fail();
      const { pid } = lab.master(0);
      await lab.master(0).restart();
      assert.notEqual(lab.master(0).pid, pid);
      assert.ok(!existsSync(`/proc/${pid}`));
      assert.equal(await outcome(0), 200);
    });

    it('can be given a certificate that has expired, or that another CA signed', async () => {
      const ca = lab.certificates.authority.cert;
      const url = urlOf(lab.master(0).addresses.ipv4, '/healthz');
      const name = { name: 'odd', alternativeNames: [`IP:${lab.master(0).addresses.ipv4}`] };
      const usual = lab.master(0);
      usual.useCertificate(await lab.certificates.create('expired', { ...name, expired: true }));
      await usual.restart();
      const expired = await lab.node.request(url, { ca });
      assert.equal(expired.ok || expired.code, 'CERT_HAS_EXPIRED');
      const authority = await lab.certificates.createAuthority('other-ca');
      usual.useCertificate(await lab.certificates.create('foreign', { ...name, authority }));
      await usual.restart();
      const foreign = await lab.node.request(url, { ca });
      assert.match(String(foreign.ok || foreign.code), /UNABLE_TO_/);
      usual.useCertificate(await lab.certificates.create('usual', name));
      await usual.restart();
      assert.equal((await lab.node.request(url, { ca })).ok, true);
    });
  });

  describe('its node', () => {
    it('runs a program and gives its result', async () => {
      assert.deepEqual(await lab.node.exec('bash', ['-c', 'echo out; echo err >&2; exit 3']), {
        status: 3,
        stdout: 'out\n',
        stderr: 'err\n',
      });
      assert.equal((await lab.node.exec('bash', ['-c', 'kill -9 $$'])).status, 137);
      await assert.rejects(lab.node.must('false'));
    });

    it('lets a program run on, and waits for its lines', async () => {
      const started = lab.node.spawn('bash', [
        '-c',
        'echo one; read -t 0.05 <> <(:); echo two >&2; exec sleep 60',
      ]);
      assert.equal((await started.waitForLine(/two/)).stream, 'stderr');
      assert.equal((await started.waitForLine(/one/)).text, 'one');
      await assert.rejects(started.waitForLine(/three/, { timeoutMs: 50 }), /no line like \/three\//);
      assert.equal(await started.stop(), 143);
      await assert.rejects(started.waitForLine(/three/), /it ended/);
    });

    it('keeps a connection open, and reports how it ended', async () => {
      const connection = await lab.node.open();
      const { name } = await connection.whoami();
      const index = lab.masters.findIndex((master) => master.name === name);
      assert.equal((await connection.whoami()).name, name);
      await connection.ask('/stream?everyMs=10');
      await connection.expect(/\n3\n/);
      await lab.master(index).kill();
      await connection.ended;
      await assert.rejects(connection.expect(/more/), /CLOSED|ECONNRESET/);
      await lab.master(index).start();
    });

    it('asks steadily, and remembers what became of it', async () => {
      const steady = await lab.node.steady({ everyMs: 50, timeoutMs: 10_000 });
      await until(() => steady.samples.length >= 6);
      await lab.master(2).kill();
      await until(() => steady.failures.length >= 2, { what: 'a request fails' });
      await lab.master(2).start();
      const samples = await steady.stop();
      assert.ok(samples.some((sample) => sample.ok && sample.by === 'master2'));
      const codes = new Set(steady.failures.map((sample) => (sample.ok ? sample.status : sample.code)));
      assert.ok(codes.delete('ECONNREFUSED'));
      // Of one that was under way.
      codes.delete('ECONNRESET');
      assert.deepEqual([...codes], []);
      const { length } = samples;
      await lab.node.request();
      assert.equal(steady.samples.length, length);
    });

    it('shows its routes and sysctls', async () => {
      const local = await lab.node.routes('local');
      assert.ok(local.some((route) => route['dst'] === VIP.ipv4 && route['prefsrc'] === NODE.ipv4));
      assert.equal(await lab.node.sysctl('net.ipv4.vs.expire_nodest_conn'), '0');
      assert.equal(await lab.node.sysctl('net.ipv4.vs.expire_nodest_conn', 1), '1');
      assert.equal(
        await run('cat', ['/proc/sys/net/ipv4/vs/expire_nodest_conn']).then((own) => own.stdout),
        '0\n',
      );
    });
  });
});

describe('clients elsewhere', () => {
  it('are seen from their own addresses, where the masters know the way back', async () => {
    await using lab = await Lab.create({ masters: 1, clients: ['pod', 'external'] });
    await setUpByHand(lab);
    const families = ['ipv4', 'ipv6'] as const;
    // The node tells a master that the way to its neighbour is shorter without it, which its answers must not take.
    await lab.master(0).exec('tee', ['/proc/sys/net/ipv6/conf/eth0/accept_redirects'], { input: '0\n' });
    for (const where of ['pod', 'external'] as const) {
      const client = lab.client(where);
      const url = (family: 'ipv4' | 'ipv6'): string => client.vipUrl('/whoami', family);
      for (const family of families) {
        assert.equal(await client.seenAs(url(family), { timeoutMs: 1000 }), 'TIMEOUT', `${where} ${family}`);
        const back = `${client.addresses[family]} via ${NODE[family]}`;
        await lab.master(0).exec('ip', ['route', 'add', ...back.split(' ')]);
        assert.equal(await client.seenAs(url(family)), client.addresses[family]);
      }
    }
    assert.equal(await lab.client('node').seenAs(), NODE.ipv4);
    assert.equal(lab.client('node'), lab.node);
  });

  it('are there only if they were asked for', async () => {
    await using lab = await Lab.create({ masters: 1 });
    assert.throws(() => lab.client('pod'), /this lab has no client pod/);
    assert.equal(await lab.node.sysctl('net.ipv4.ip_forward'), '0');
  });
});

describe('labs', () => {
  it('live side by side, and leave nothing behind', async () => {
    const namespaces = await must('ip', ['netns', 'list']);
    const links = await must('ip', ['link', 'show']);
    const temporary = readdirSync(process.env['TMPDIR'] ?? '/tmp').sort();

    const labs = await Promise.all([Lab.create({ masters: 1 }), Lab.create({ masters: 1 })]);
    for (const lab of labs) {
      await lab.node.ipvsadm(`-A -t ${VS} -s rr`);
      assert.equal((await lab.node.table()).length, 1);
    }
    const pids = labs.map((lab) => lab.master(0).pid);
    const left = labs[0].node.spawn('sleep', ['1000']);
    await Promise.all(labs.map((lab) => lab.close()));
    await Promise.all(labs.map((lab) => lab.close()));

    for (const pid of [...pids, left.pid]) assert.ok(!existsSync(`/proc/${pid}`));
    assert.equal(await must('ip', ['netns', 'list']), namespaces);
    assert.equal(await must('ip', ['link', 'show']), links);
    assert.deepEqual(readdirSync(process.env['TMPDIR'] ?? '/tmp').sort(), temporary);
  });

  it('refuse a number of masters that they cannot have', async () => {
    await assert.rejects(Lab.create({ masters: 0 }), /masters: expected 1 to 8, got 0/);
    await assert.rejects(Lab.create({ masters: 9 }), /masters: expected 1 to 8, got 9/);
  });
});
