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
    'nothing is masqueraded: apiservers see the address of the client, and may have no route back to it',
};

const CONN_REUSE_MODE: SysctlSpec = {
  name: 'net.ipv4.vs.conn_reuse_mode',
  value: '0',
  without: 'a client that soon reuses a port may wait for a second',
};

/** All that lvscare sets, on any kernel. */
export const EVERY_SYSCTL: readonly SysctlSpec[] = [EXPIRE_NODEST_CONN, CONNTRACK, CONN_REUSE_MODE];

/**
 * The sysctls that a virtual server needs. They apply to both address families. lvscare leaves `conn_reuse_mode` alone from
 * Linux 5.9 on, where its default works; before 4.1 the kernel has none.
 *
 * @param release Of the kernel, as `uname -r` prints it.
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
