import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isAllowedHost } from '../../src/http/allowed-host.js';

describe('a Host header', () => {
  const names = new Set(['localhost', 'node-1.example', 'node-1']);
  for (const host of [
    '10.0.0.1',
    '10.0.0.1:9288',
    '[fd00::1]:9288',
    '[fe80::1%eth0]:9288',
    '[::1]',
    'localhost:1234',
    'LocalHost',
    'node-1:9288',
    'node-1.example.:9288',
    'Node-1.Example:9288',
    'node-1:',
  ])
    it(`is accepted: ${host}`, () => {
      assert.ok(isAllowedHost(host, names));
    });

  for (const host of [
    '',
    ':9288',
    'evil.example',
    'evil.example:9288',
    'node-1.evil.example',
    'localhost.evil.example',
    '10.0.0.1.evil.example',
    '10.0.0.1:9288.evil.example',
    '[evil.example]',
    '[10.0.0.1]',
    'fd00::1',
    'localhost:9288:1',
    'localhost:x',
    'localhost@evil.example',
    '300.0.0.1',
    'constructor',
  ])
    it(`is refused: "${host}"`, () => {
      assert.ok(!isAllowedHost(host, names));
    });
});
