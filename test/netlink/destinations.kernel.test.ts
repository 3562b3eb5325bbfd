// Destinations, made by us and judged by ipvsadm, made by ipvsadm and read by us.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { Ipvs } from '../../src/netlink/index.js';
import type { Destination, DestinationConfig, DestinationKey, ServiceKey } from '../../src/netlink/index.js';
import { fwmark, noStats, tcp, udp, patience } from '../support/netlink.js';
import { ipvsadm, lines, savedTable } from '../support/tools.js';

const v4 = tcp('10.103.97.2', 6443);
const v6 = tcp('fd00::2', 6443);

interface Case {
  readonly name: string;
  readonly service: ServiceKey;
  readonly key: DestinationKey;
  readonly config: DestinationConfig;
  /** As `ipvsadm -Sn` prints it; null where ipvsadm has no words for it. */
  readonly saved: string | null;
  /** The third column of `ipvsadm -Ln`. */
  readonly forward: string;
}

const cases: readonly Case[] = [
  {
    name: 'masquerade, the default',
    service: v4,
    key: { address: '10.103.97.200', port: 6443 },
    config: {},
    saved: '-a -t 10.103.97.2:6443 -r 10.103.97.200:6443 -m -w 1',
    forward: 'Masq',
  },
  {
    name: 'masquerade to another port, weight 0',
    service: v4,
    key: { address: '10.103.97.201', port: 1 },
    config: { forwarding: 'masquerade', weight: 0 },
    saved: '-a -t 10.103.97.2:6443 -r 10.103.97.201:1 -m -w 0',
    forward: 'Masq',
  },
  {
    name: 'direct, the greatest weight',
    service: v4,
    key: { address: '10.103.97.202', port: 6443 },
    config: { forwarding: 'direct', weight: 2147483647 },
    saved: '-a -t 10.103.97.2:6443 -r 10.103.97.202:6443 -g -w 2147483647',
    forward: 'Route',
  },
  {
    name: 'local',
    service: v4,
    key: { address: '127.0.0.1', port: 6443 },
    config: { forwarding: 'local', weight: 5 },
    saved: null,
    forward: 'Local',
  },
  {
    name: 'tunnel',
    service: v4,
    key: { address: '10.103.97.203', port: 6443 },
    config: { forwarding: 'tunnel', weight: 2 },
    saved: '-a -t 10.103.97.2:6443 -r 10.103.97.203:6443 -i -w 2 --tun-type ipip',
    forward: 'Tunnel',
  },
  {
    name: 'tunnel by ipip, said aloud',
    service: v4,
    key: { address: '10.103.97.203', port: 6443 },
    config: { forwarding: 'tunnel', tunnel: { type: 'ipip', port: 0, checksum: 'none' } },
    saved: '-a -t 10.103.97.2:6443 -r 10.103.97.203:6443 -i -w 1 --tun-type ipip',
    forward: 'Tunnel',
  },
  {
    name: 'tunnel by gue',
    service: v4,
    key: { address: '10.103.97.204', port: 6443 },
    config: { forwarding: 'tunnel', tunnel: { type: 'gue', port: 6080, checksum: 'none' } },
    saved: '-a -t 10.103.97.2:6443 -r 10.103.97.204:6443 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum',
    forward: 'Tunnel',
  },
  {
    name: 'tunnel by gue with a remote checksum',
    service: v4,
    key: { address: '10.103.97.204', port: 6443 },
    config: { forwarding: 'tunnel', tunnel: { type: 'gue', port: 65535, checksum: 'remote-checksum' } },
    saved:
      '-a -t 10.103.97.2:6443 -r 10.103.97.204:6443 -i -w 1 --tun-type gue --tun-port 65535 --tun-remcsum',
    forward: 'Tunnel',
  },
  {
    name: 'tunnel by gre with a checksum',
    service: v4,
    key: { address: '10.103.97.205', port: 6443 },
    config: { forwarding: 'tunnel', tunnel: { type: 'gre', port: 0, checksum: 'checksum' } },
    saved: '-a -t 10.103.97.2:6443 -r 10.103.97.205:6443 -i -w 1 --tun-type gre --tun-csum',
    forward: 'Tunnel',
  },
  {
    name: 'IPv6 masquerade',
    service: v6,
    key: { address: 'fd00::200', port: 6443 },
    config: { weight: 3 },
    saved: '-a -t [fd00::2]:6443 -r [fd00::200]:6443 -m -w 3',
    forward: 'Masq',
  },
  {
    name: 'an IPv4 tunnel for an IPv6 service',
    service: v6,
    key: { address: '10.103.97.200', port: 6443 },
    config: { forwarding: 'tunnel' },
    saved: '-a -t [fd00::2]:6443 -r 10.103.97.200:6443 -i -w 1 --tun-type ipip',
    forward: 'Tunnel',
  },
  {
    name: 'an IPv6 tunnel for an IPv4 service',
    service: v4,
    key: { address: 'fd00::200', port: 6443 },
    config: { forwarding: 'tunnel' },
    saved: '-a -t 10.103.97.2:6443 -r [fd00::200]:6443 -i -w 1 --tun-type ipip',
    forward: 'Tunnel',
  },
  {
    name: 'of a firewall mark',
    service: fwmark(9),
    key: { address: '10.103.97.200', port: 0 },
    config: { forwarding: 'direct' },
    saved: '-a -f 9 -r 10.103.97.200:0 -g -w 1',
    forward: 'Route',
  },
  {
    name: 'of a firewall mark for IPv6',
    service: fwmark(9, 'ipv6'),
    key: { address: 'fd00::200', port: 0 },
    config: { forwarding: 'direct' },
    saved: '-a -f 9 -6 -r [fd00::200]:0 -g -w 1',
    forward: 'Route',
  },
  {
    name: 'of a UDP service',
    service: udp('10.0.0.53', 53),
    key: { address: '10.0.0.54', port: 53 },
    config: {},
    saved: '-a -u 10.0.0.53:53 -r 10.0.0.54:53 -m -w 1',
    forward: 'Masq',
  },
];

function fresh({ key, config }: Pick<Case, 'key' | 'config'>): Destination {
  const forwarding = config.forwarding ?? 'masquerade';
  return {
    family: key.address.includes(':') ? 'ipv6' : 'ipv4',
    address: key.address,
    port: key.port,
    forwarding,
    weight: config.weight ?? 1,
    upperThreshold: config.upperThreshold ?? 0,
    lowerThreshold: config.lowerThreshold ?? 0,
    tunnel: forwarding === 'tunnel' ? (config.tunnel ?? { type: 'ipip', port: 0, checksum: 'none' }) : null,
    activeConnections: 0,
    inactiveConnections: 0,
    persistentConnections: 0,
    stats: noStats,
  };
}

const savedRows = async (): Promise<string[]> => (await savedTable()).filter((line) => line.startsWith('-a'));
const listedRows = async (): Promise<string[][]> =>
  lines(await ipvsadm('-L -n'))
    .filter((line) => line.startsWith('  -> ') && !line.includes('RemoteAddress'))
    .map((line) => line.trim().split(/\s+/));

describe('destinations on a real kernel', () => {
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

  for (const each of cases) {
    const { name, service, key, config, saved, forward } = each;
    it(`${name}: ipvsadm sees ours, we see ipvsadm's`, async () => {
      await ipvs.createService(service, { scheduler: 'rr' });

      await ipvs.createDestination(service, key, config);
      const [row] = await listedRows();
      const address = key.address.includes(':') ? `[${key.address}]` : key.address;
      assert.deepEqual(row, ['->', `${address}:${key.port}`, forward, String(config.weight ?? 1), '0', '0']);
      if (saved !== null) assert.deepEqual(await savedRows(), [saved]);
      assert.deepEqual(await ipvs.listDestinations(service), [fresh(each)]);

      await ipvs.deleteDestination(service, key);
      assert.deepEqual(await savedRows(), []);
      assert.deepEqual(await ipvs.listDestinations(service), []);

      if (saved === null) return;
      await ipvsadm(saved);
      assert.deepEqual(await ipvs.listDestinations(service), [fresh(each)]);
    });
  }

  it('thresholds', async () => {
    await ipvs.createService(v4, { scheduler: 'rr' });
    const key = { address: '10.103.97.200', port: 6443 };
    await ipvs.createDestination(v4, key, { upperThreshold: 1000, lowerThreshold: 500 });
    const thresholds = async (): Promise<string[] | undefined> =>
      lines(await ipvsadm('-L -n --thresholds'))
        .at(-1)
        ?.trim()
        .split(/\s+/)
        .slice(2, 4);
    assert.deepEqual(await thresholds(), ['1000', '500']);
    await ipvsadm('-e -t 10.103.97.2:6443 -r 10.103.97.200:6443 -m -x 2147483647 -y 7');
    assert.deepEqual(await ipvs.listDestinations(v4), [
      fresh({ key, config: { upperThreshold: 2147483647, lowerThreshold: 7 } }),
    ]);
    await ipvs.updateDestination(v4, key, {});
    assert.deepEqual(await thresholds(), ['0', '0']);
  });

  it('update changes the row in place: weight, method, tunnel, and back to the defaults', async () => {
    await ipvs.createService(v4, { scheduler: 'rr' });
    const key = { address: '10.103.97.200', port: 6443 };
    await ipvs.createDestination(v4, key, {});
    const steps: [DestinationConfig, string][] = [
      [{ weight: 0 }, '-m -w 0'],
      [{ weight: 100, forwarding: 'direct' }, '-g -w 100'],
      [
        { forwarding: 'tunnel', tunnel: { type: 'gue', port: 7777, checksum: 'checksum' } },
        '-i -w 1 --tun-type gue --tun-port 7777 --tun-csum',
      ],
      [
        { forwarding: 'tunnel', tunnel: { type: 'gre', port: 0, checksum: 'none' } },
        '-i -w 1 --tun-type gre --tun-nocsum',
      ],
      [{ forwarding: 'tunnel' }, '-i -w 1 --tun-type ipip'],
      [{}, '-m -w 1'],
    ];
    for (const [config, saved] of steps) {
      await ipvs.updateDestination(v4, key, config);
      assert.deepEqual(await savedRows(), [`-a -t 10.103.97.2:6443 -r 10.103.97.200:6443 ${saved}`]);
      assert.deepEqual(await ipvs.listDestinations(v4), [fresh({ key, config })]);
    }
  });

  it('lists only the rows of the service asked for, all of them', async () => {
    await ipvs.createService(v4, { scheduler: 'rr' });
    await ipvs.createService(v6, { scheduler: 'rr' });
    const many = Array.from({ length: 300 }, (_, index) => ({
      address: `10.9.${index >> 8}.${index & 255}`,
      port: 80,
    }));
    await ipvs.batch(
      many.map((destination) => ({ kind: 'createDestination', service: v4, destination, config: {} })),
    );
    await ipvs.createDestination(v6, { address: 'fd00::200', port: 6443 }, {});
    const text = ({ address, port }: DestinationKey): string => `${address}:${port}`;
    assert.deepEqual((await ipvs.listDestinations(v4)).map(text).sort(), many.map(text).sort());
    assert.deepEqual((await ipvs.listDestinations(v6)).map(text), ['fd00::200:6443']);
    assert.equal((await savedRows()).length, 301);
  });
});
