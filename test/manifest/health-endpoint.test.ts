import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseListenAddress } from '../../src/config/listen-address.js';
import { healthEndpoint } from '../../src/manifest/health-endpoint.js';

describe('where the kubelet asks', () => {
  const cases: readonly (readonly [address: string, found: readonly [host: string, port: number] | null])[] =
    [
      ['127.0.0.1:9288', ['127.0.0.1', 9288]],
      ['10.0.0.1:80', ['10.0.0.1', 80]],
      ['[fd00::1]:9288', ['fd00::1', 9288]],
      ['[]:9288', ['127.0.0.1', 9288]],
      ['0.0.0.0:9288', ['127.0.0.1', 9288]],
      ['[::]:9288', ['127.0.0.1', 9288]],
      ['[0:0:0:0:0:0:0:0]:9288', ['127.0.0.1', 9288]],
      ['unix:/run/lvscare/metrics.sock', null],
      ['off', null],
    ];
  for (const [address, found] of cases) {
    it(`${address} is at ${JSON.stringify(found)}`, () => {
      const listens = parseListenAddress(address, '--metrics-addr');
      assert.deepEqual(
        healthEndpoint(listens, 'HTTP'),
        found === null ? null : { host: found[0], port: found[1], scheme: 'HTTP' },
      );
    });
  }
});
