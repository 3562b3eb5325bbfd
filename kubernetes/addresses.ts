/** The addresses of a cluster's other hosts. */
import type { Addresses } from '../lab/addresses.js';

function host(ordinal: number): Addresses {
  return { ipv4: `10.103.97.${ordinal}`, ipv6: `fd00:10:103:97::${ordinal}` };
}

/** etcd, on a host of its own. */
export const ETCD = host(190);

/** The administrator's machine: it runs kubectl, and asks masters one by one. */
export const ADMINISTRATOR = host(51);

/** A second node. */
export const OTHER_NODE = host(101);
