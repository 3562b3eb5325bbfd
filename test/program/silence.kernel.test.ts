// Modes local and link make the virtual server's address local; neighbours must not notice.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { endpoint, Lab, until, VIP, type LabProcess, type Master } from '../../lab/index.js';
import { lvscare, startCare, untilWeights } from './lvscare.js';

const FAMILIES = ['ipv4', 'ipv6'] as const;
type Family = (typeof FAMILIES)[number];
const TABLE = 'table arp lvscare-10.103.97.2-6443';

describe('neighbours of a node', () => {
  let lab: Lab;
  let asker: Master;
  before(async () => {
    lab = await Lab.create({ masters: 2, clients: ['external'] });
    asker = lab.master(0);
  });
  after(() => lab.close());

  async function onAsker(command: string, ...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await asker.exec(command, args);
    assert.equal(status, 0, stderr);
    return stdout;
  }

  const hardware = async (host: { exec: Master['exec'] }): Promise<string> =>
    (await host.exec('cat', ['/sys/class/net/eth0/address'])).stdout.trim();

  /** The hardware address that answers a neighbour that asks for the VIP; null if no host does. */
  async function answerer(family: Family): Promise<string | null> {
    const ip = ['ip', family === 'ipv4' ? '-4' : '-6'] as const;
    await onAsker(...ip, 'neigh', 'flush', 'to', VIP[family]);
    // A datagram to the discard port has the kernel ask.
    const address = family === 'ipv4' ? VIP.ipv4 : `[${VIP.ipv6}]`;
    const send = `require('dgram').createSocket('udp${family === 'ipv4' ? 4 : 6}').send('x', 9, '${VIP[family]}', () => process.exit())`;
    await onAsker(process.execPath, '-e', send);
    let state = '';
    await until(
      async () => {
        state = await onAsker(...ip, 'neigh', 'show', VIP[family]);
        return /REACHABLE|STALE|DELAY|PROBE|FAILED/.test(state);
      },
      { timeoutMs: 30_000, everyMs: 100, what: () => `${address} is resolved or not: ${state}` },
    );
    return /lladdr (\S+) (?:REACHABLE|STALE|DELAY|PROBE)/.exec(state)?.[1] ?? null;
  }

  const virtualServer = (family: Family): string => endpoint(VIP[family]);

  async function start(mode: string, family: Family): Promise<LabProcess> {
    const servers = lab.masters.map((master) => (family === 'ipv4' ? master.endpoint : master.endpoint6));
    const daemon = startCare(
      lab,
      ['--mode', mode],
      ['--vs', virtualServer(family), '--rs', servers.join(','), '--health-ca', lab.caFile],
    );
    await untilWeights(lab, Object.fromEntries(servers.map((server) => [server, 1])), {
      virtualServer: virtualServer(family),
    });
    // The route or the address.
    await until(async () => (await lab.node.ip('route get ' + VIP[family])).includes('local'), {
      timeoutMs: 30_000,
    });
    return daemon;
  }

  const clean = async (family: Family): Promise<unknown> =>
    lvscare(lab.node, ['care', '--vs', virtualServer(family), '-C']);
  const tables = async (): Promise<string[]> =>
    (await lab.node.must('nft', ['list', 'tables'])).split('\n').filter((line) => line !== '');

  it('get an answer from a node with a local route and without lvscare: what lvscare prevents', async () => {
    await lab.node.ip('route add local 10.103.97.2 dev lo table local');
    assert.equal(await answerer('ipv4'), await hardware(lab.node));
    await lab.node.ip('route del local 10.103.97.2 dev lo table local');
  });

  for (const mode of ['local', 'link'])
    for (const family of FAMILIES)
      describe(`mode ${mode}, ${family}`, () => {
        let daemon: LabProcess;
        before(async () => {
          daemon = await start(mode, family);
        });
        after(async () => {
          await daemon.stop();
          await clean(family);
        });

        it('get no answer for the VIP from the node, whose own clients are served', async () => {
          assert.equal(await answerer(family), null);
          const result = await lab.node.request(lab.node.vipUrl('/whoami', family));
          assert.ok(result.ok, JSON.stringify(result));
        });

        it('reach the host that has the VIP, every time', async () => {
          const other = lab.master(1);
          const length = family === 'ipv4' ? 24 : 64;
          const nodad = family === 'ipv4' ? [] : ['nodad'];
          const address = [
            'ip',
            'address',
            'add',
            `${VIP[family]}/${length}`,
            'dev',
            'eth0',
            ...nodad,
          ] as const;
          assert.equal((await other.exec(address[0], address.slice(1))).status, 0);
          const right = await hardware(other);
          for (let time = 0; time < 6; time += 1) assert.equal(await answerer(family), right);
          await other.exec('ip', ['address', 'del', `${VIP[family]}/${length}`, 'dev', 'eth0']);
        });
      });

  it('do not learn the VIP from what the node asks them, and other hosts are served', async () => {
    const daemon = await start('link', 'ipv4');
    const external = lab.client('external');
    await lab.node.ip('neigh flush dev eth0');
    await external.must('ip', ['neigh', 'flush', 'dev', 'eth0']);
    // Answers to another host have the VIP as source: the kernel asks for that host with it.
    await external.must('ip', [
      'neigh',
      'add',
      '10.103.97.100',
      'lladdr',
      await hardware(lab.node),
      'dev',
      'eth0',
      'nud',
      'permanent',
    ]);
    const result = await external.request(external.vipUrl('/whoami'));
    assert.ok(result.ok, JSON.stringify(result));
    assert.doesNotMatch(await external.must('ip', ['neigh', 'show']), /10\.103\.97\.2 .*lladdr/);
    await external.must('ip', ['neigh', 'del', '10.103.97.100', 'dev', 'eth0']);
    await daemon.stop();
    await clean('ipv4');
  });

  it('get an answer from a node that has the VIP on an interface, as with keepalived on a master, before and after', async () => {
    await lab.node.ip('address add 10.103.97.2/24 dev eth0');
    const daemon = await start('local', 'ipv4');
    assert.equal(await answerer('ipv4'), await hardware(lab.node));
    await lab.node.ip('address del 10.103.97.2/24 dev eth0');
    await until(async () => (await tables()).includes(TABLE), { timeoutMs: 30_000 });
    assert.equal(await answerer('ipv4'), null);
    const from = daemon.lines.length;
    await lab.node.ip('address add 10.103.97.2/24 dev eth0');
    await daemon.waitForLine(/ARP silence repaired: table arp .*, although eth0 has 10\.103\.97\.2/, {
      from,
    });
    assert.ok(!(await tables()).includes(TABLE));
    assert.equal(await answerer('ipv4'), await hardware(lab.node));
    await daemon.stop();
    await lab.node.ip('address del 10.103.97.2/24 dev eth0');
    await clean('ipv4');
  });

  it("get an answer for the node's own address on a dummy, as where routing runs on the host, but not for that of mode link", async () => {
    await lab.node.ip('link add own0 type dummy');
    await lab.node.ip('link set own0 up');
    await lab.node.ip('address add 10.103.97.2/32 dev own0');
    const daemon = await start('local', 'ipv4');
    await daemon.waitForLine(/WARN: 10\.103\.97\.2 is an address of this node, on own0: /);
    assert.equal(await answerer('ipv4'), await hardware(lab.node));
    assert.ok(!(await tables()).includes(TABLE));
    await daemon.stop();
    await lab.node.ip('link del own0');
    await clean('ipv4');

    // Of an earlier start, under another name.
    const before = startCare(lab, ['--mode', 'link', '--iface', 'earlier0', '--masquerade=false']);
    await until(async () => (await tables()).includes(TABLE), { timeoutMs: 30_000 });
    await before.stop();
    const after = await start('local', 'ipv4');
    await until(async () => (await tables()).includes(TABLE), { timeoutMs: 30_000 });
    assert.equal(await answerer('ipv4'), null);
    assert.doesNotMatch(after.text(), /is an address of this node/);
    await after.stop();
    await clean('ipv4');
  });

  it('get an answer again after --clean and a route by hand: nothing of lvscare is left', async () => {
    const daemon = await start('local', 'ipv4');
    assert.ok((await tables()).includes(TABLE));
    const from = daemon.lines.length;
    await lab.node.must('nft', ['delete', ...TABLE.split(' ')]);
    await daemon.waitForLine(/ARP silence repaired: no table arp/, { from });
    await daemon.stop();
    await clean('ipv4');
    assert.deepEqual(await tables(), []);
    await lab.node.ip('route add local 10.103.97.2 dev lo table local');
    assert.equal(await answerer('ipv4'), await hardware(lab.node));
    await lab.node.ip('route del local 10.103.97.2 dev lo table local');
  });
});
