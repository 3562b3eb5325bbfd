import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  parseEndpoints,
  parseSliceList,
  parseWatchEvent,
  serversOf,
  statusMessage,
} from '../../src/discovery/api-objects.js';

const HTTPS = { name: 'https', port: 6443, protocol: 'TCP' };
const metadata = { name: 'kubernetes', resourceVersion: '7' };

/** A slice of these addresses. */
function slice(addresses: readonly string[], more: object = {}): object {
  const endpoints = addresses.map((address) => ({ addresses: [address], conditions: { ready: true } }));
  return { metadata, addressType: 'IPv4', endpoints, ports: [HTTPS], ...more };
}

function servers(...items: readonly object[]): string {
  const list = { kind: 'EndpointSliceList', apiVersion: 'discovery.k8s.io/v1', metadata, items };
  const { slices, resourceVersion } = parseSliceList(JSON.stringify(list));
  assert.equal(resourceVersion, '7');
  return serversOf(slices)
    .map(({ text }) => text)
    .join(' ');
}

function endpoints(subsets: unknown): string {
  const object = { kind: 'Endpoints', apiVersion: 'v1', metadata, subsets };
  return parseEndpoints(JSON.stringify(object))
    .map(({ text }) => text)
    .join(' ');
}

describe('a list of EndpointSlices', () => {
  it('has the servers of all slices, each once, in their order', () => {
    const ipv6 = slice(['fd00:0::1', 'fd00::2'], { addressType: 'IPv6' });
    assert.equal(
      servers(slice(['10.0.0.2', '10.0.0.1', '10.0.0.2']), ipv6),
      '10.0.0.2:6443 10.0.0.1:6443 [fd00::1]:6443 [fd00::2]:6443',
    );
  });

  it('has no servers that are not ready, and none of slices of names', () => {
    const notReady = { addresses: ['10.0.0.1'], conditions: { ready: false } };
    const unknown = { addresses: ['10.0.0.2'], conditions: null };
    assert.equal(servers(slice([], { endpoints: [notReady, unknown] })), '10.0.0.2:6443');
    assert.equal(servers(slice(['example.com'], { addressType: 'FQDN' })), '');
  });

  it('may be empty, as Go writes it', () => {
    assert.equal(servers(), '');
    assert.equal(servers(slice([], { endpoints: null, ports: null })), '');
  });

  it('takes the port named https, among others', () => {
    assert.equal(
      servers(
        slice(['10.0.0.1'], {
          ports: [
            { name: 'a', port: 1 },
            { ...HTTPS, port: 443 },
          ],
        }),
      ),
      '10.0.0.1:443',
    );
  });

  for (const [what, item, expected] of [
    [
      'a port without a name',
      slice(['10.0.0.1'], { ports: [{ port: 6443 }] }),
      'an item of items has no TCP port https',
    ],
    [
      'a UDP port',
      slice(['10.0.0.1'], { ports: [{ ...HTTPS, protocol: 'UDP' }] }),
      'an item of items has no TCP port https',
    ],
    ['port 0', slice(['10.0.0.1'], { ports: [{ ...HTTPS, port: 0 }] }), 'it has a server at 10.0.0.1 port 0'],
    [
      'a broken port',
      slice(['10.0.0.1'], { ports: [{ ...HTTPS, port: 1e9 }] }),
      'it has a server at 10.0.0.1 port 1000000000',
    ],
    ...['127.0.0.1', '169.254.1.1'].map(
      (address) => [address, slice([address]), `it has a server at ${address}:6443`] as const,
    ),
    ...['::1', 'fe80::1'].map(
      (address) => [address, slice([address]), `it has a server at [${address}]:6443`] as const,
    ),
    ...[
      '0.0.0.0',
      '224.0.0.1',
      '255.255.255.255',
      '::',
      'ff02::1',
      '::ffff:10.0.0.1',
      '10.0.0.1:1',
      'example.com',
      '10.0.0',
    ].map((address) => [address, slice([address]), `it has a server at ${address} port 6443`] as const),
    [
      '65 servers',
      slice(Array.from({ length: 65 }, (_, index) => `10.0.1.${index}`)),
      'endpoints of an item of items has more than 64 items',
    ],
    [
      'a number as address',
      slice([], { endpoints: [{ addresses: [1] }] }),
      'an item of addresses is not a text',
    ],
    ['a text as endpoints', slice([], { endpoints: 'all' }), 'endpoints of an item of items is not a list'],
    [
      'no name',
      slice([], { metadata: {} }),
      'metadata of an item of items has no name of 1 to 253 characters',
    ],
  ] as const)
    it(`is refused as a whole with ${what}`, () => {
      assert.throws(() => servers(slice(['10.0.0.9']), item), { message: expected });
    });

  it('is refused with more than 64 servers in all', () => {
    const many = [1, 2].map((net) => slice(Array.from({ length: 40 }, (_, index) => `10.0.${net}.${index}`)));
    assert.throws(() => servers(...many), { message: 'it has more than 64 servers' });
  });
});

describe('the Endpoints object', () => {
  it('has the servers of all subsets, without those that are not ready', () => {
    const subsets = [
      {
        addresses: [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }],
        notReadyAddresses: [{ ip: '10.0.0.3' }],
        ports: [HTTPS],
      },
      { addresses: [{ ip: '10.0.0.4' }], ports: [{ ...HTTPS, port: 8443 }] },
      { notReadyAddresses: [{ ip: '10.0.0.5' }] },
    ];
    assert.equal(endpoints(subsets), '10.0.0.1:6443 10.0.0.2:6443 10.0.0.4:8443');
    assert.equal(endpoints(undefined), '');
  });

  it('is refused with an address that no apiserver has', () => {
    assert.throws(
      () => endpoints([{ addresses: [{ ip: '127.0.0.1' }], ports: [HTTPS] }]),
      /it has a server at 127/,
    );
    assert.throws(() => endpoints([{ addresses: [{}], ports: [HTTPS] }]), /has no ip/);
    assert.throws(
      () => parseEndpoints('{"kind":"Status","apiVersion":"v1"}'),
      /expected Endpoints of v1, got Status of v1/,
    );
  });
});

describe('an event of a watch', () => {
  const object = { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', ...slice(['10.0.0.1']) };
  const event = (type: string, of: unknown = object): unknown =>
    parseWatchEvent(JSON.stringify({ type, object: of }));

  it('is a change, a deletion, a bookmark, or the end', () => {
    for (const type of ['ADDED', 'MODIFIED'])
      assert.deepEqual(
        (event(type) as { readonly slice: { readonly servers: readonly { readonly text: string }[] } }).slice
          .servers[0]?.text,
        '10.0.0.1:6443',
      );
    assert.deepEqual(event('DELETED'), { kind: 'deleted', name: 'kubernetes' });
    assert.deepEqual(event('BOOKMARK'), { kind: 'bookmark' });
    assert.deepEqual(event('ERROR', { code: 410 }), { kind: 'expired' });
    assert.throws(() => event('ERROR', { code: 500 }), { message: 'the watch failed: no reason given' });
  });
});

it('a message of a Status is one line, and null if there is none', () => {
  assert.equal(statusMessage('{"message":"a\\nb"}'), 'a, b');
  for (const text of ['{"message":1}', '[]', 'null', '"a"', 'a']) assert.equal(statusMessage(text), null);
});
