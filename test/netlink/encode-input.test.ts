// What the addon is given by JavaScript that no TypeScript checked: a message, or a TypeError that names the field; never worse. The asan
// suite runs this with sanitizers.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Addon, WireRequest } from '../../src/netlink/contract.js';
import { anyJson, changedJson, fuzz } from '../fuzz/fuzz.js';

const addon = createRequire(import.meta.url)('#addon') as Addon;

const SERVICE = { family: 2, protocol: 6, address: '10.103.97.2', port: 6443, fwmark: 0 };
const SOCKET = {
  family: 10,
  state: 1,
  localAddress: 'fd00::1',
  localPort: 1,
  remoteAddress: null,
  remotePort: 2,
  interfaceIndex: 0,
  cookieLow: 1,
  cookieHigh: 2 ** 32 - 1,
};
const ROUTE = {
  family: 2,
  destination: '10.0.0.0',
  prefixLength: 8,
  source: null,
  table: 254,
  type: 1,
  protocol: 4,
  scope: 0,
  flags: 0,
  metric: 5,
  gateway: 'fd00::1',
  interfaceIndex: 1,
  preferredSource: '10.0.0.1',
};
const REQUESTS = {
  ipvs: [
    {
      operation: 'createService',
      service: SERVICE,
      serviceConfig: { scheduler: 'rr', flags: 1, timeout: 300, netmask: 2 ** 32 - 1, peName: 'sip' },
      destination: { address: 'fd00::3', port: 1 },
      destinationConfig: {
        forwarding: 0,
        weight: 1,
        upperThreshold: 0,
        lowerThreshold: 0,
        tunnelType: 1,
        tunnelPort: 1,
        tunnelFlags: 1,
      },
      timeouts: { tcp: 900, tcpFin: 120, udp: 300 },
    },
  ],
  route: [
    { operation: 'replaceRoute', link: null, address: null, route: ROUTE },
    {
      operation: 'addAddress',
      link: null,
      address: { family: 10, address: 'fd00::1', prefixLength: 128, scope: 0, interfaceIndex: 1 },
      route: null,
    },
    {
      operation: 'createDummyLink',
      link: { index: 1, name: 'lvscare0', kind: 'dummy', flags: 1, change: 1 },
      address: null,
      route: null,
    },
  ],
  diag: [
    { operation: 'endTcpSocket', socket: SOCKET, states: 4095, remotes: [] },
    {
      operation: 'listTcpSockets',
      socket: SOCKET,
      states: 4095,
      remotes: [
        { address: '10.0.0.1', port: 6443 },
        { address: 'fd00::1', port: 6443 },
      ],
    },
  ],
} as const;
const WORDS = ['operation', 'service', 'address', 'route', '10.0.0.1', 'fd00::1', 'listRoutes', 'getInfo'];

/** Values that JSON has not. A getter is JavaScript that runs in the middle of the addon's reading. */
const odd = fc.constantFrom<unknown>(
  undefined,
  NaN,
  Infinity,
  -0,
  2 ** 53,
  1n,
  Symbol('a'),
  () => 1,
  new Proxy(
    {},
    {
      get: () => {
        throw new TypeError('a trap');
      },
    },
  ),
  Object.create(null),
  'x'.repeat(100_000),
  '\0',
  '\ud800',
  new Uint8Array(9),
);

/** A request of that protocol, mostly with a few of its fields replaced. */
function requests(valid: readonly object[]): fc.Arbitrary<unknown> {
  const changed = fc.oneof(...valid.map((request) => changedJson(request, WORDS)));
  const withOdd = fc
    .tuple(fc.constantFrom(...valid), fc.nat(), fc.nat(), odd)
    .map(([request, outer, inner, value]) => {
      const copy = structuredClone(request) as Record<string, unknown>;
      const key = Object.keys(copy)[outer % Object.keys(copy).length] ?? '';
      const nested = copy[key];
      if (typeof nested !== 'object' || nested === null || inner % 4 === 0) return { ...copy, [key]: value };
      const name = Object.keys(nested)[inner % Object.keys(nested).length] ?? '';
      return { ...copy, [key]: { ...nested, [name]: value } };
    });
  return fc.oneof(changed, withOdd, anyJson(WORDS), odd);
}

describe('what the addon is asked to encode', () => {
  for (const protocol of ['ipvs', 'route', 'diag'] as const) {
    it(`is a message, if it is a request of ${protocol}`, () => {
      for (const request of REQUESTS[protocol]) assert.ok(addon.encode(protocol, request, 28).length >= 16);
    });

    const familyId = fc.oneof(fc.nat(0xffff), fc.constantFrom(-1, 2 ** 32, NaN, 1.5));
    fuzz(
      `is a message or refused: ${protocol}`,
      fc.tuple(requests(REQUESTS[protocol]), familyId),
      ([request, family]) => {
        try {
          const message = addon.encode(protocol, request as WireRequest, family);
          assert.equal(Buffer.from(message).readUInt32LE(0), message.length);
        } catch (error) {
          assert.ok(error instanceof Error, String(error));
          assert.match(
            error.message,
            /^(request[.\w[\]]*: expected |a trap$|encode: out of memory$)/,
            error.message,
          );
        }
      },
    );
  }

  it('is refused if the protocol is unknown', () => {
    assert.throws(() => addon.encode('x' as never, {} as never, 0), {
      name: 'TypeError',
      message: "protocol: expected 'ipvs', 'route' or 'diag'",
    });
  });
});

describe('what the addon is asked to decode', () => {
  fuzz(
    'is a value or malformed, whatever the bytes',
    fc.tuple(fc.constantFrom('ipvs', 'route', 'diag'), fc.uint8Array({ maxLength: 400 }), fc.nat(0xffff)),
    ([protocol, bytes, family]) => {
      // A length that fits, so that more than the header is read.
      if (bytes.length >= 16) new DataView(bytes.buffer).setUint32(0, bytes.length, true);
      const value = addon.decode(protocol, bytes, family);
      assert.ok(value === null || typeof value.kind === 'string');
    },
  );
});
