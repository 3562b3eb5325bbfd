// What we would send, beside what ipvsadm and ip sent for the same; and back from bytes to the same values.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeMessage, encodeIpvsRequest, encodeRtnetlinkRequest } from './codec.js';
import { ServiceFlag } from '../../src/netlink/index.js';
import type {
  AddressFilter,
  DestinationConfig,
  DestinationKey,
  IpvsOperation,
  RouteSelector,
  RouteSpec,
  ServiceConfig,
  ServiceKey,
  Tunnel,
} from '../../src/netlink/index.js';
import { captured, capturedCommand } from '../support/captured.js';
import {
  editNested,
  parseAttributes,
  parseMessage,
  type Attribute,
  type Message,
} from '../support/message.js';
import { fwmark, sctp, tcp, udp } from '../support/netlink.js';

const FAMILY_ID = 0x1c;
const GENL_HEADER_BYTES = 4;
const [IPVS_CMD_ATTR_SERVICE, IPVS_CMD_ATTR_DEST] = [1, 2];

const hex = (attributes: readonly Attribute[]): Map<number, string> =>
  new Map(attributes.map(({ type, payload }) => [type, payload.toString('hex')]));
const nested = ({ attributes }: Message, nest: number): Map<number, string> =>
  hex(parseAttributes(attributes.find(({ type }) => type === nest)?.payload ?? Buffer.alloc(0)));

/** Everything that `ours` says `theirs` says too; gives what only they say. */
function onlyTheirs(ours: ReadonlyMap<number, string>, theirs: ReadonlyMap<number, string>): number[] {
  for (const [type, payload] of ours) assert.equal(payload, theirs.get(type), `attribute ${type}`);
  return [...theirs.keys()].filter((type) => !ours.has(type));
}

// ---- IPVS ---------------------------------------------------------------------------------------------------

const vip = tcp('10.103.97.2', 6443);
const vip6 = tcp('fd00::2', 6443);
const create = (service: ServiceKey, config: ServiceConfig): IpvsOperation => ({
  kind: 'createService',
  service,
  config,
});
const add = (
  service: ServiceKey,
  address: string,
  port: number,
  config: DestinationConfig,
): IpvsOperation => ({
  kind: 'createDestination',
  service,
  destination: { address, port },
  config,
});

const requests: Record<string, IpvsOperation> = {
  'ipvsadm -A -t 10.103.97.2:6443 -s rr': create(vip, { scheduler: 'rr' }),
  'ipvsadm -A -u 10.0.0.53:53 -s wrr -o': create(udp('10.0.0.53', 53), { scheduler: 'wrr', flags: 4 }),
  'ipvsadm -A --sctp-service 10.0.0.3:5000 -s lc': create(sctp('10.0.0.3', 5000), { scheduler: 'lc' }),
  'ipvsadm -A -t [fd00::2]:6443 -s wlc': create(vip6, { scheduler: 'wlc' }),
  'ipvsadm -A -f 1 -s rr': create(fwmark(1), { scheduler: 'rr' }),
  'ipvsadm -A -f 4294967295 -6 -s sed': create(fwmark(4294967295, 'ipv6'), { scheduler: 'sed' }),
  'ipvsadm -A -t 10.0.0.4:443 -s nq -p 300 -M 255.255.255.0': create(tcp('10.0.0.4', 443), {
    scheduler: 'nq',
    flags: 1,
    timeoutSeconds: 300,
    netmask: '255.255.255.0',
  }),
  'ipvsadm -A -t [fd00::4]:443 -s lblc -p 600 -M 64': create(tcp('fd00::4', 443), {
    scheduler: 'lblc',
    flags: 1,
    timeoutSeconds: 600,
    netmask: '64',
  }),
  'ipvsadm -A -t 10.0.0.5:0 -s dh -p 360': create(tcp('10.0.0.5', 0), {
    scheduler: 'dh',
    flags: 1,
    timeoutSeconds: 360,
  }),
  'ipvsadm -A -u 10.0.0.6:5060 -s rr -p 60 --pe sip': create(udp('10.0.0.6', 5060), {
    scheduler: 'rr',
    flags: 1,
    timeoutSeconds: 60,
    peName: 'sip',
  }),
  'ipvsadm -A -t 10.0.0.7:80 -s sh -b sh-port,sh-fallback': create(tcp('10.0.0.7', 80), {
    scheduler: 'sh',
    flags: 0x18,
  }),
  'ipvsadm -A -t 10.0.0.8:80 -s mh -b mh-port': create(tcp('10.0.0.8', 80), { scheduler: 'mh', flags: 0x10 }),
  'ipvsadm -E -t 10.103.97.2:6443 -s wrr': {
    kind: 'updateService',
    service: vip,
    config: { scheduler: 'wrr' },
  },
  'ipvsadm -a -t 10.103.97.2:6443 -r 10.103.97.200:6443 -m -w 1': add(vip, '10.103.97.200', 6443, {}),
  'ipvsadm -a -t 10.103.97.2:6443 -r 10.103.97.201:6443 -m -w 0': add(vip, '10.103.97.201', 6443, {
    weight: 0,
  }),
  'ipvsadm -a -t 10.103.97.2:6443 -r 10.103.97.202:6443 -g -w 2147483647 -x 1000 -y 500': add(
    vip,
    '10.103.97.202',
    6443,
    { forwarding: 'direct', weight: 2147483647, upperThreshold: 1000, lowerThreshold: 500 },
  ),
  'ipvsadm -a -t 10.103.97.2:6443 -r 10.103.97.203:6443 -i -w 2': add(vip, '10.103.97.203', 6443, {
    forwarding: 'tunnel',
    weight: 2,
  }),
  'ipvsadm -a -t 10.103.97.2:6443 -r 10.103.97.204:6443 -i -w 3 --tun-type gue --tun-port 6080 --tun-remcsum':
    add(vip, '10.103.97.204', 6443, {
      forwarding: 'tunnel',
      weight: 3,
      tunnel: { type: 'gue', port: 6080, checksum: 'remote-checksum' },
    }),
  'ipvsadm -a -t 10.103.97.2:6443 -r 10.103.97.205:6443 -i -w 4 --tun-type gre --tun-csum': add(
    vip,
    '10.103.97.205',
    6443,
    { forwarding: 'tunnel', weight: 4, tunnel: { type: 'gre', port: 0, checksum: 'checksum' } },
  ),
  'ipvsadm -a -t [fd00::2]:6443 -r [fd00::200]:6443 -m -w 1': add(vip6, 'fd00::200', 6443, {}),
  'ipvsadm -a -t [fd00::2]:6443 -r 10.103.97.200:6443 -i -w 1': add(vip6, '10.103.97.200', 6443, {
    forwarding: 'tunnel',
  }),
  'ipvsadm -a -f 1 -r 10.103.97.200 -g -w 1': add(fwmark(1), '10.103.97.200', 0, { forwarding: 'direct' }),
  'ipvsadm -e -t 10.103.97.2:6443 -r 10.103.97.201:6443 -m -w 7': {
    kind: 'updateDestination',
    service: vip,
    destination: { address: '10.103.97.201', port: 6443 },
    config: { weight: 7 },
  },
  'ipvsadm -d -t 10.103.97.2:6443 -r 10.103.97.205:6443': {
    kind: 'deleteDestination',
    service: vip,
    destination: { address: '10.103.97.205', port: 6443 },
  },
  'ipvsadm -D -u 10.0.0.53:53': { kind: 'deleteService', service: udp('10.0.0.53', 53) },
};

describe('IPVS requests beside those of ipvsadm', () => {
  it('all that were captured are here', () => {
    const commands = new Set(captured('ipvs-requests').map(({ command }) => command));
    assert.deepEqual([...commands].sort(), Object.keys(requests).sort());
  });

  for (const [command, request] of Object.entries(requests)) {
    it(command, () => {
      const [sent] = capturedCommand('ipvs-requests', command).sent;
      assert.ok(sent !== undefined);
      const theirs = parseMessage(sent, GENL_HEADER_BYTES);
      const ours = parseMessage(Buffer.from(encodeIpvsRequest(request, FAMILY_ID)), GENL_HEADER_BYTES);
      assert.equal(ours.type, theirs.type);
      assert.equal(ours.flags, theirs.flags);
      assert.equal(ours.familyHeader.toString('hex'), theirs.familyHeader.toString('hex'));
      assert.deepEqual(
        ours.attributes.map(({ type }) => type),
        theirs.attributes.map(({ type }) => type),
      );

      const service = onlyTheirs(nested(ours, IPVS_CMD_ATTR_SERVICE), nested(theirs, IPVS_CMD_ATTR_SERVICE));
      // ipvsadm describes the service (SCHED_NAME, FLAGS, TIMEOUT, NETMASK) even where it only names it.
      const describing = request.kind === 'createService' || request.kind === 'updateService';
      assert.deepEqual(service.sort(), describing ? [] : [6, 7, 8, 9]);
      if (!('destination' in request)) return;

      const row = nested(theirs, IPVS_CMD_ATTR_DEST);
      // Behind an IPv4 address ipvsadm leaves what was there before; the kernel does not look.
      const IPVS_DEST_ATTR_ADDR = 1;
      if (!request.destination.address.includes(':')) {
        row.set(IPVS_DEST_ATTR_ADDR, `${row.get(IPVS_DEST_ATTR_ADDR)?.slice(0, 8) ?? ''}${'0'.repeat(24)}`);
      }
      const destination = onlyTheirs(nested(ours, IPVS_CMD_ATTR_DEST), row);
      // It names the plain tunnel (TUN_TYPE, TUN_PORT, TUN_FLAGS), which older kernels do not know,
      const plain = !command.includes('--tun-') || request.kind === 'deleteDestination' ? [13, 14, 15] : [];
      // and describes a row (FWD_METHOD, WEIGHT, U_THRESH, L_THRESH) that it deletes.
      const described = request.kind === 'deleteDestination' ? [3, 4, 5, 6] : [];
      assert.deepEqual(
        destination.sort((a, b) => a - b),
        [...described, ...plain],
      );
    });
  }

  for (const [command, request] of [
    ['ipvsadm --set 7500 0 0', { kind: 'setTimeouts', timeouts: { tcpSeconds: 7500 } }],
    ['ipvsadm --set 0 60 30', { kind: 'setTimeouts', timeouts: { tcpFinSeconds: 60, udpSeconds: 30 } }],
    ['ipvsadm -L --timeout', { kind: 'getTimeouts' }],
  ] as const)
    it(command, () => {
      const [sent] = capturedCommand('ipvs-timeouts', command).sent;
      assert.ok(sent !== undefined);
      const theirs = parseMessage(sent, GENL_HEADER_BYTES);
      assert.deepEqual(
        parseMessage(Buffer.from(encodeIpvsRequest(request, theirs.type)), GENL_HEADER_BYTES),
        theirs,
      );
    });

  it('the dumps that ipvsadm -Ln asks for', () => {
    const [tables] = captured('ipvs-tables');
    const [list, first] = tables?.sent ?? [];
    assert.ok(list !== undefined && first !== undefined);
    const NLM_F_ACK = 4;
    for (const [sent, request] of [
      [list, { kind: 'listServices' }],
      [first, { kind: 'listDestinations', service: fwmark(4294967295, 'ipv6') }],
    ] as const) {
      const theirs = parseMessage(sent, GENL_HEADER_BYTES);
      const ours = parseMessage(Buffer.from(encodeIpvsRequest(request, FAMILY_ID)), GENL_HEADER_BYTES);
      assert.equal(ours.type, theirs.type);
      // A dump is acknowledged by its end.
      assert.equal(ours.flags | NLM_F_ACK, theirs.flags);
      assert.equal(ours.familyHeader.toString('hex'), theirs.familyHeader.toString('hex'));
      onlyTheirs(nested(ours, IPVS_CMD_ATTR_SERVICE), nested(theirs, IPVS_CMD_ATTR_SERVICE));
    }
  });
});

// ---- rtnetlink ----------------------------------------------------------------------------------------------

const lvscare = 3;
const base = { family: 'ipv4', table: 254, type: 'unicast', metric: null } as const;
const base6 = { ...base, family: 'ipv6' } as const;
const at = (prefix: string): Pick<RouteSpec, 'destination' | 'prefixLength'> => {
  const [destination = '', length] = prefix.split('/');
  return { destination, prefixLength: Number(length) };
};

const routes: Record<string, RouteSpec> = {
  'ip route replace local 10.99.0.1 dev lo table local src 10.103.97.10': {
    ...base,
    ...at('10.99.0.1/32'),
    type: 'local',
    table: 255,
    interfaceIndex: 1,
    preferredSource: '10.103.97.10',
  },
  'ip route replace 10.99.1.0/24 via 10.103.97.1 metric 50': {
    ...base,
    ...at('10.99.1.0/24'),
    gateway: '10.103.97.1',
    metric: 50,
  },
  'ip route replace 10.99.2.0/24 dev lvscare proto static scope link src 10.103.97.10': {
    ...base,
    ...at('10.99.2.0/24'),
    interfaceIndex: lvscare,
    protocol: 4,
    scope: 253,
    preferredSource: '10.103.97.10',
  },
  'ip route replace default via 10.103.97.1 dev lvscare table 1000': {
    ...base,
    ...at('0.0.0.0/0'),
    gateway: '10.103.97.1',
    interfaceIndex: lvscare,
    table: 1000,
  },
  'ip route replace 10.99.3.0/24 dev lvscare table 4294967295': {
    ...base,
    ...at('10.99.3.0/24'),
    interfaceIndex: lvscare,
    table: 4294967295,
  },
  'ip route replace blackhole 10.99.4.0/24': { ...base, ...at('10.99.4.0/24'), type: 'blackhole' },
  'ip route replace unreachable 10.99.5.0/24 metric 7': {
    ...base,
    ...at('10.99.5.0/24'),
    type: 'unreachable',
    metric: 7,
  },
  'ip route replace prohibit 10.99.6.0/24': { ...base, ...at('10.99.6.0/24'), type: 'prohibit' },
  'ip route replace throw 10.99.7.0/24 table 100': {
    ...base,
    ...at('10.99.7.0/24'),
    type: 'throw',
    table: 100,
  },
  'ip route replace 10.99.9.0/24 via inet6 fd00:97::1 dev lvscare': {
    ...base,
    ...at('10.99.9.0/24'),
    gateway: 'fd00:97::1',
    interfaceIndex: lvscare,
  },
  'ip -6 route replace local fd00:99::1 dev lo table local src fd00:97::10': {
    ...base6,
    ...at('fd00:99::1/128'),
    type: 'local',
    table: 255,
    interfaceIndex: 1,
    preferredSource: 'fd00:97::10',
  },
  'ip -6 route replace fd00:99:1::/48 via fd00:97::1 metric 50': {
    ...base6,
    ...at('fd00:99:1::/48'),
    gateway: 'fd00:97::1',
    metric: 50,
  },
  'ip -6 route replace default via fd00:97::1 dev lvscare table 1000': {
    ...base6,
    ...at('::/0'),
    gateway: 'fd00:97::1',
    interfaceIndex: lvscare,
    table: 1000,
  },
  'ip -6 route replace blackhole fd00:99:4::/48': { ...base6, ...at('fd00:99:4::/48'), type: 'blackhole' },
};

const [LINK_HEADER_BYTES, ADDRESS_HEADER_BYTES, ROUTE_HEADER_BYTES] = [16, 8, 12];
const [RTA_DST, RTA_TABLE] = [1, 15];

function theirsAndOurs(
  file: string,
  command: string,
  ours: Uint8Array[],
  headerBytes: number,
): [Message, Message] {
  const sent = capturedCommand(file, command).sent[0];
  const [only] = ours;
  assert.ok(sent !== undefined && only !== undefined && ours.length === 1);
  const both: [Message, Message] = [
    parseMessage(sent, headerBytes),
    parseMessage(Buffer.from(only), headerBytes),
  ];
  assert.equal(both[1].type, both[0].type);
  return both;
}

describe('rtnetlink requests beside those of ip', () => {
  for (const [command, route] of Object.entries(routes)) {
    it(command, () => {
      const encoded = encodeRtnetlinkRequest({ kind: 'replaceRoute', route });
      const [theirs, ours] = theirsAndOurs('route-requests', command, encoded, ROUTE_HEADER_BYTES);
      assert.equal(ours.flags, theirs.flags);
      assert.equal(ours.familyHeader.toString('hex'), theirs.familyHeader.toString('hex'));
      const [said, expected] = [hex(ours.attributes), hex(theirs.attributes)];
      // The table is also an attribute where it fits into the header.
      const table = Buffer.alloc(4);
      table.writeUInt32LE(route.table);
      assert.equal(said.get(RTA_TABLE), table.toString('hex'));
      expected.set(RTA_TABLE, table.toString('hex'));
      // `ip -6 route` spells the default route's destination out; 0/0 needs none.
      if (route.prefixLength === 0) expected.delete(RTA_DST);
      assert.deepEqual(new Map([...said].sort()), new Map([...expected].sort()));
    });
  }

  it('a list to one address is asked for as the whole: the kernel refuses to filter by it', () => {
    const [byDestination, all] = ['10.99.11.0', undefined].map((destination) =>
      encodeRtnetlinkRequest({
        kind: 'listRoutes',
        filter: { family: 'ipv4', table: 254, ...(destination === undefined ? {} : { destination }) },
      }),
    );
    assert.deepEqual(byDestination, all);
    const of = (filter: AddressFilter): Uint8Array[] =>
      encodeRtnetlinkRequest({ kind: 'listAddresses', filter });
    assert.deepEqual(of({ address: '10.99.11.1' }), of({}));
  });

  it('ip route del 10.99.11.0/24 dev lvscare', () => {
    const route: RouteSelector = { ...base, ...at('10.99.11.0/24'), interfaceIndex: lvscare };
    const encoded = encodeRtnetlinkRequest({ kind: 'deleteRoute', route });
    const [theirs, ours] = theirsAndOurs(
      'route-requests',
      'ip route del 10.99.11.0/24 dev lvscare',
      encoded,
      ROUTE_HEADER_BYTES,
    );
    assert.equal(ours.flags, theirs.flags);
    const [header, expected] = [ours.familyHeader, Buffer.from(theirs.familyHeader)];
    // ip leaves the type open, we know it.
    expected.writeUInt8(1, 7);
    assert.equal(header.toString('hex'), expected.toString('hex'));
    assert.deepEqual(
      onlyTheirs(
        new Map([...hex(ours.attributes)].filter(([type]) => type !== RTA_TABLE)),
        hex(theirs.attributes),
      ),
      [],
    );
  });

  const lookups = {
    'ip route get 10.99.1.5': { destination: '10.99.1.5' },
    'ip route get 10.99.1.5 from 10.103.97.2': { destination: '10.99.1.5', source: '10.103.97.2' },
    'ip route get 10.103.97.77 oif lvscare': { destination: '10.103.97.77', interfaceIndex: lvscare },
    'ip -6 route get fd00:99:1::5': { destination: 'fd00:99:1::5' },
  };
  for (const [command, query] of Object.entries(lookups)) {
    it(command, () => {
      const encoded = encodeRtnetlinkRequest({ kind: 'lookupRoute', query });
      const [theirs, ours] = theirsAndOurs('route-get', command, encoded, ROUTE_HEADER_BYTES);
      // RTM_F_LOOKUP_TABLE (0x1000), by which ip asks for the table's name as well, is rtm_flags' second byte.
      const header = Buffer.from(theirs.familyHeader);
      header.writeUInt32LE(0, 8);
      assert.equal(ours.familyHeader.toString('hex'), header.toString('hex'));
      assert.deepEqual(onlyTheirs(hex(ours.attributes), hex(theirs.attributes)), []);
      const NLM_F_ACK = 4;
      assert.equal(ours.flags, theirs.flags | NLM_F_ACK);
    });
  }

  const addresses: [
    command: string,
    kind: 'addAddress' | 'deleteAddress',
    address: string,
    prefixLength: number,
  ][] = [
    ['ip addr add 10.103.97.2/32 dev lvscare', 'addAddress', '10.103.97.2', 32],
    ['ip addr add 10.103.97.10/24 dev lvscare', 'addAddress', '10.103.97.10', 24],
    ['ip addr add fd00:97::2/128 dev lvscare nodad', 'addAddress', 'fd00:97::2', 128],
    ['ip addr add fd00:97::10/64 dev lvscare nodad', 'addAddress', 'fd00:97::10', 64],
    ['ip addr del 10.6.0.1/24 dev lvscare', 'deleteAddress', '10.6.0.1', 24],
  ];
  for (const [command, kind, address, prefixLength] of addresses) {
    it(command, () => {
      const encoded = encodeRtnetlinkRequest({
        kind,
        address: { interfaceIndex: lvscare, address, prefixLength },
      });
      const [theirs, ours] = theirsAndOurs('route-address-requests', command, encoded, ADDRESS_HEADER_BYTES);
      assert.equal(ours.flags, theirs.flags);
      const expected = Buffer.from(theirs.familyHeader);
      // IFA_F_NODAD, which the captures ask for to be quick.
      if (command.endsWith(' nodad')) expected.writeUInt8(0, 2);
      assert.equal(ours.familyHeader.toString('hex'), expected.toString('hex'));
      assert.deepEqual(onlyTheirs(hex(ours.attributes), hex(theirs.attributes)), []);
    });
  }

  it('ip link add lvscare type dummy', () => {
    const encoded = encodeRtnetlinkRequest({ kind: 'createDummyLink', name: 'lvscare' });
    const [theirs, ours] = theirsAndOurs(
      'route-link-requests',
      'ip link add lvscare type dummy',
      encoded,
      LINK_HEADER_BYTES,
    );
    assert.equal(ours.flags, theirs.flags);
    assert.equal(ours.familyHeader.toString('hex'), theirs.familyHeader.toString('hex'));
    const IFLA_LINKINFO = 18;
    const names = (message: Message): unknown[] =>
      message.attributes.map(({ type, payload }) => [
        type,
        type === IFLA_LINKINFO
          ? parseAttributes(payload).map((inner) => [inner.type, inner.payload.toString().replace(/\0$/, '')])
          : payload.toString(),
      ]);
    assert.deepEqual(names(ours), names(theirs));
  });

  it('ip link set lvscare up, ip link delete short', () => {
    const up = encodeRtnetlinkRequest({ kind: 'setLinkUp', index: lvscare });
    const gone = encodeRtnetlinkRequest({ kind: 'deleteLink', index: 4 });
    for (const [command, encoded] of [
      ['ip link set lvscare up', up],
      ['ip link delete short', gone],
    ] as const) {
      const [theirs, ours] = theirsAndOurs('route-link-requests', command, encoded, LINK_HEADER_BYTES);
      assert.equal(ours.flags, theirs.flags);
      assert.equal(ours.familyHeader.toString('hex'), theirs.familyHeader.toString('hex'));
      assert.deepEqual([ours.attributes, theirs.attributes], [[], []]);
    }
  });
});

// ---- there and back -----------------------------------------------------------------------------------------

/** Objects like those that people write. */
const record = <T extends object>(fields: { [Name in keyof T]: fc.Arbitrary<T[Name]> }): fc.Arbitrary<T> =>
  fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>;
const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => bytes.join('.'));
/** Global unicast, in the text that inet_ntop(3) and the URL standard agree on. */
const ipv6 = fc
  .tuple(
    fc.integer({ min: 0x2000, max: 0x3fff }),
    fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 7, maxLength: 7 }),
  )
  .map(([first, rest]) => {
    const text = [first, ...rest].map((group) => group.toString(16)).join(':');
    return new URL(`http://[${text}]`).hostname.slice(1, -1);
  });
const ip = fc.oneof(ipv4, ipv6);
const port = fc.nat(0xffff);
const uint32 = fc.nat(0xffffffff);
const name = fc.stringMatching(/^[a-z0-9_-]{1,15}$/);

const serviceKey: fc.Arbitrary<ServiceKey> = fc.oneof(
  record({
    protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'sctp' as const),
    address: ip,
    port,
  }),
  record({
    fwmark: fc.integer({ min: 1, max: 0xffffffff }),
    family: fc.constantFrom('ipv4' as const, 'ipv6' as const),
  }),
);

const isIpv6 = (key: ServiceKey): boolean =>
  'family' in key ? key.family === 'ipv6' : key.address.includes(':');

describe('there and back', () => {
  it('every service', () => {
    const config = record({
      scheduler: name,
      flags: uint32,
      timeoutSeconds: fc.nat(4_294_967),
      peName: fc.option(name),
      mask: ipv4,
      prefix: fc.integer({ min: 1, max: 128 }),
    });
    fc.assert(
      fc.property(serviceKey, config, (key, { mask, prefix, ...rest }) => {
        const full = { ...rest, netmask: isIpv6(key) ? String(prefix) : mask };
        const bytes = encodeIpvsRequest({ kind: 'createService', service: key, config: full }, FAMILY_ID);
        // `hashed` is the kernel's to set.
        const flags = (full.flags & ~ServiceFlag.hashed) >>> 0;
        const expected = { kind: 'service', service: { key, ...full, flags, stats: null } };
        assert.deepEqual(decodeMessage('ipvs', bytes), expected);
      }),
      { numRuns: 2000 },
    );
  });

  it('every destination', () => {
    const checksum = fc.constantFrom('none' as const, 'checksum' as const, 'remote-checksum' as const);
    const tunnel: fc.Arbitrary<Tunnel> = fc.oneof(
      record({ type: fc.constant('gue' as const), port: fc.integer({ min: 1, max: 0xffff }), checksum }),
      record({ type: fc.constantFrom('ipip' as const, 'gre' as const), port: fc.constant(0), checksum }),
    );
    const common = { weight: fc.nat(0x7fffffff), upperThreshold: uint32, lowerThreshold: uint32 };
    const destinationKey: fc.Arbitrary<DestinationKey> = record({ address: ip, port });
    const config = fc.oneof(
      record({
        ...common,
        forwarding: fc.constantFrom(
          'masquerade' as const,
          'local' as const,
          'direct' as const,
          'bypass' as const,
        ),
        tunnel: fc.constant(null),
      }),
      record({ ...common, forwarding: fc.constant('tunnel' as const), tunnel }),
    );
    // What only the kernel knows, and always says.
    const counts = [7, 8, 9].map((type, index) => ({ type, payload: Buffer.from([index + 1, 0, 0, 0]) }));
    fc.assert(
      fc.property(destinationKey, config, (key, rest) => {
        const family = key.address.includes(':') ? ('ipv6' as const) : ('ipv4' as const);
        const service = fwmark(1, family);
        const request = { kind: 'createDestination', service, destination: key, config: rest } as const;
        const bytes = Buffer.from(encodeIpvsRequest(request, FAMILY_ID));
        const answer = editNested(bytes, GENL_HEADER_BYTES, IPVS_CMD_ATTR_DEST, (inner) => [
          ...inner,
          ...counts,
        ]);
        assert.deepEqual(decodeMessage('ipvs', answer), {
          kind: 'destination',
          destination: {
            family,
            ...key,
            ...rest,
            activeConnections: 1,
            inactiveConnections: 2,
            persistentConnections: 3,
            stats: null,
          },
        });
      }),
      { numRuns: 2000 },
    );
  });

  it('every address', () => {
    fc.assert(
      fc.property(
        ip,
        fc.nat(128),
        fc.integer({ min: 1, max: 0x7fffffff }),
        (address, length, interfaceIndex) => {
          const family = address.includes(':') ? 'ipv6' : 'ipv4';
          const prefixLength = family === 'ipv4' ? length % 33 : length;
          for (const [kind, change] of [
            ['addAddress', 'new'],
            ['deleteAddress', 'deleted'],
          ] as const) {
            const [bytes] = encodeRtnetlinkRequest({
              kind,
              address: { interfaceIndex, address, prefixLength },
            });
            assert.ok(bytes !== undefined);
            const expected = {
              kind: 'address',
              change,
              address: { family, address, prefixLength, interfaceIndex },
            };
            assert.deepEqual(decodeMessage('route', bytes), expected);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('every route', () => {
    const of = (family: 'ipv4' | 'ipv6'): fc.Arbitrary<RouteSpec> => {
      const own = family === 'ipv4' ? ipv4 : ipv6;
      return record<Required<RouteSpec>>({
        family: fc.constant(family),
        destination: own,
        prefixLength: fc.integer({ min: 1, max: family === 'ipv4' ? 32 : 128 }),
        table: fc.integer({ min: 1, max: 0xffffffff }),
        type: fc.constantFrom(
          'unicast',
          'local',
          'broadcast',
          'anycast',
          'multicast',
          'blackhole',
          'unreachable',
          'prohibit',
          'throw',
        ),
        metric: fc.option(uint32),
        gateway: fc.option(family === 'ipv4' ? ip : ipv6),
        interfaceIndex: fc.option(fc.integer({ min: 1, max: 0x7fffffff })),
        preferredSource: fc.option(own),
        protocol: fc.nat(255),
        scope: fc.nat(255),
      });
    };
    fc.assert(
      fc.property(fc.oneof(of('ipv4'), of('ipv6')), (route) => {
        const [bytes] = encodeRtnetlinkRequest({ kind: 'replaceRoute', route });
        assert.ok(bytes !== undefined);
        const expected = { kind: 'route', change: 'new', route: { ...route, metric: route.metric ?? 0 } };
        assert.deepEqual(decodeMessage('route', bytes), expected);
      }),
      { numRuns: 2000 },
    );
  });

  it('every dummy link', () => {
    const interfaceName = fc
      .stringMatching(/^[a-zA-Z0-9_.-]{1,15}$/)
      .filter((each) => each !== '.' && each !== '..');
    fc.assert(
      fc.property(interfaceName, (each) => {
        const [bytes] = encodeRtnetlinkRequest({ kind: 'createDummyLink', name: each });
        assert.ok(bytes !== undefined);
        assert.deepEqual(decodeMessage('route', bytes), {
          kind: 'link',
          change: 'new',
          link: { index: 0, name: each, kind: 'dummy', up: false, carrier: false, mtu: 0 },
        });
      }),
    );
  });
});
