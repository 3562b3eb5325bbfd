/**
 * The codec without a kernel, for tests: the same C++ that encodes and decodes live traffic, and the same mapping to
 * values.
 */

import { addressFromWire } from '../../src/netlink/address.js';
import { loadAddon } from '../../src/netlink/addon.js';
import type { WireProtocol, WireStatus, WireValue } from '../../src/netlink/contract.js';
import { destinationFromWire } from '../../src/netlink/destination.js';
import { failureError, malformedError, type NetlinkError } from '../../src/netlink/errors.js';
import { type IpvsRequest, ipvsRequestToWire } from '../../src/netlink/ipvs-request.js';
import { infoFromWire } from '../../src/netlink/ipvs-info.js';
import { timeoutsFromWire } from '../../src/netlink/ipvs-timeouts.js';
import { linkFromWire } from '../../src/netlink/link.js';
import { families } from '../../src/netlink/names.js';
import { routeFromWire } from '../../src/netlink/route.js';
import { type RtnetlinkRequest, rtnetlinkRequestToWire } from '../../src/netlink/rtnetlink-request.js';
import { serviceFromWire } from '../../src/netlink/service.js';
import {
  endTcpSocketToWire,
  listTcpSocketsToWire,
  tcpSocketFromWire,
} from '../../src/netlink/sock-diag-request.js';
import type {
  Destination,
  IpFamily,
  IpvsInfo,
  IpvsTimeouts,
  RtnetlinkEvent,
  Service,
  TcpSocket,
  TcpSocketFilter,
} from '../../src/netlink/types.js';

export type DecodedMessage =
  | { readonly kind: 'info'; readonly info: IpvsInfo }
  | { readonly kind: 'timeouts'; readonly timeouts: IpvsTimeouts }
  | { readonly kind: 'service'; readonly service: Service }
  | { readonly kind: 'destination'; readonly destination: Destination }
  /** The generic netlink controller's answer. */
  | { readonly kind: 'family'; readonly id: number }
  | { readonly kind: 'tcpSocket'; readonly socket: TcpSocket }
  | Exclude<RtnetlinkEvent, { readonly kind: 'overrun' }>
  /** NLMSG_ERROR, NLMSG_DONE; the error is null if all went well. */
  | { readonly kind: 'acknowledgment' | 'done'; readonly error: NetlinkError | null }
  /** Well-formed, and about something else. */
  | { readonly kind: 'other' };

interface DecodeContext {
  /** What a destination takes that does not name its family (kernels before 3.18). Default ipv4. */
  readonly serviceFamily?: IpFamily;
}

/**
 * Decodes the first netlink message in these bytes, header included. Throws a NetlinkError of the operation `decode`
 * with the code `EBADMSG` if it is malformed or cut.
 */
export function decodeMessage(
  protocol: WireProtocol,
  message: Uint8Array,
  context: DecodeContext = {},
): DecodedMessage {
  const value = loadAddon().decode(protocol, message, families[context.serviceFamily ?? 'ipv4']);
  if (value === null) throw malformedError('decode', null);
  return fromWire('decode', value);
}

/** The bytes of a request as they are sent, but for sequence number and port id, which are zero. */
export function encodeIpvsRequest(request: IpvsRequest, familyId: number): Uint8Array {
  return loadAddon().encode('ipvs', ipvsRequestToWire('', request), familyId);
}

/** The same for rtnetlink. Listing the routes of all families takes two messages. */
export function encodeRtnetlinkRequest(request: RtnetlinkRequest): Uint8Array[] {
  return rtnetlinkRequestToWire(request).map((wire) => loadAddon().encode('route', wire, 0));
}

/** The same for sock_diag: the lists that such a filter asks for. */
export function encodeListTcpSockets(filter: TcpSocketFilter): Uint8Array[] {
  return listTcpSocketsToWire('filter', filter).map((wire) => loadAddon().encode('diag', wire, 0));
}

/** The same for sock_diag: the end of a socket. */
export function encodeEndTcpSocket(socket: TcpSocket): Uint8Array {
  return loadAddon().encode('diag', endTcpSocketToWire('socket', socket), 0);
}

function fromWire(operation: string, value: WireValue | WireStatus): DecodedMessage {
  switch (value.kind) {
    case 'info':
      return { kind: 'info', info: infoFromWire(value) };
    case 'timeouts':
      return { kind: 'timeouts', timeouts: timeoutsFromWire(value) };
    case 'service':
      return { kind: 'service', service: serviceFromWire(operation, value) };
    case 'destination':
      return { kind: 'destination', destination: destinationFromWire(operation, value) };
    case 'family':
      return { kind: 'family', id: value.id };
    case 'link':
      return { kind: 'link', change: change(value.deleted), link: linkFromWire(value) };
    case 'address':
      return { kind: 'address', change: change(value.deleted), address: addressFromWire(operation, value) };
    case 'route':
      return { kind: 'route', change: change(value.deleted), route: routeFromWire(operation, value) };
    case 'tcpSocket':
      return { kind: 'tcpSocket', socket: tcpSocketFromWire(operation, value) };
    case 'acknowledgment':
    case 'done':
      if (value.failure?.code === 'EBADMSG') throw malformedError(operation, null);
      return {
        kind: value.kind,
        error: value.failure === null ? null : failureError(operation, value.failure),
      };
    case 'other':
      return { kind: 'other' };
  }
}

function change(deleted: boolean): 'new' | 'deleted' {
  return deleted ? 'deleted' : 'new';
}
