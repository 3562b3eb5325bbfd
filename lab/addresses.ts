/** Who lives where in a lab: the convention of the docs, 10.103.97.0/24, and its likeness in IPv6. */

/** One host, in both families. */
export interface Addresses {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** The port that apiservers and the virtual server listen on. */
export const APISERVER_PORT = 6443;

/** How many masters there can be: the certificate of each lists its addresses, and the names stay readable. */
export const MAX_MASTERS = 8;

/** A host on the switch of the lab: `10.103.97.N`, and the same in IPv6. */
export function host(ordinal: number): Addresses {
  return { ipv4: `10.103.97.${ordinal}`, ipv6: `fd00:10:103:97::${ordinal}` };
}

/** The virtual server. */
export const VIP = host(2);

/** The node that lvscare runs on. */
export const NODE = host(100);

/** A host on the switch that is no node: it has a route to the virtual server, through the node. */
export const EXTERNAL = host(50);

/** A pod on the node, and the node's address on the bridge that it is plugged into. Masters have no route there. */
export const POD = podHost(10);
export const POD_GATEWAY = podHost(1);

function podHost(ordinal: number): Addresses {
  return { ipv4: `10.244.0.${ordinal}`, ipv6: `fd00:10:244::${ordinal}` };
}

/** Master 0 is .200, master 1 is .201, and so on. */
export function masterAddresses(index: number): Addresses {
  return host(200 + index);
}

/** `10.103.97.200:6443`, `[fd00:10:103:97::200]:6443`: as `--rs` takes it and `ipvsadm -n` shows it. */
export function endpoint(address: string, port = APISERVER_PORT): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
