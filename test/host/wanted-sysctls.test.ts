import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EVERY_SYSCTL, sysctlsFor } from '../../src/host/wanted-sysctls.js';

const EXPIRE = 'net.ipv4.vs.expire_nodest_conn=1';
const CONNTRACK = 'net.ipv4.vs.conntrack=1';
const REUSE = 'net.ipv4.vs.conn_reuse_mode=0';

describe('the sysctls of a virtual server', () => {
  for (const [release, masquerade, expected] of [
    ['6.1.0-43-amd64', false, [EXPIRE]],
    ['6.1.0-43-amd64', true, [EXPIRE, CONNTRACK]],
    ['5.9.0', false, [EXPIRE]],
    ['5.8.18-300.fc33.x86_64', false, [EXPIRE, REUSE]],
    ['4.19.0-26-amd64', true, [EXPIRE, CONNTRACK, REUSE]],
    ['4.1.12', false, [EXPIRE, REUSE]],
    ['4.0.9', false, [EXPIRE]],
    ['3.10.0-1160.el7.x86_64', true, [EXPIRE, CONNTRACK]],
    ['unheard of', false, [EXPIRE]],
  ] as const) {
    it(`on ${release}${masquerade ? ', with masquerade' : ''}`, () => {
      const found = sysctlsFor({ masquerade }, release).map(({ name, value }) => `${name}=${value}`);
      assert.deepEqual(found, expected);
      for (const one of found)
        assert.ok(
          EVERY_SYSCTL.some(({ name, value }) => `${name}=${value}` === one),
          one,
        );
    });
  }
});
