/** The kernel's numbers and our names for them. */

import { malformedError } from './errors.js';
import type { Forwarding, IpFamily, Protocol, RouteType, TcpState, TunnelType } from './types.js';

type Names<Name extends string> = Readonly<Record<Name, number>>;

/** AF_* */
export const families: Names<IpFamily> = { ipv4: 2, ipv6: 10 };

/** IPPROTO_* */
export const protocols: Names<Protocol> = { tcp: 6, udp: 17, sctp: 132 };

/** IP_VS_CONN_F_* in the bits of IP_VS_CONN_F_FWD_MASK */
export const forwardings: Names<Forwarding> = { masquerade: 0, local: 1, tunnel: 2, direct: 3, bypass: 4 };

/** IP_VS_CONN_F_TUNNEL_TYPE_* */
export const tunnelTypes: Names<TunnelType> = { ipip: 0, gue: 1, gre: 2 };

/** RTN_* */
export const routeTypes: Names<Exclude<RouteType, 'other'>> = {
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
};

/** TCP_* of <netinet/tcp.h> */
export const tcpStates: Names<TcpState> = {
  established: 1,
  'syn-sent': 2,
  'syn-recv': 3,
  'fin-wait-1': 4,
  'fin-wait-2': 5,
  'time-wait': 6,
  close: 7,
  'close-wait': 8,
  'last-ack': 9,
  listening: 10,
  closing: 11,
};

/** The name of a number, or null if it has none. */
export function findName<Name extends string>(names: Names<Name>, number: number): Name | null {
  for (const [name, value] of Object.entries(names) as [Name, number][]) {
    if (value === number) return name;
  }
  return null;
}

/** The name of a number, or the number itself: what another program made with it must not hide what is listed beside it. */
export function nameOrNumber<Name extends string>(names: Names<Name>, number: number): Name | number {
  return findName(names, number) ?? number;
}

/** The name of a number that the kernel sent in answer to an operation; one without a name is an error. */
export function nameOf<Name extends string>(
  names: Names<Name>,
  number: number,
  what: string,
  operation: string,
): Name {
  const name = findName(names, number);
  if (name === null) throw malformedError(operation, `unknown ${what} ${number}`);
  return name;
}
