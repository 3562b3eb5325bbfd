import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpoint } from '../../src/values/endpoint.js';
import { isNeeded } from '../../src/state/recorded-virtual-servers.js';

const VIP = endpoint('ipv4', '10.103.97.2', 6443);
const SAME_ADDRESS = endpoint('ipv4', '10.103.97.2', 7443);
const OTHER = endpoint('ipv4', '10.103.97.3', 6443);

describe('a reach mode', () => {
  it('is needed while another virtual server with the address is currently reached by it', () => {
    const other = {
      virtualServer: SAME_ADDRESS,
      realServers: [],
      modes: [{ mode: 'route' }, { mode: 'local' }],
    } as const;
    assert.equal(isNeeded({ mode: 'local' }, VIP.address, [other]), true);
    assert.equal(isNeeded({ mode: 'route' }, VIP.address, [other]), false, 'no longer');
    assert.equal(isNeeded({ mode: 'local' }, OTHER.address, [other]), false);
    assert.equal(isNeeded({ mode: 'local' }, VIP.address, [{ ...other, modes: [] }]), false);
  });
});
