import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpointInHex, hexAddress, hexPort } from '../../src/values/hex-endpoint.js';

describe('endpoints in hexadecimal', () => {
  const pairs: Readonly<Record<string, string>> = {
    '10.103.97.2': '0A676102',
    '0.0.0.0': '00000000',
    '255.255.255.255': 'FFFFFFFF',
    '::': '0000:0000:0000:0000:0000:0000:0000:0000',
    '::1': '0000:0000:0000:0000:0000:0000:0000:0001',
    'fd00::': 'fd00:0000:0000:0000:0000:0000:0000:0000',
    'fd00:10:103:97::2': 'fd00:0010:0103:0097:0000:0000:0000:0002',
    '2001:db8:1:2:3:4:5:6': '2001:0db8:0001:0002:0003:0004:0005:0006',
  };
  for (const [address, hex] of Object.entries(pairs))
    it(`${address} is ${hex}, and back`, () => {
      assert.equal(hexAddress(address), hex);
      assert.equal(endpointInHex(hex, '192B')?.address, address);
    });

  it('of IPv6 that ends as IPv4 does', () => {
    assert.equal(hexAddress('::10.103.97.2'), '0000:0000:0000:0000:0000:0000:0a67:6102');
  });

  for (const text of ['', '0A67610', '0A6761022', '0A67610G', 'fd00::2', '10.103.97.2', 'fd00:0010'])
    it(`are not ${JSON.stringify(text)}`, () => {
      assert.equal(endpointInHex(text, '192B'), null);
    });

  it('have a port of four digits', () => {
    assert.equal(hexPort(6443), '192B');
    assert.equal(hexPort(80), '0050');
    assert.equal(endpointInHex('0A676102', '0050')?.text, '10.103.97.2:80');
    for (const port of ['', '192', '192B0', '192G']) assert.equal(endpointInHex('0A676102', port), null);
  });
});
