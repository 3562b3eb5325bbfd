import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpoint } from '../../src/values/endpoint.js';
import { besides, isNeeded, rememberedOf, type Remembered } from '../../src/state/recorded-virtual-servers.js';

const VIP = endpoint('ipv4', '10.103.97.2', 6443);
const SAME_ADDRESS = endpoint('ipv4', '10.103.97.2', 7443);
const OTHER = endpoint('ipv4', '10.103.97.3', 6443);
const [A, B] = [endpoint('ipv4', '10.0.0.1', 6443), endpoint('ipv4', '10.0.0.2', 6443)];

function remembered(virtualServer = VIP, more: Partial<Remembered> = {}): Remembered {
  return { virtualServer, realServers: [A.text], ways: [], sysctls: {}, ...more };
}

describe('what is remembered of a virtual server', () => {
  const before = remembered(VIP, { ways: [{ mode: 'local' }], sysctls: { 'net.ipv4.vs.conntrack': '0' } });

  it('is what its record says, with the real servers of today', () => {
    assert.deepEqual(rememberedOf(VIP, [B], [remembered(OTHER), before]), {
      ...before,
      realServers: [B.text],
    });
  });

  it('has the real servers of its record where none are told', () => {
    assert.deepEqual(rememberedOf(VIP, [], [before]), before);
  });

  it('is nothing without a record', () => {
    assert.deepEqual(rememberedOf(VIP, [A], [remembered(OTHER)]), remembered());
  });
});

describe('other virtual servers', () => {
  it('are all but one', () => {
    const [other, neighbour] = [remembered(OTHER), remembered(SAME_ADDRESS)];
    assert.deepEqual(besides(VIP, [other, remembered(), neighbour]), [other, neighbour]);
  });

  it('keep the way to an address that one of them is reached by today', () => {
    const keeper = remembered(SAME_ADDRESS, { ways: [{ mode: 'route' }, { mode: 'local' }] });
    assert.equal(isNeeded({ mode: 'local' }, VIP.address, [keeper]), true);
    assert.equal(isNeeded({ mode: 'route' }, VIP.address, [keeper]), false, 'no longer');
    assert.equal(isNeeded({ mode: 'local' }, OTHER.address, [keeper]), false);
    assert.equal(isNeeded({ mode: 'local' }, VIP.address, [remembered(SAME_ADDRESS)]), false);
  });
});
