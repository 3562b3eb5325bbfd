// Services, made by us and judged by ipvsadm, made by ipvsadm and read by us.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { Ipvs, NetlinkError, ServiceFlag } from '../../src/netlink/index.js';
import type { ServiceConfig, ServiceKey } from '../../src/netlink/index.js';
import {
  fillTable,
  many,
  freshService,
  fwmark,
  keyText,
  sctp,
  tcp,
  udp,
  patience,
} from '../support/netlink.js';
import { ipvsadm, lines, savedTable } from '../support/tools.js';

interface Case {
  readonly name: string;
  readonly key: ServiceKey;
  readonly config: ServiceConfig;
  /** As `ipvsadm -Sn` prints it. */
  readonly saved: string;
}

const { persistent, onePacket, sched1, sched2 } = ServiceFlag;

const cases: readonly Case[] = [
  {
    name: 'TCP over IPv4',
    key: tcp('10.103.97.2', 6443),
    config: { scheduler: 'rr' },
    saved: '-A -t 10.103.97.2:6443 -s rr',
  },
  {
    name: 'TCP over IPv6',
    key: tcp('fd00::2', 6443),
    config: { scheduler: 'wlc' },
    saved: '-A -t [fd00::2]:6443 -s wlc',
  },
  {
    name: 'UDP over IPv4, one packet',
    key: udp('10.0.0.53', 53),
    config: { scheduler: 'wrr', flags: onePacket },
    saved: '-A -u 10.0.0.53:53 -s wrr -o',
  },
  {
    name: 'UDP over IPv6',
    key: udp('2001:db8::53', 65535),
    config: { scheduler: 'lc' },
    saved: '-A -u [2001:db8::53]:65535 -s lc',
  },
  {
    name: 'SCTP over IPv4',
    key: sctp('10.0.0.3', 5000),
    config: { scheduler: 'lc' },
    saved: '-A --sctp-service 10.0.0.3:5000 -s lc',
  },
  {
    name: 'SCTP over IPv6',
    key: sctp('fd00::3', 1),
    config: { scheduler: 'sed' },
    saved: '-A --sctp-service [fd00::3]:1 -s sed',
  },
  { name: 'a firewall mark', key: fwmark(1), config: { scheduler: 'rr' }, saved: '-A -f 1 -s rr' },
  {
    name: 'a firewall mark for IPv6',
    key: fwmark(2147483647, 'ipv6'),
    config: { scheduler: 'rr' },
    saved: '-A -f 2147483647 -6 -s rr',
  },
  {
    name: 'the greatest firewall mark, which ipvsadm takes for a negative number',
    key: fwmark(4294967295),
    config: { scheduler: 'rr' },
    saved: '-A -f -1 -s rr',
  },
  {
    name: 'persistence',
    key: tcp('10.0.0.4', 443),
    config: { scheduler: 'nq', flags: persistent, timeoutSeconds: 300 },
    saved: '-A -t 10.0.0.4:443 -s nq -p 300',
  },
  {
    name: 'persistence by netmask',
    key: tcp('10.0.0.4', 444),
    config: { scheduler: 'rr', flags: persistent, timeoutSeconds: 1, netmask: '255.255.254.0' },
    saved: '-A -t 10.0.0.4:444 -s rr -p 1 -M 255.255.254.0',
  },
  {
    name: 'persistence by prefix length',
    key: tcp('fd00::4', 443),
    config: { scheduler: 'lblc', flags: persistent, timeoutSeconds: 600, netmask: '64' },
    saved: '-A -t [fd00::4]:443 -s lblc -p 600 -M 64',
  },
  {
    name: 'persistence of a firewall mark for IPv6 by prefix length',
    key: fwmark(7, 'ipv6'),
    config: { scheduler: 'rr', flags: persistent, timeoutSeconds: 60, netmask: '48' },
    saved: '-A -f 7 -6 -s rr -p 60 -M 48',
  },
  {
    name: 'every port, persistent',
    key: tcp('10.0.0.5', 0),
    config: { scheduler: 'rr', flags: persistent, timeoutSeconds: 360 },
    saved: '-A -t 10.0.0.5:0 -s rr -p 360',
  },
  {
    name: 'a persistence engine',
    key: udp('10.0.0.6', 5060),
    config: { scheduler: 'rr', flags: persistent, timeoutSeconds: 60, peName: 'sip' },
    saved: '-A -u 10.0.0.6:5060 -s rr -p 60 --pe sip',
  },
  {
    name: "the source hash's flags",
    key: tcp('10.0.0.7', 80),
    config: { scheduler: 'sh', flags: sched1 | sched2 },
    saved: '-A -t 10.0.0.7:80 -s sh -b sh-fallback,sh-port',
  },
  {
    name: "Maglev's port flag",
    key: tcp('10.0.0.8', 80),
    config: { scheduler: 'mh', flags: sched2 },
    saved: '-A -t 10.0.0.8:80 -s mh -b mh-port',
  },
];

const saved = async (): Promise<string[]> => (await savedTable()).filter((line) => line.startsWith('-A'));

describe('services on a real kernel', () => {
  let ipvs: Ipvs;
  before(() => {
    ipvs = Ipvs.open(patience);
  });
  beforeEach(async () => {
    await ipvsadm('-C');
  });
  after(async () => {
    await ipvs.close();
    await ipvsadm('-C');
  });

  for (const { name, key, config, saved: line } of cases) {
    it(`${name}: ipvsadm sees ours, we see ipvsadm's`, async () => {
      const expected = freshService(key, config.scheduler, {
        ...(config.flags === undefined ? {} : { flags: config.flags }),
        ...(config.timeoutSeconds === undefined ? {} : { timeoutSeconds: config.timeoutSeconds }),
        ...(config.netmask === undefined ? {} : { netmask: config.netmask }),
        ...(typeof config.peName === 'string' ? { peName: config.peName } : {}),
      });

      await ipvs.createService(key, config);
      assert.deepEqual(await saved(), [line]);
      assert.deepEqual(await ipvs.getService(key), expected);
      assert.deepEqual(await ipvs.listServices(), [expected]);

      await ipvs.deleteService(key);
      assert.deepEqual(await saved(), []);
      assert.equal(await ipvs.getService(key), null);
      assert.deepEqual(await ipvs.listServices(), []);

      // ipvsadm does not take back the negative mark that it prints.
      await ipvsadm(line.replace('-f -1 ', '-f 4294967295 '));
      assert.deepEqual(await ipvs.listServices(), [expected]);
    });
  }

  it('all of them at once: ipvsadm -Sn and -Ln know the same table as listServices', async () => {
    for (const { key, config } of cases) await ipvs.createService(key, config);
    assert.deepEqual((await saved()).sort(), cases.map((each) => each.saved).sort());
    const listed = await ipvs.listServices();
    assert.deepEqual(
      listed.map((service) => keyText(service.key)).sort(),
      cases.map((each) => keyText(each.key)).sort(),
    );
    const rows = lines(await ipvsadm('-L -n')).filter((line) => /^(TCP|UDP|SCTP|FWM)/.test(line));
    assert.equal(rows.length, cases.length);
  });

  it('update changes what it names and clears what it does not', async () => {
    const key = tcp('10.103.97.2', 6443);
    await ipvs.createService(key, { scheduler: 'rr' });
    await ipvs.createDestination(key, { address: '10.103.97.200', port: 6443 }, {});
    await ipvs.updateService(key, {
      scheduler: 'sh',
      flags: persistent | sched1,
      timeoutSeconds: 120,
      netmask: '255.0.0.0',
    });
    assert.deepEqual(await savedTable(), [
      '-A -t 10.103.97.2:6443 -s sh -p 120 -M 255.0.0.0 -b sh-fallback',
      '-a -t 10.103.97.2:6443 -r 10.103.97.200:6443 -m -w 1',
    ]);
    await ipvs.updateService(key, { scheduler: 'wrr' });
    assert.deepEqual(await savedTable(), [
      '-A -t 10.103.97.2:6443 -s wrr',
      '-a -t 10.103.97.2:6443 -r 10.103.97.200:6443 -m -w 1',
    ]);
    await ipvsadm('-E -t 10.103.97.2:6443 -s lc -p 77');
    assert.deepEqual(
      await ipvs.getService(key),
      freshService(key, 'lc', { flags: persistent, timeoutSeconds: 77 }),
    );
  });

  it('update takes a persistence engine away again', async () => {
    const key = udp('10.0.0.6', 5060);
    const config = { scheduler: 'rr', flags: persistent, timeoutSeconds: 60 };
    await ipvs.createService(key, { ...config, peName: 'sip' });
    await ipvs.updateService(key, { ...config, peName: null });
    assert.deepEqual(await savedTable(), ['-A -u 10.0.0.6:5060 -s rr -p 60']);
    assert.equal((await ipvs.getService(key))?.peName, null);
  });

  it('takes every scheduler that the kernel has', async () => {
    const schedulers = 'rr wrr lc wlc fo ovf lblc lblcr dh sh mh sed nq'.split(' ');
    const taken: string[] = [];
    for (const scheduler of schedulers) {
      try {
        await ipvs.createService(tcp('10.1.1.1', 80), { scheduler });
      } catch (error) {
        // What we are refused ipvsadm must be refused too.
        assert.ok(error instanceof NetlinkError && error.code === 'ENOENT', String(error));
        await assert.rejects(ipvsadm(`-A -t 10.1.1.1:80 -s ${scheduler}`));
        continue;
      }
      assert.deepEqual(await savedTable(), [`-A -t 10.1.1.1:80 -s ${scheduler}`]);
      assert.equal((await ipvs.getService(tcp('10.1.1.1', 80)))?.scheduler, scheduler);
      await ipvs.deleteService(tcp('10.1.1.1', 80));
      taken.push(scheduler);
    }
    // These are in every kernel that has IPVS.
    for (const scheduler of ['rr', 'wrr', 'lc', 'wlc', 'sh']) assert.ok(taken.includes(scheduler), scheduler);
  });

  it('distinguishes services by protocol, address, port, mark and family', async () => {
    const keys = [
      tcp('10.1.0.1', 1),
      udp('10.1.0.1', 1),
      sctp('10.1.0.1', 1),
      tcp('10.1.0.1', 2),
      tcp('10.1.0.2', 1),
      tcp('fd00:1::1', 1),
      fwmark(1),
      fwmark(1, 'ipv6'),
      fwmark(2),
    ];
    for (const key of keys) await ipvs.createService(key, { scheduler: 'rr' });
    for (const key of keys) assert.deepEqual((await ipvs.getService(key))?.key, key);
    for (const key of keys) {
      await ipvs.deleteService(key);
      assert.equal(await ipvs.getService(key), null);
    }
    assert.deepEqual(await savedTable(), []);
  });

  it('info is what ipvsadm -Ln says above the table', async () => {
    const { version, connectionTableSize } = await ipvs.info();
    assert.equal(
      lines(await ipvsadm('-L -n'))[0],
      `IP Virtual Server version ${version} (size=${connectionTableSize})`,
    );
  });

  it('lists a great many services, in a dump of many buffers, as ipvsadm does', async () => {
    const expected = (await fillTable(many(2000))).map(({ address, port }) => `${address}:${port}`);
    const listed = await ipvs.listServices();
    assert.deepEqual(
      listed.map(({ key }) => ('address' in key ? `${key.address}:${key.port}` : 'a mark')).sort(),
      [...expected].sort(),
    );
    assert.equal((await saved()).length, expected.length);
  });
});
