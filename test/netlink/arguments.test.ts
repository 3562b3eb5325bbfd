// Wrong arguments: a TypeError that names the field, before anything is sent.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Ipvs, Rtnetlink } from '../../src/netlink/index.js';
import { capturedCommand } from '../support/captured.js';
import { decodeMessage } from './codec.js';

/** What TypeScript would not let anybody write, and JavaScript does. */
type Anything = never;
const anything = (value: unknown): Anything => value as Anything;

const service = { protocol: 'tcp', address: '10.103.97.2', port: 6443 } as const;
const service6 = { protocol: 'tcp', address: 'fd00::2', port: 6443 } as const;
const destination = { address: '10.103.97.200', port: 6443 };
const rr = { scheduler: 'rr' };
const route = {
  family: 'ipv4',
  destination: '10.0.0.0',
  prefixLength: 8,
  table: 254,
  type: 'unicast',
  metric: null,
} as const;
const address = { interfaceIndex: 1, address: '10.0.0.1', prefixLength: 32 };

const numbers: unknown[] = [-1, 1.5, NaN, Infinity, 2 ** 32, '1', 1n, null, {}];
const notObjects: unknown[] = [null, undefined, 1, 'text'];
const addresses: unknown[] = [
  '',
  '10.0.0',
  '10.0.0.256',
  '010.0.0.1',
  'fd00::g',
  'fe80::1%lo',
  '10.0.0.1/32',
  'localhost',
  4,
  null,
];
const names: unknown[] = ['', 'sixteen-bytes-xx', 'a b', 'a/b', 'rr\0', 'ünïcode', '../x', 1, null];

describe('arguments of Ipvs', () => {
  let ipvs: Ipvs;
  before(() => {
    ipvs = Ipvs.open();
  });
  after(async () => {
    await ipvs.close();
  });

  const keys: [field: string, values: unknown[], key: (value: unknown) => unknown][] = [
    ['service', notObjects, (value) => value],
    [
      'service.protocol',
      ['', 'TCP', 'icmp', 0, 256, 1.5, -1, NaN, null, undefined, 'toString'],
      (protocol) => ({ ...service, protocol }),
    ],
    ['service.address', addresses, (at) => ({ ...service, address: at })],
    ['service.port', [...numbers, 65536, undefined], (port) => ({ ...service, port })],
    ['service.fwmark', [...numbers, 0, undefined], (fwmark) => ({ fwmark, family: 'ipv4' })],
    ['service.family', ['', 'ipv5', 4, null, undefined], (family) => ({ fwmark: 1, family })],
  ];
  for (const [field, values, key] of keys) {
    for (const value of values) {
      it(`${field}: ${String(value)}`, async () => {
        const bad = anything(key(value));
        await refused(ipvs.getService(bad), field);
        await refused(ipvs.createService(bad, rr), field);
        await refused(ipvs.updateService(bad, rr), field);
        await refused(ipvs.deleteService(bad), field);
        await refused(ipvs.listDestinations(bad), field);
        await refused(ipvs.createDestination(bad, destination, {}), field);
        await refused(ipvs.updateDestination(bad, destination, {}), field);
        await refused(ipvs.deleteDestination(bad, destination), field);
        await refused(ipvs.batch([{ kind: 'deleteService', service: bad }]), `operations[0].${field}`);
      });
    }
  }

  const configs: [field: string, values: unknown[], config: (value: unknown) => unknown][] = [
    ['config', notObjects, (value) => value],
    ['config.scheduler', [...names, undefined], (scheduler) => ({ scheduler })],
    ['config.flags', numbers, (flags) => ({ ...rr, flags })],
    ['config.timeoutSeconds', [...numbers, 4_294_968], (timeoutSeconds) => ({ ...rr, timeoutSeconds })],
    ['config.netmask', ['', '24', '255.255.255', 'fd00::', 24, null], (netmask) => ({ ...rr, netmask })],
    ['config.peName', names.filter((name) => name !== null), (peName) => ({ ...rr, peName })],
  ];
  for (const [field, values, config] of configs) {
    for (const value of values) {
      it(`${field}: ${String(value)}`, async () => {
        const bad = anything(config(value));
        await refused(ipvs.createService(service, bad), field);
        await refused(ipvs.updateService(service, bad), field);
        await refused(
          ipvs.batch([
            { kind: 'deleteService', service },
            { kind: 'createService', service, config: bad },
          ]),
          `operations[1].${field}`,
        );
      });
    }
  }

  for (const netmask of ['', '0', '129', '255.255.255.0', '-1', '6 4', 64]) {
    it(`config.netmask of an IPv6 service: ${netmask}`, async () => {
      await refused(ipvs.createService(service6, anything({ ...rr, netmask })), 'config.netmask');
    });
  }

  const destinationKeys: [field: string, values: unknown[], key: (value: unknown) => unknown][] = [
    ['destination', notObjects, (value) => value],
    ['destination.address', addresses, (at) => ({ ...destination, address: at })],
    ['destination.port', [...numbers, 65536, undefined], (port) => ({ ...destination, port })],
  ];
  for (const [field, values, key] of destinationKeys) {
    for (const value of values) {
      it(`${field}: ${String(value)}`, async () => {
        const bad = anything(key(value));
        await refused(ipvs.createDestination(service, bad, {}), field);
        await refused(ipvs.updateDestination(service, bad, {}), field);
        await refused(ipvs.deleteDestination(service, bad), field);
      });
    }
  }

  const gue = { type: 'gue', port: 6080, checksum: 'none' };
  const destinationConfigs: [field: string, values: unknown[], config: (value: unknown) => unknown][] = [
    ['config', notObjects, (value) => value],
    ['config.forwarding', ['', 'masq', 'dr', 0], (forwarding) => ({ forwarding })],
    ['config.weight', [...numbers, 2 ** 31], (weight) => ({ weight })],
    ['config.upperThreshold', numbers, (upperThreshold) => ({ upperThreshold })],
    ['config.lowerThreshold', numbers, (lowerThreshold) => ({ lowerThreshold })],
    ['config.tunnel', [gue, {}, 1], (tunnel) => ({ tunnel })],
    ['config.tunnel', [1, 'gue'], (tunnel) => ({ forwarding: 'tunnel', tunnel })],
    [
      'config.tunnel.type',
      ['', 'GUE', 1, null, undefined],
      (type) => ({ forwarding: 'tunnel', tunnel: { ...gue, type } }),
    ],
    [
      'config.tunnel.port',
      [...numbers, 0, 65536],
      (port) => ({ forwarding: 'tunnel', tunnel: { ...gue, port } }),
    ],
    ['config.tunnel.port', [1], (port) => ({ forwarding: 'tunnel', tunnel: { ...gue, type: 'gre', port } })],
    [
      'config.tunnel.checksum',
      ['', true, 0],
      (checksum) => ({ forwarding: 'tunnel', tunnel: { ...gue, checksum } }),
    ],
  ];
  for (const [field, values, config] of destinationConfigs) {
    for (const value of values) {
      it(`${field} of a destination: ${JSON.stringify(typeof value === 'bigint' ? String(value) : value)}`, async () => {
        const bad = anything(config(value));
        await refused(ipvs.createDestination(service, destination, bad), field);
        await refused(ipvs.updateDestination(service, destination, bad), field);
      });
    }
  }

  for (const name of ['tcpSeconds', 'tcpFinSeconds', 'udpSeconds']) {
    for (const value of [...numbers, 0, 2_147_484]) {
      it(`timeouts.${name}: ${String(value)}`, async () => {
        await refused(ipvs.setTimeouts(anything({ [name]: value })), `timeouts.${name}`);
      });
    }
  }
  it('no timeouts', async () => {
    for (const bad of notObjects) await refused(ipvs.setTimeouts(anything(bad)), 'timeouts');
  });

  it('a destination of another family, but through a tunnel', async () => {
    const other = { address: 'fd00::200', port: 6443 };
    for (const forwarding of ['masquerade', 'direct', 'local', 'bypass'] as const) {
      await refused(ipvs.createDestination(service, other, { forwarding }), 'destination.address');
      await refused(ipvs.createDestination(service6, destination, { forwarding }), 'destination.address');
    }
  });

  for (const timeoutMs of [...numbers, 0]) {
    it(`timeoutMs: ${String(timeoutMs)}`, async () => {
      const bad = { timeoutMs: anything(timeoutMs) };
      await refused(ipvs.info(bad), 'options.timeoutMs');
      await refused(ipvs.listServices(bad), 'options.timeoutMs');
      assert.throws(() => Ipvs.open(bad), namesField('options.timeoutMs'));
      assert.throws(() => Rtnetlink.open(bad), namesField('options.timeoutMs'));
    });
  }

  it('operations of a batch', async () => {
    for (const bad of [null, undefined, {}, 'text']) await refused(ipvs.batch(anything(bad)), 'operations');
    for (const bad of [null, undefined, 1]) await refused(ipvs.batch([anything(bad)]), 'operations[0]');
    for (const kind of [undefined, 'listServices', 'toString', 1]) {
      await refused(ipvs.batch([anything({ kind, service })]), 'operations[0].kind');
    }
  });

  it('an argument that changes under our hands is read once', async () => {
    let reads = 0;
    const shifty = {
      protocol: 'tcp',
      address: '10.0.0.1',
      get port() {
        return reads++ === 0 ? 80 : 'not a port';
      },
    };
    // Whatever the kernel says to it, it is not a crash, and not a TypeError of the native side.
    await ipvs.getService(anything(shifty)).catch((error: unknown) => {
      assert.equal(error instanceof TypeError, false, String(error));
    });
    assert.equal(reads, 1);
  });
});

describe('arguments of Rtnetlink', () => {
  let rtnetlink: Rtnetlink;
  before(() => {
    rtnetlink = Rtnetlink.open();
  });
  after(async () => {
    await rtnetlink.close();
  });

  const indexes = [...numbers, 0, 2 ** 31];

  for (const name of [
    '',
    'sixteen-bytes-xx',
    'a b',
    'a/b',
    'a:b',
    'dummy%d',
    'x\0',
    '.',
    '..',
    'üüüüüüüü',
    1,
    null,
    undefined,
  ]) {
    it(`name: ${String(name)}`, async () => {
      await refused(rtnetlink.findLink(anything(name)), 'name');
      await refused(rtnetlink.createDummyLink(anything(name)), 'name');
    });
  }

  for (const index of indexes) {
    it(`index: ${String(index)}`, async () => {
      await refused(rtnetlink.setLinkUp(anything(index)), 'index');
      await refused(rtnetlink.deleteLink(anything(index)), 'index');
    });
  }

  const addressKeys: [field: string, values: unknown[], key: (value: unknown) => unknown][] = [
    ['address', notObjects, (value) => value],
    ['address.interfaceIndex', indexes, (interfaceIndex) => ({ ...address, interfaceIndex })],
    ['address.address', addresses, (at) => ({ ...address, address: at })],
    ['address.prefixLength', [...numbers, 33], (prefixLength) => ({ ...address, prefixLength })],
    ['address.prefixLength', [129], (prefixLength) => ({ ...address, address: 'fd00::1', prefixLength })],
  ];
  for (const [field, values, key] of addressKeys) {
    for (const value of values) {
      it(`${field}: ${String(value)}`, async () => {
        await refused(rtnetlink.addAddress(anything(key(value))), field);
        await refused(rtnetlink.deleteAddress(anything(key(value))), field);
      });
    }
  }

  const routes: [field: string, values: unknown[], route: (value: unknown) => unknown][] = [
    ['route', notObjects, (value) => value],
    ['route.family', ['', 4, null, undefined], (family) => ({ ...route, family })],
    ['route.destination', [...addresses, 'fd00::'], (at) => ({ ...route, destination: at })],
    ['route.prefixLength', [...numbers, 33], (prefixLength) => ({ ...route, prefixLength })],
    ['route.table', [...numbers, 0], (table) => ({ ...route, table })],
    ['route.type', ['', 'nat', 1, null, undefined], (type) => ({ ...route, type })],
    ['route.metric', numbers.filter((each) => each !== null), (metric) => ({ ...route, metric })],
    ['route.gateway', addresses.filter((each) => each !== null), (gateway) => ({ ...route, gateway })],
    [
      'route.gateway',
      ['10.0.0.1'],
      (gateway) => ({ ...route, family: 'ipv6', destination: 'fd00::', prefixLength: 64, gateway }),
    ],
    [
      'route.interfaceIndex',
      indexes.filter((each) => each !== null),
      (interfaceIndex) => ({ ...route, interfaceIndex }),
    ],
    ['route.preferredSource', ['fd00::1', 'x', 1], (preferredSource) => ({ ...route, preferredSource })],
    ['route.protocol', [...numbers, 256], (protocol) => ({ ...route, protocol })],
    ['route.scope', [...numbers, 256], (scope) => ({ ...route, scope })],
  ];
  for (const [field, values, make] of routes) {
    for (const value of values) {
      if (value === null && (field === 'route.protocol' || field === 'route.scope')) continue;
      it(`${field}: ${String(value)}`, async () => {
        await refused(rtnetlink.replaceRoute(anything(make(value))), field);
        await refused(rtnetlink.deleteRoute(anything(make(value))), field);
      });
    }
  }

  const filters: [field: string, values: unknown[]][] = [
    ['family', ['', 'ipv5', 4, null]],
    ['table', [...numbers, 0]],
    ['destination', addresses],
  ];
  for (const [field, values] of filters) {
    for (const value of values) {
      it(`filter.${field} of routes: ${String(value)}`, async () => {
        await refused(rtnetlink.listRoutes(anything({ [field]: value })), `filter.${field}`);
      });
    }
  }
  it('filters of addresses', async () => {
    for (const value of indexes) {
      await refused(rtnetlink.listAddresses({ interfaceIndex: anything(value) }), 'filter.interfaceIndex');
    }
    for (const value of addresses) {
      await refused(rtnetlink.listAddresses({ address: anything(value) }), 'filter.address');
    }
    await refused(rtnetlink.listAddresses({ family: anything('inet') }), 'filter.family');
  });

  it('look-ups', async () => {
    for (const value of notObjects) await refused(rtnetlink.lookupRoute(anything(value)), 'query');
    for (const value of addresses) {
      await refused(rtnetlink.lookupRoute({ destination: anything(value) }), 'query.destination');
    }
    for (const value of ['fd00::1', 'x', 1]) {
      await refused(
        rtnetlink.lookupRoute({ destination: '10.0.0.1', source: anything(value) }),
        'query.source',
      );
    }
    for (const value of indexes.filter((each) => each !== null)) {
      const query = { destination: '10.0.0.1', interfaceIndex: anything(value) };
      await refused(rtnetlink.lookupRoute(query), 'query.interfaceIndex');
    }
  });

  it('subscriptions', () => {
    const { signal } = new AbortController();
    const wrong: [field: string, options: unknown][] = [
      ['options', null],
      ['options', undefined],
      ['options.signal', {}],
      ['options.signal', { signal: null }],
      ['options.groups', { signal, groups: [] }],
      ['options.groups', { signal, groups: 'link' }],
      ['options.groups[1]', { signal, groups: ['link', 'neighbour'] }],
      ['options.families[0]', { signal, families: ['inet'] }],
      ...addresses.map((address): [string, unknown] => [
        'options.routeDestination',
        { signal, routeDestination: address },
      ]),
    ];
    for (const [field, options] of wrong) {
      assert.throws(() => rtnetlink.subscribe(anything(options)), namesField(field));
    }
  });
});

describe('arguments of the codec', () => {
  it('bytes that are none', () => {
    for (const bad of [null, undefined, 'text', [1, 2], {}, new ArrayBuffer(16)]) {
      assert.throws(() => decodeMessage('ipvs', anything(bad)), TypeError);
    }
  });

  it('bytes in the middle of a buffer', () => {
    const [message] = capturedCommand('ipvs-info', 'ipvsadm -L -n').received;
    assert.ok(message !== undefined);
    for (const offset of [0, 1, 2, 3, 4, 7]) {
      const around = Buffer.alloc(message.length + offset, 0xff);
      message.copy(around, offset);
      assert.deepEqual(decodeMessage('ipvs', around.subarray(offset)), decodeMessage('ipvs', message));
    }
  });
});

/** Is it a TypeError that begins with the field, and says what is expected and what it got? */
function namesField(field: string): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof TypeError, `${field}: expected a TypeError, got ${String(error)}`);
    assert.ok(error.message.startsWith(`${field}: expected `), `${field}: ${error.message}`);
    assert.match(error.message, /, got /);
    return true;
  };
}

async function refused(promise: Promise<unknown>, field: string): Promise<void> {
  await assert.rejects(promise, namesField(field));
}
