import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { endpointIn, parseAddress, parseEndpoint } from '../../src/config/parse-endpoint.js';
import { refused } from './refused.js';

const NUMERIC = 'IP:PORT or [IPv6]:PORT with a numeric address';
const WITH_PORT = 'IP:PORT or [IPv6]:PORT with a port';
const BRACKETS = 'an IPv6 address in brackets, [IP]:PORT';
const PORT = 'a port from 1 to 65535';
const ONE_HOST = 'the address of one host';

describe('an endpoint', () => {
  const good: readonly (readonly [given: string, text: string])[] = [
    ['10.103.97.2:6443', '10.103.97.2:6443'],
    ['1.1.1.1:1', '1.1.1.1:1'],
    ['223.255.255.255:65535', '223.255.255.255:65535'],
    ['127.0.0.1:80', '127.0.0.1:80'],
    ['10.0.0.1:06443', '10.0.0.1:6443'],
    ['[fd00::2]:6443', '[fd00::2]:6443'],
    ['[FD00:0:0:0:0:0:0:2]:6443', '[fd00::2]:6443'],
    ['[fd00::0.0.1.2]:6443', '[fd00::102]:6443'],
    ['[::1]:6443', '[::1]:6443'],
    ['[2001:db8:0:1:0:0:0:1]:443', '[2001:db8:0:1::1]:443'],
  ];
  for (const [given, text] of good) {
    it(`${given} is ${text}`, () => {
      const read = parseEndpoint(given, '--vs');
      assert.equal(read.text, text);
      assert.equal(read.family, text.startsWith('[') ? 'ipv6' : 'ipv4');
      assert.equal(read.port, Number(text.split(':').at(-1)));
      assert.ok(text.includes(read.address));
    });
  }

  const bad: readonly (readonly [given: string, expected: string])[] = [
    ['10.103.97.2', WITH_PORT],
    ['[fd00::2]', WITH_PORT],
    ['10.103.97.2:', PORT],
    ['10.103.97.2:0', PORT],
    ['10.103.97.2:65536', PORT],
    ['10.103.97.2:99999', PORT],
    ['10.103.97.2:-1', PORT],
    ['10.103.97.2:+1', PORT],
    ['10.103.97.2:6443x', PORT],
    ['10.103.97.2:0x1', PORT],
    ['10.103.97.2: 6443', PORT],
    ['10.103.97.2:6443:6443', PORT],
    ['10.103.97.2:https', PORT],
    ['[fd00::2]:0', PORT],
    ['host:99999', NUMERIC],
    ['apiserver.cluster.local:6443', NUMERIC],
    ['localhost', NUMERIC],
    [':6443', NUMERIC],
    ['', NUMERIC],
    ['10.103.97:6443', NUMERIC],
    ['10.103.97.256:6443', NUMERIC],
    ['010.103.97.2:6443', NUMERIC],
    ['0x0a.1.1.1:6443', NUMERIC],
    [' 10.103.97.2:6443', NUMERIC],
    ['10.103.97.2:6443\n', NUMERIC],
    ['https://10.103.97.2:6443', NUMERIC],
    ['10.103.97.2/32:6443', NUMERIC],
    ['[10.103.97.2]:6443', NUMERIC],
    ['[fd00::2:6443', NUMERIC],
    ['fd00::2]:6443', NUMERIC],
    ['[fd00::2]6443', NUMERIC],
    ['[fd00::g]:6443', NUMERIC],
    ['[fe80::1%eth0]:6443', NUMERIC],
    ['[::ffff:10.0.0.1]:6443', NUMERIC],
    ['[0:0:0:0:0:ffff:a00:1]:6443', NUMERIC],
    ['[]:6443', NUMERIC],
    ['fd00::2', BRACKETS],
    ['fd00::2:6443', BRACKETS],
    ['0.0.0.0:6443', ONE_HOST],
    ['0.1.2.3:6443', ONE_HOST],
    ['224.0.0.1:6443', ONE_HOST],
    ['240.0.0.1:6443', ONE_HOST],
    ['255.255.255.255:6443', ONE_HOST],
    ['[::]:6443', ONE_HOST],
    ['[ff02::1]:6443', ONE_HOST],
  ];
  for (const [given, expected] of bad) {
    it(`is not ${JSON.stringify(given)}`, () => {
      refused(`--vs: expected ${expected}, got ${JSON.stringify(given)}`, () => parseEndpoint(given, '--vs'));
    });
  }

  it('is read back from its own text', () => {
    const hosts = fc.oneof(
      fc.ipV4().filter((ip) => !/^(0|22[4-9]|2[3-5].)\./.test(ip)),
      fc
        .ipV6()
        .filter((ip) => /^[1-9a-e]/i.test(ip))
        .map((ip) => `[${ip}]`),
    );
    fc.assert(
      fc.property(hosts, fc.integer({ min: 1, max: 65535 }), (host, port) => {
        const once = parseEndpoint(`${host}:${port}`, '--rs');
        assert.equal(once.port, port);
        assert.deepEqual(parseEndpoint(once.text, '--rs'), once);
        assert.equal(parseAddress(once.address, '--ip'), once.address);
      }),
    );
  });

  it('is refused or read, but never fails otherwise', () => {
    const almost = fc.stringMatching(/^[[\]0-9a-f:.% -]{0,40}$/);
    fc.assert(
      fc.property(fc.oneof(almost, fc.string()), (text) => {
        try {
          parseEndpoint(text, '--rs');
        } catch (error) {
          assert.equal((error as Error).name, 'UsageError');
        }
      }),
    );
  });
});

describe('an endpoint that was written down', () => {
  it('is what it was, if it is as we write it', () => {
    for (const text of ['10.0.0.1:6443', '[fd00::1]:1']) assert.equal(endpointIn(text)?.text, text);
  });

  it('is none if it is anything else', () => {
    for (const text of ['', 'x', '10.0.0.1', '10.0.0.1:06443', '[FD00::1]:1', '[fd00:0::1]:1'])
      assert.equal(endpointIn(text), null, text);
  });
});

describe('an address', () => {
  it('is of either family, and canonical', () => {
    assert.equal(parseAddress('10.0.0.1', '--ip'), '10.0.0.1');
    assert.equal(parseAddress('FD00:0::1', '--ip'), 'fd00::1');
  });

  const bad: readonly (readonly [given: string, expected: string])[] = [
    ['', 'an IP address'],
    ['node-1', 'an IP address'],
    ['10.0.0.1:80', 'an IP address'],
    ['10.0.0.1/24', 'an IP address'],
    ['[fd00::1]', 'an IP address'],
    ['fe80::1%eth0', 'an IP address'],
    ['::ffff:10.0.0.1', 'an IP address'],
    ['0.0.0.0', ONE_HOST],
    ['239.1.1.1', ONE_HOST],
    ['::', ONE_HOST],
    ['ff05::1', ONE_HOST],
  ];
  for (const [given, expected] of bad) {
    it(`is not ${JSON.stringify(given)}`, () => {
      refused(`--ip: expected ${expected}, got ${JSON.stringify(given)}`, () => parseAddress(given, '--ip'));
    });
  }
});
