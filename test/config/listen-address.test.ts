import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseListenAddress } from '../../src/config/listen-address.js';
import { UsageError } from '../../src/config/usage-error.js';

describe('an address to listen at', () => {
  const cases: readonly (readonly [text: string, expected: object | null])[] = [
    ['127.0.0.1:9288', { kind: 'tcp', address: '127.0.0.1', port: 9288 }],
    ['0.0.0.0:1', { kind: 'tcp', address: '0.0.0.0', port: 1 }],
    ['[::1]:9288', { kind: 'tcp', address: '::1', port: 9288 }],
    ['[::]:65535', { kind: 'tcp', address: '::', port: 65535 }],
    ['[fe80::1%eth0]:9288', { kind: 'tcp', address: 'fe80::1%eth0', port: 9288 }],
    [':9288', { kind: 'tcp', address: null, port: 9288 }],
    ['unix:/run/lvscare/metrics.sock', { kind: 'unix', path: '/run/lvscare/metrics.sock' }],
    [`unix:/${'x'.repeat(97)}`, { kind: 'unix', path: `/${'x'.repeat(97)}` }],
    ['off', null],
    ['', null],
  ];
  for (const [text, expected] of cases) {
    it(text === '' ? 'nothing' : text, () => {
      const found = parseListenAddress(text, '--metrics-addr');
      assert.deepEqual(found, expected === null ? null : { ...expected, text });
    });
  }

  for (const [text, plain] of [
    ['[192.168.0.21]:9288', '192.168.0.21:9288'],
    ['[]:9288', ':9288'],
  ] as const) {
    it(`${text}, as a pod gets its address, is ${plain}`, () => {
      assert.deepEqual(
        parseListenAddress(text, '--metrics-addr'),
        parseListenAddress(plain, '--metrics-addr'),
      );
    });
  }

  const wrong: readonly (readonly [text: string, expected: string])[] = [
    ['9288', 'IP:PORT, [IPv6]:PORT or :PORT with a numeric address, unix:/PATH, or off'],
    ['localhost:9288', 'IP:PORT, [IPv6]:PORT or :PORT with a numeric address, unix:/PATH, or off'],
    ['127.0.0.1', 'IP:PORT, [IPv6]:PORT or :PORT with a numeric address, unix:/PATH, or off'],
    ['127.0.0.1:', 'IP:PORT, [IPv6]:PORT or :PORT with a numeric address, unix:/PATH, or off'],
    ['127.0.0.1:x', 'IP:PORT, [IPv6]:PORT or :PORT with a numeric address, unix:/PATH, or off'],
    ['127.0.0.1:9288 ', 'IP:PORT, [IPv6]:PORT or :PORT with a numeric address, unix:/PATH, or off'],
    ['[$(POD_IP)]:9288', 'IP:PORT, [IPv6]:PORT or :PORT with a numeric address, unix:/PATH, or off'],
    ['[localhost]:9288', 'IP:PORT, [IPv6]:PORT or :PORT with a numeric address, unix:/PATH, or off'],
    ['300.0.0.1:9288', 'IP:PORT, [IPv6]:PORT or :PORT with a numeric address, unix:/PATH, or off'],
    ['none', 'IP:PORT, [IPv6]:PORT or :PORT with a numeric address, unix:/PATH, or off'],
    ['::1:9288', 'an IPv6 address in brackets, [IP]:PORT'],
    ['127.0.0.1:0', 'a port from 1 to 65535'],
    ['127.0.0.1:65536', 'a port from 1 to 65535'],
    [':123456789', 'a port from 1 to 65535'],
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
