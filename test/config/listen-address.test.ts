import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseListenAddress } from '../../src/config/listen-address.js';
import { UsageError } from '../../src/config/usage-error.js';

const NUMERIC =
  'IP:PORT or [IPv6]:PORT with a numeric address (0.0.0.0 or [::] for every address), unix:/PATH, or off';

describe('an address to listen at', () => {
  const cases: readonly (readonly [text: string, expected: object | null])[] = [
    ['127.0.0.1:9288', { kind: 'tcp', address: '127.0.0.1', port: 9288 }],
    ['0.0.0.0:1', { kind: 'tcp', address: '0.0.0.0', port: 1 }],
    ['[::1]:9288', { kind: 'tcp', address: '::1', port: 9288 }],
    ['[::]:65535', { kind: 'tcp', address: '::', port: 65535 }],
    ['[fe80::1%eth0]:9288', { kind: 'tcp', address: 'fe80::1%eth0', port: 9288 }],
    ['off', null],
  ];
  for (const [text, expected] of cases) {
    it(text, () => {
      const found = parseListenAddress(text, '--metrics-addr');
      assert.deepEqual(found, expected === null ? null : { wasEmpty: false, ...expected, text });
    });
  }

  for (const path of ['/run/lvscare/metrics.sock', `/${'x'.repeat(97)}`]) {
    it(`unix:${path}`, () => {
      const text = `unix:${path}`;
      assert.deepEqual(parseListenAddress(text, '--metrics-addr'), { kind: 'unix', path, text });
    });
  }

  it('[192.168.0.21]:9288, as a pod gets its address, is 192.168.0.21:9288', () => {
    const [found, plain] = ['[192.168.0.21]:9288', '192.168.0.21:9288'].map((text) =>
      parseListenAddress(text, '--metrics-addr'),
    );
    assert.deepEqual(found, plain);
  });

  it('[]:9288, as a pod gets the address that kubelet does not know, is loopback, not every address', () => {
    assert.deepEqual(parseListenAddress('[]:9288', '--metrics-addr'), {
      kind: 'tcp',
      address: '127.0.0.1',
      port: 9288,
      text: '127.0.0.1:9288',
      wasEmpty: true,
    });
  });

  const wrong: readonly (readonly [text: string, expected: string])[] = [
    ['', NUMERIC],
    [':9288', NUMERIC],
    ['9288', NUMERIC],
    ['localhost:9288', NUMERIC],
    ['127.0.0.1', NUMERIC],
    ['127.0.0.1:', NUMERIC],
    ['127.0.0.1:x', NUMERIC],
    ['127.0.0.1:9288 ', NUMERIC],
    ['[$(POD_IP)]:9288', NUMERIC],
    ['[localhost]:9288', NUMERIC],
    ['300.0.0.1:9288', NUMERIC],
    ['none', NUMERIC],
    ['::1:9288', 'an IPv6 address in brackets, [IP]:PORT'],
    ['127.0.0.1:0', 'a port from 1 to 65535'],
    ['127.0.0.1:65536', 'a port from 1 to 65535'],
    ['0.0.0.0:123456789', 'a port from 1 to 65535'],
    ['unix:run/x', 'a path that begins with / after unix:'],
    ['unix:', 'a path that begins with / after unix:'],
    ['unix:/run/', 'a path that begins with / after unix:'],
    ['unix:@lvscare', 'a path that begins with / after unix:'],
    [`unix:/${'x'.repeat(98)}`, 'a path of at most 98 bytes after unix:'],
  ];
  for (const [text, expected] of wrong) {
    it(`is not ${text}`, () => {
      assert.throws(
        () => parseListenAddress(text, '--metrics-addr'),
        new UsageError('--metrics-addr', expected, text),
      );
    });
  }
});
