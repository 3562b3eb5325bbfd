/** The addresses of a cluster's other hosts. */
import { host } from '../lab/addresses.js';

/** etcd, on a host of its own. */
export const ETCD = host(190);

/** The administrator's machine: it runs kubectl, and asks masters one by one. */
export const ADMINISTRATOR = host(51);

/** A second node. */
export const OTHER_NODE = host(101);
