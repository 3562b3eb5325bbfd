import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { contains } from '../../src/doctor/cidr.js';

describe('a network', () => {
  const cases: readonly (readonly [cidr: string, address: string, contains: boolean])[] = [
    ['10.96.0.0/12', '10.103.97.2', true],
    ['10.96.0.0/22', '10.103.97.2', false],
    ['10.103.97.2/32', '10.103.97.2', true],
    ['10.103.97.2', '10.103.97.2', true],
    ['0.0.0.0/0', '10.103.97.2', true],
    ['fd00::/8', '10.103.97.2', false],
    ['fd00::/8', 'fd12::1', true],
    ['::/0', 'fd12::1', true],
    ['10.0.0.0/33', '10.0.0.1', false],
    ['10.0.0.0/x', '10.0.0.1', false],
    ['nonsense', '10.0.0.1', false],
  ];
  for (const [cidr, address, expected] of cases)
    it(`${cidr}, ${address}: ${expected}`, () => {
      assert.equal(contains(cidr, address), expected);
    });
});
