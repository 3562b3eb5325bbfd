// Links, addresses, routes and look-ups, made by us and judged by ip, made by ip and read by us.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { Rtnetlink, RouteTable } from '../../src/netlink/index.js';
import type { AddressFilter, Link, Route } from '../../src/netlink/index.js';
import { interfaceIndex, ipAddresses, ipRoutes, sorted } from '../support/ip-routes.js';
import { ip, ipBatch, ipJson, shell } from '../support/tools.js';
import { patience } from '../support/netlink.js';

/** `ip -d link` as values of netlink-ts. */
async function ipLinks(): Promise<Link[]> {
  return (await ipJson('-d link show')).map((shown) => {
    const flags = shown['flags'] as string[];
    const info = shown['linkinfo'] as { info_kind?: string } | undefined;
    return {
      index: Number(shown['ifindex']),
      name: String(shown['ifname']),
      kind: info?.info_kind ?? null,
      up: flags.includes('UP'),
      carrier: flags.includes('LOWER_UP'),
      mtu: Number(shown['mtu']),
    };
  });
}

describe('links', () => {
  let rtnetlink: Rtnetlink;
  const names = ['dummy7', 'fifteen-bytes-1', 'vleft7', 'br7'];
  before(() => {
    rtnetlink = Rtnetlink.open(patience);
  });
  afterEach(async () => {
    await shell(
      `for name in ${names.join(' ')}; do [[ ! -e /sys/class/net/$name ]] || ip link delete $name; done`,
    );
  });
  after(async () => {
    await rtnetlink.close();
  });

  it('lists what ip -d link shows: kind, up, carrier, mtu', async () => {
    await ip('link add dummy7 mtu 1234 type dummy');
    await ip('link add vleft7 type veth peer name vright7');
    await ip('link add br7 type bridge');
    await ip('link set vleft7 up');
    const expected = await ipLinks();
    assert.deepEqual(await rtnetlink.listLinks(), expected);
    for (const link of expected) assert.deepEqual(await rtnetlink.findLink(link.name), link);
    assert.deepEqual(
      expected
        .filter(({ name }) => names.includes(name))
        .map(({ name, kind, up, carrier, mtu }) => [name, kind, up, carrier, mtu]),
      [
        ['dummy7', 'dummy', false, false, 1234],
        ['vleft7', 'veth', true, false, 1500],
        ['br7', 'bridge', false, false, 1500],
      ],
    );
  });

  it('creates a dummy link, sets it up, deletes it', async () => {
    await rtnetlink.createDummyLink('dummy7');
    const created = await rtnetlink.findLink('dummy7');
    assert.ok(created !== null);
    assert.deepEqual(
      { ...created, index: 0 },
      { index: 0, name: 'dummy7', kind: 'dummy', up: false, carrier: false, mtu: 1500 },
    );
    assert.ok(
      (await ipLinks()).some((link) => link.index === created.index && link.name === 'dummy7' && !link.up),
    );

    await rtnetlink.setLinkUp(created.index);
    assert.deepEqual(await rtnetlink.findLink('dummy7'), { ...created, up: true, carrier: true });
    assert.ok(((await ipJson('link show dev dummy7'))[0]?.['flags'] as string[]).includes('UP'));

    await rtnetlink.deleteLink(created.index);
    assert.equal(await rtnetlink.findLink('dummy7'), null);
    assert.equal(
      (await ipLinks()).some((link) => link.name === 'dummy7'),
      false,
    );
  });

  it('takes a name of fifteen bytes, and a name that looks odd', async () => {
    await rtnetlink.createDummyLink('fifteen-bytes-1');
    assert.equal((await rtnetlink.findLink('fifteen-bytes-1'))?.name, 'fifteen-bytes-1');
    assert.equal((await ipLinks()).at(-1)?.name, 'fifteen-bytes-1');
  });
});

describe('addresses', () => {
  let rtnetlink: Rtnetlink;
  let index: number;
  before(() => {
    rtnetlink = Rtnetlink.open(patience);
  });
  beforeEach(async () => {
    await ipBatch([
      'link add addresses0 type dummy',
      'link set addresses0 addrgenmode none',
      'link set addresses0 up',
    ]);
    index = interfaceIndex('addresses0');
  });
  afterEach(async () => {
    await ip('link delete addresses0');
  });
  after(async () => {
    await rtnetlink.close();
  });

  const cases = [
    { family: 'ipv4', address: '10.103.97.2', prefixLength: 32 },
    { family: 'ipv4', address: '10.95.0.1', prefixLength: 24 },
    { family: 'ipv6', address: 'fd00:103::2', prefixLength: 128 },
    { family: 'ipv6', address: 'fd00:95::1', prefixLength: 64 },
  ] as const;
  for (const { family, address, prefixLength } of cases) {
    it(`${address}/${prefixLength}: ip sees ours, we see ip's`, async () => {
      const expected = { family, address, prefixLength, interfaceIndex: index };
      await rtnetlink.addAddress({ interfaceIndex: index, address, prefixLength });
      assert.deepEqual(await ipAddresses('dev addresses0'), [expected]);
      assert.deepEqual(await rtnetlink.listAddresses({ interfaceIndex: index }), [expected]);
      assert.deepEqual(await rtnetlink.listAddresses({ interfaceIndex: index, family }), [expected]);
      const other = family === 'ipv4' ? 'ipv6' : 'ipv4';
      assert.deepEqual(await rtnetlink.listAddresses({ interfaceIndex: index, family: other }), []);

      await rtnetlink.deleteAddress({ interfaceIndex: index, address, prefixLength });
      assert.deepEqual(await ipAddresses('dev addresses0'), []);
      assert.deepEqual(await rtnetlink.listAddresses({ interfaceIndex: index }), []);

      await ip(`addr add ${address}/${prefixLength} dev addresses0`);
      assert.deepEqual(await rtnetlink.listAddresses({ interfaceIndex: index }), [expected]);
    });
  }

  it('the address of a point-to-point link is ours, not the peer', async () => {
    await ip('addr add 10.5.0.1 peer 10.5.0.2/32 dev addresses0');
    assert.deepEqual(await rtnetlink.listAddresses({ interfaceIndex: index }), [
      { family: 'ipv4', address: '10.5.0.1', prefixLength: 32, interfaceIndex: index },
    ]);
  });

  it('an address that ip added with a broadcast and a scope is deleted by what identifies it', async () => {
    await ip('addr add 10.95.0.1/24 brd + scope link dev addresses0');
    await rtnetlink.deleteAddress({ interfaceIndex: index, address: '10.95.0.1', prefixLength: 24 });
    assert.deepEqual(await ipAddresses('dev addresses0'), []);
  });

  it('lists all of them, a dump of many buffers, as ip does', async () => {
    const commands = Array.from(
      { length: 1000 },
      (_, i) => `addr add 10.94.${i >> 8}.${i & 255}/32 dev addresses0`,
    );
    await ipBatch([...commands, 'addr add fd00:94::1/128 dev addresses0']);
    const expected = sorted(await ipAddresses());
    assert.deepEqual(sorted(await rtnetlink.listAddresses()), expected);
    assert.ok(expected.length >= 1001);
    assert.equal((await rtnetlink.listAddresses({ family: 'ipv4', interfaceIndex: index })).length, 1000);
    const of = async (filter: AddressFilter): Promise<string[]> =>
      (await rtnetlink.listAddresses(filter)).map(({ address }) => address);
    assert.deepEqual(await of({ address: '10.94.3.7' }), ['10.94.3.7']);
    assert.deepEqual(await of({ address: '10.94.3.7', interfaceIndex: 1 }), []);
    assert.deepEqual(await of({ address: 'FD00:94:0::1', family: 'ipv6' }), ['fd00:94::1']);
    assert.deepEqual(await of({ address: '10.94.9.9' }), []);
  });
});

describe('routes', () => {
  let rtnetlink: Rtnetlink;
  let index: number;
  const lo = interfaceIndex('lo');
  before(async () => {
    rtnetlink = Rtnetlink.open(patience);
    await ipBatch([
      'link add routes0 type dummy',
      'link set routes0 addrgenmode none',
      'link set routes0 up',
      'addr add 10.93.0.10/24 dev routes0',
      'addr add fd93::10/64 dev routes0 nodad',
    ]);
    index = interfaceIndex('routes0');
  });
  after(async () => {
    await rtnetlink.close();
    await ip('link delete routes0');
  });

  const base: Route = {
    family: 'ipv4',
    destination: '10.99.0.0',
    prefixLength: 24,
    table: RouteTable.main,
    type: 'unicast',
    metric: null,
    gateway: null,
    interfaceIndex: null,
    preferredSource: null,
    protocol: 4,
    scope: 0,
  };
  const base6: Route = { ...base, family: 'ipv6', destination: 'fd99::', prefixLength: 64 };
  /** What the test writes as interface -1 is the link that was just made. */
  const cases: [name: string, route: Route, asListed?: Partial<Route>][] = [
    [
      "the VIP's local route with the node's source",
      {
        ...base,
        destination: '10.99.0.1',
        prefixLength: 32,
        table: RouteTable.local,
        type: 'local',
        interfaceIndex: lo,
        preferredSource: '10.93.0.10',
        scope: 254,
      },
    ],
    ['a gateway and a metric', { ...base, gateway: '10.93.0.1', interfaceIndex: -1, metric: 50 }],
    ['a gateway whose device the kernel finds', { ...base, gateway: '10.93.0.1' }, { interfaceIndex: -1 }],
    [
      'a device and a preferred source',
      { ...base, interfaceIndex: -1, preferredSource: '10.93.0.10', scope: 253 },
    ],
    [
      'a default route in a table of its own',
      {
        ...base,
        destination: '0.0.0.0',
        prefixLength: 0,
        gateway: '10.93.0.1',
        interfaceIndex: -1,
        table: 1000,
      },
    ],
    ['the greatest table', { ...base, interfaceIndex: -1, scope: 253, table: 4294967295 }],
    ['the greatest metric', { ...base, interfaceIndex: -1, scope: 253, metric: 4294967295 }],
    ['a blackhole', { ...base, type: 'blackhole' }],
    ['unreachable', { ...base, type: 'unreachable', metric: 7 }],
    ['prohibited', { ...base, type: 'prohibit' }],
    ['throw, in another table', { ...base, type: 'throw', table: 100 }],
    [
      "IPv6: the VIP's local route with the node's source",
      {
        ...base6,
        destination: 'fd99::1',
        prefixLength: 128,
        table: RouteTable.local,
        type: 'local',
        interfaceIndex: lo,
        preferredSource: 'fd93::10',
      },
      { metric: 1024 },
    ],
    ['IPv6: a gateway and a metric', { ...base6, gateway: 'fd93::1', interfaceIndex: -1, metric: 50 }],
    ['IPv6: a device', { ...base6, interfaceIndex: -1 }, { metric: 1024 }],
    [
      'IPv6: a default route in a table of its own',
      { ...base6, destination: '::', prefixLength: 0, gateway: 'fd93::1', interfaceIndex: -1, table: 1000 },
      { metric: 1024 },
    ],
    ['IPv6: a blackhole', { ...base6, type: 'blackhole' }, { metric: 1024, interfaceIndex: lo }],
  ];
  const placed = (route: Route): Route =>
    route.interfaceIndex === -1 ? { ...route, interfaceIndex: index } : route;

  for (const [name, template, asListed] of cases) {
    it(`${name}: ip sees ours, we see it, replacing changes nothing, deleting removes it`, async () => {
      const route = placed(template);
      const expected = placed({ ...template, metric: template.metric ?? 0, ...asListed });
      const beforehand = sorted(await ipRoutes(route.family));
      await rtnetlink.replaceRoute(route);
      assert.deepEqual(sorted(await ipRoutes(route.family)), sorted([...beforehand, expected]));
      const listed = await rtnetlink.listRoutes({ family: route.family, table: route.table });
      assert.deepEqual(
        listed.filter(
          ({ destination, prefixLength }) =>
            destination === route.destination && prefixLength === route.prefixLength,
        ),
        [expected],
      );

      await rtnetlink.replaceRoute(route);
      assert.deepEqual(sorted(await ipRoutes(route.family)), sorted([...beforehand, expected]));

      await rtnetlink.deleteRoute(expected);
      assert.deepEqual(sorted(await ipRoutes(route.family)), beforehand);
    });
  }

  // Routes through a link go with it; these tests share theirs.
  const flush = (): Promise<string> =>
    shell('ip -4 route flush table all root 10.99.0.0/16; ip -6 route flush table all root fd99::/16');

  it('replace changes the route of the same destination, table and metric', async (t) => {
    t.after(flush);
    await rtnetlink.replaceRoute({ ...base, gateway: '10.93.0.1', interfaceIndex: index, metric: 50 });
    await rtnetlink.replaceRoute({ ...base, gateway: '10.93.0.2', interfaceIndex: index, metric: 50 });
    await rtnetlink.replaceRoute({ ...base, gateway: '10.93.0.3', interfaceIndex: index, metric: 51 });
    assert.deepEqual(
      (await ipRoutes('ipv4', 'root 10.99.0.0/16')).map(({ gateway, metric }) => [gateway, metric]),
      [
        ['10.93.0.2', 50],
        ['10.93.0.3', 51],
      ],
    );
  });

  it('deletes by what identifies a route: a null metric is any, the rest need not be known', async () => {
    await ip('route add 10.99.0.0/24 via 10.93.0.1 metric 50 proto 99');
    await rtnetlink.deleteRoute({
      family: 'ipv4',
      destination: '10.99.0.0',
      prefixLength: 24,
      table: RouteTable.main,
      type: 'unicast',
      metric: null,
    });
    assert.deepEqual(await ipRoutes('ipv4', 'root 10.99.0.0/16'), []);
  });

  it('lists what ip route show table all shows, in both families, and by table', async (t) => {
    t.after(flush);
    await shell(`
      ip route add 10.99.1.0/24 nexthop via 10.93.0.1 weight 1 nexthop via 10.93.0.3 weight 2
      ip route add 10.99.2.0/24 via inet6 fd93::1 dev routes0
      ip route add 10.99.3.0/24 via 10.93.0.1 dev routes0 mtu 1400
      ip route add blackhole 10.99.4.0/24
      ip route add throw 10.99.5.0/24 table 100
      ip route add 10.99.6.0/24 via 10.93.0.1 table 70000 proto 99 metric 5
      ip route add local 10.99.7.1 dev lo table local src 10.93.0.10
      ip -6 route add fd99:1::/64 nexthop via fd93::1 nexthop via fd93::3
      ip -6 route add prohibit fd99:2::/64
      ip -6 route add default via fd93::1 table 70000
    `);
    t.after(() => ip('-6 route flush table 70000'));
    for (const family of ['ipv4', 'ipv6'] as const) {
      const expected = sorted(await ipRoutes(family));
      assert.deepEqual(sorted(await rtnetlink.listRoutes({ family })), expected);
      for (const table of [RouteTable.main, RouteTable.local, 100, 70000]) {
        assert.deepEqual(
          sorted(await rtnetlink.listRoutes({ family, table })),
          expected.filter((route) => route.table === table),
        );
      }
    }
    const everything = [...(await ipRoutes('ipv4')), ...(await ipRoutes('ipv6'))];
    assert.deepEqual(sorted(await rtnetlink.listRoutes()), sorted(everything));
    const [multipath] = (await rtnetlink.listRoutes({ family: 'ipv4' })).filter(
      ({ destination }) => destination === '10.99.1.0',
    );
    assert.deepEqual([multipath?.gateway, multipath?.interfaceIndex], [null, null]);
  });

  it('lists the routes to one address, in the order in which the kernel tries them', async (t) => {
    t.after(flush);
    await shell(`
      ip route add 10.99.8.0/24 via 10.93.0.1
      ip route add 10.99.8.0/32 via 10.93.0.1 metric 9
      ip route add 10.99.8.0/32 via 10.93.0.3 metric 7
      ip route add 10.99.8.0/32 via 10.93.0.3 table 70000
      ip route add 10.99.8.1/32 via 10.93.0.1
      ip -6 route add fd99:8::/64 via fd93::1
      ip -6 route add fd99:8::/128 via fd93::1
    `);
    const to = async (destination: string, rest: { family?: 'ipv4' | 'ipv6'; table?: number } = {}) =>
      (await rtnetlink.listRoutes({ destination, ...rest })).map(
        ({ prefixLength, table, metric }) => `/${prefixLength} ${table} ${metric}`,
      );
    assert.deepEqual(await to('10.99.8.0', { table: 254 }), ['/32 254 7', '/32 254 9', '/24 254 0']);
    assert.deepEqual((await to('10.99.8.0')).length, 4);
    assert.deepEqual(await to('10.99.8.2'), []);
    assert.deepEqual((await to('FD99:8:0::')).toSorted(), ['/128 254 1024', '/64 254 1024']);
    assert.deepEqual(await to('fd99:8::', { family: 'ipv4' }), []);
  });

  it('a table that is not there is empty', async () => {
    assert.deepEqual(await rtnetlink.listRoutes({ family: 'ipv4', table: 123456 }), []);
  });

  it('an IPv4 route through an IPv6 gateway goes there and back', async (t) => {
    t.after(flush);
    await ip('route add 10.99.2.0/24 via inet6 fd93::1 dev routes0');
    const [listed] = (await rtnetlink.listRoutes({ family: 'ipv4' })).filter(
      ({ destination }) => destination === '10.99.2.0',
    );
    assert.equal(listed?.gateway, 'fd93::1');
    await rtnetlink.deleteRoute(listed);
    await rtnetlink.replaceRoute(listed);
    assert.deepEqual(await ipRoutes('ipv4', 'root 10.99.0.0/16'), [listed]);
  });

  describe('look-ups', () => {
    before(async () => {
      await shell(`
        ip route add 10.99.1.0/24 via 10.93.0.1
        ip route add local 10.99.7.1 dev lo table local src 10.93.0.10
        ip -6 route add fd99:1::/64 via fd93::1
        ip -6 route add local fd99:7::1 dev lo table local src fd93::10
      `);
    });
    after(flush);
    interface Shown {
      type?: string;
      dev?: string;
      gateway?: string;
      prefsrc?: string;
    }
    const lookups: [
      ipArguments: string,
      request: { destination: string; source?: string; device?: string },
    ][] = [
      ['10.93.0.77', { destination: '10.93.0.77' }],
      ['10.99.1.5', { destination: '10.99.1.5' }],
      ['10.99.7.1', { destination: '10.99.7.1' }],
      ['127.0.0.1', { destination: '127.0.0.1' }],
      ['10.93.0.255', { destination: '10.93.0.255' }],
      ['10.99.1.5 from 10.93.0.10', { destination: '10.99.1.5', source: '10.93.0.10' }],
      ['10.93.0.77 oif routes0', { destination: '10.93.0.77', device: 'routes0' }],
      ['fd93::77', { destination: 'fd93::77' }],
      ['fd99:1::5', { destination: 'fd99:1::5' }],
      ['fd99:7::1', { destination: 'fd99:7::1' }],
      ['::1', { destination: '::1' }],
    ];
    for (const [ipArguments, { device, ...request }] of lookups) {
      it(`ip route get ${ipArguments}`, async () => {
        const [shown] = (await ipJson(`route get ${ipArguments}`)) as Shown[];
        assert.ok(shown?.dev !== undefined);
        assert.deepEqual(
          await rtnetlink.lookupRoute({
            ...request,
            ...(device === undefined ? {} : { interfaceIndex: interfaceIndex(device) }),
          }),
          {
            type: shown.type ?? 'unicast',
            interfaceIndex: interfaceIndex(shown.dev),
            gateway: shown.gateway ?? null,
            source: shown.prefsrc ?? null,
          },
        );
      });
    }
  });
});
