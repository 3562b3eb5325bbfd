import type { SysctlSpec } from './sysctl.js';

const EXPIRE_NODEST_CONN: SysctlSpec = {
  name: 'net.ipv4.vs.expire_nodest_conn',
  value: '1',
  without: 'connections to a dead real server hang instead of being reset',
};

const CONNTRACK: SysctlSpec = {
  name: 'net.ipv4.vs.conntrack',
  value: '1',
  without:
    'nothing is masqueraded: apiservers see the address that a client has, and may not know the way back',
};

const CONN_REUSE_MODE: SysctlSpec = {
  name: 'net.ipv4.vs.conn_reuse_mode',
  value: '0',
  without: 'a client that uses a port again soon may wait for a second',
};

/** All that lvscare sets on any kernel. */
export const EVERY_SYSCTL: readonly SysctlSpec[] = [EXPIRE_NODEST_CONN, CONNTRACK, CONN_REUSE_MODE];

/**
 * The sysctls that a virtual server wants. They rule both families. `conn_reuse_mode` is left alone where its default is
 * well: from 5.9 on; before 4.1 there is none.
 *
 * @param release Of the kernel, as `uname -r` says it.
 */
export function sysctlsFor(
  { masquerade }: { readonly masquerade: boolean },
  release: string,
): readonly SysctlSpec[] {
  const [major = 0, minor = 0] = release.split(/[.-]/).map(Number);
  const version = major * 1000 + minor;
  return [
    EXPIRE_NODEST_CONN,
    ...(masquerade ? [CONNTRACK] : []),
    ...(version >= 4001 && version < 5009 ? [CONN_REUSE_MODE] : []),
  ];
}
