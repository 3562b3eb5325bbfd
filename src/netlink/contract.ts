/**
 * What the native addon exports: types only. It moves messages and speaks in the kernel's numbers; meaning, names,
 * defaults and checks are this side's. Numbers are in host byte order, addresses are text, absent is `null`.
 */

export type WireProtocol = 'ipvs' | 'route' | 'diag';

export interface Addon {
  readonly Handle: new (protocol: WireProtocol) => NativeHandle;
  readonly Subscription: new () => NativeSubscription;
  /** Sets all of them on a TCP socket of another owner. EPROTOTYPE, with nothing changed, if it is not TCP. */
  setTcpOptions(fd: number, options: WireTcpOptions): WireFailure | null;
  /** Reads them. EPROTOTYPE if it is not TCP. */
  getTcpOptions(fd: number): Either<'options', WireTcpOptions>;
  /** The process at the other end of a Unix socket of another owner. EPROTOTYPE if it is no Unix stream. */
  getPeerCredentials(fd: number): Either<'credentials', WirePeerCredentials>;
  /** A socket of NETLINK_USERSOCK in these groups, a bit for each; the caller closes the descriptor. EPERM without NET_ADMIN. */
  openGroupSocket(groups: number): Either<'socket', { readonly fd: number; readonly portId: number }>;
  /** The generation of nftables' ruleset. EPERM without NET_ADMIN. */
  nftGeneration(): Either<'generation', number>;
  /** The bytes of a request, with sequence number and port id zero. For tests. */
  encode(protocol: WireProtocol, request: WireRequest, familyId: number): Uint8Array;
  /** The value of a message; null if it is malformed. For tests. */
  decode(protocol: WireProtocol, message: Uint8Array, serviceFamily: number): WireValue | WireStatus | null;
}

/** A value under this name, or why there is none. */
type Either<Name extends string, Value> =
  | (Readonly<Record<Name, Value>> & { readonly failure: null })
  | (Readonly<Record<Name, null>> & { readonly failure: WireFailure });

/** A socket and a queue of jobs, each a batch of requests. Jobs run one at a time, in the order of their calls. */
export interface NativeHandle {
  /** The socket's netlink port id; 0 while there is no socket. */
  readonly portId: number;
  /** Opens the socket now rather than with the first request. */
  open(): WireFailure | null;
  /** Gives a ticket. The callback gets one result per request, unless the ticket expired before. */
  submit(
    requests: readonly WireRequest[],
    timeoutMs: number,
    callback: (results: WireResult[]) => void,
  ): number;
  /**
   * Ends the wait for a job even if a thread is stuck with it: the results so far, ETIMEDOUT for the rest. A queued job
   * is dropped unsent. null if the job has been answered.
   */
  expire(ticket: number): WireResult[] | null;
  /** No submit may follow. The callback is called once all jobs are done and the socket is closed. */
  close(callback: () => void): void;
}

/** Notifications. Once started it has a thread; it is stopped by stop(), by garbage collection and with the worker. */
export interface NativeSubscription {
  /** On return the kernel has the subscription. Once per object. */
  start(groups: readonly WireGroup[], routeDestination: string | null): WireFailure | null;
  /** What came in, at most so many; `overrun` if something was lost before it, `failure` if nothing will follow. */
  take(most: number): { events: WireValue[]; overrun: boolean; failure: WireFailure | null };
  /**
   * Calls back once when there is something to take, and keeps the process alive until then. False if there is
   * something already: then the callback is not called.
   */
  wait(callback: () => void): boolean;
  stop(): void;
}

export type WireGroup = 'link' | 'ipv4-address' | 'ipv6-address' | 'ipv4-route' | 'ipv6-route';

// ---- TCP sockets --------------------------------------------------------------------------------------------

export interface WireTcpOptions {
  /** SO_KEEPALIVE: 0 or 1. */
  readonly keepAlive: number;
  /** TCP_KEEPIDLE, in seconds. */
  readonly keepIdle: number;
  /** TCP_KEEPINTVL, in seconds. */
  readonly keepInterval: number;
  /** TCP_KEEPCNT. */
  readonly keepCount: number;
  /** TCP_USER_TIMEOUT, in milliseconds; 0 is none. */
  readonly userTimeout: number;
}

// ---- Unix sockets -------------------------------------------------------------------------------------------

/** SO_PEERCRED. */
interface WirePeerCredentials {
  /** 0 is a process of another PID namespace. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

// ---- requests -----------------------------------------------------------------------------------------------

export type WireRequest = WireIpvsRequest | WireRouteRequest | WireDiagRequest;

export interface WireIpvsRequest {
  readonly operation: string;
  readonly service: WireServiceId | null;
  readonly serviceConfig: WireServiceConfig | null;
  readonly destination: WireDestinationId | null;
  readonly destinationConfig: WireDestinationConfig | null;
  readonly timeouts: WireTimeouts | null;
}

/** Exactly one of the three is not null. */
export interface WireRouteRequest {
  readonly operation: string;
  readonly link: WireLinkRequest | null;
  readonly address: WireAddressRequest | null;
  readonly route: WireRoute | null;
}

export interface WireDiagRequest {
  readonly operation: 'listTcpSockets' | 'endTcpSocket';
  /** When listing, only the family counts. */
  readonly socket: WireTcpSocketId;
  /** When listing: a bit for each TCP_* state. */
  readonly states: number;
  /** When listing: those connected to one of these. */
  readonly remotes: readonly { readonly address: string; readonly port: number }[];
}

interface WireTcpSocketId {
  /** AF_INET or AF_INET6. */
  readonly family: number;
  /** TCP_* */
  readonly state: number;
  /** null is all zeros. */
  readonly localAddress: string | null;
  readonly localPort: number;
  readonly remoteAddress: string | null;
  readonly remotePort: number;
  /** That the socket is bound to; 0 is none. */
  readonly interfaceIndex: number;
  /** Both together name this very socket. */
  readonly cookieLow: number;
  readonly cookieHigh: number;
}

export interface WireServiceId {
  /** AF_INET or AF_INET6. */
  readonly family: number;
  /** IPPROTO_*; 0 with a mark. */
  readonly protocol: number;
  /** null with a mark. */
  readonly address: string | null;
  readonly port: number;
  /** 0 without one. */
  readonly fwmark: number;
}

export interface WireServiceConfig {
  readonly scheduler: string;
  /** IP_VS_SVC_F_*. */
  readonly flags: number;
  /** Of persistence, in seconds. */
  readonly timeout: number;
  /** IPv4: the mask as a number (255.255.255.0 is 0xffffff00). IPv6: the prefix length. */
  readonly netmask: number;
  readonly peName: string | null;
}

export interface WireDestinationId {
  readonly address: string;
  readonly port: number;
}

export interface WireDestinationConfig {
  /** IP_VS_CONN_F_MASQ and so on. */
  readonly forwarding: number;
  readonly weight: number;
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
  /** IP_VS_CONN_F_TUNNEL_TYPE_*. */
  readonly tunnelType: number;
  readonly tunnelPort: number;
  /** IP_VS_TUNNEL_ENCAP_FLAG_*. */
  readonly tunnelFlags: number;
}

/** In seconds. In requests 0 leaves a timeout as it is; in answers it is one that the kernel does not have. */
export interface WireTimeouts {
  readonly tcp: number;
  readonly tcpFin: number;
  readonly udp: number;
}

export interface WireLinkRequest {
  /** 0 if `name` identifies the link. */
  readonly index: number;
  /** Empty if `index` identifies the link. */
  readonly name: string;
  readonly kind: string | null;
  /** IFF_*, and which of them to change. */
  readonly flags: number;
  readonly change: number;
}

export interface WireAddressRequest {
  /** AF_*; 0 lists both. */
  readonly family: number;
  /** null lists all. */
  readonly address: string | null;
  readonly prefixLength: number;
  /** RT_SCOPE_*. */
  readonly scope: number;
  /** 0 lists all. */
  readonly interfaceIndex: number;
}

/** A route in requests; in answers {@link WireRouteValue}. */
export interface WireRoute {
  /** AF_*; 0 lists both. */
  readonly family: number;
  /** null for the default route; when listing, for all. */
  readonly destination: string | null;
  readonly prefixLength: number;
  /** The packet's source, in lookups. */
  readonly source: string | null;
  /** 0 lists all, and lets a lookup follow the rules. */
  readonly table: number;
  /** RTN_*, RTPROT_*, RT_SCOPE_*, RTM_F_*. */
  readonly type: number;
  readonly protocol: number;
  readonly scope: number;
  readonly flags: number;
  readonly metric: number | null;
  readonly gateway: string | null;
  /** 0 is none. */
  readonly interfaceIndex: number;
  readonly preferredSource: string | null;
}

// ---- answers ------------------------------------------------------------------------------------------------

export interface WireResult {
  /** Empty if it failed. */
  readonly values: WireValue[];
  readonly failure: WireFailure | null;
}

export interface WireFailure {
  /** Positive. */
  readonly errno: number;
  /** `ENOENT` */
  readonly code: string;
  /** `No such file or directory` */
  readonly description: string;
  /** The extended ACK's text. */
  readonly kernelMessage: string | null;
  /** The IPVS family could not be asked for; the request itself was not sent. */
  readonly resolvingFamily: boolean;
}

/** NLMSG_DONE or NLMSG_ERROR; without a failure it says that all went well. */
export interface WireStatus {
  readonly kind: 'done' | 'acknowledgment';
  readonly failure: WireFailure | null;
}

export type WireValue =
  | WireInfo
  | WireTimeoutsValue
  | WireService
  | WireDestination
  | { readonly kind: 'family'; readonly id: number }
  | WireLink
  | WireAddress
  | WireRouteValue
  | WireTcpSocket
  /** A message about something that is not ours. */
  | { readonly kind: 'other' };

export interface WireInfo {
  readonly kind: 'info';
  /** 0x010201 is 1.2.1. */
  readonly version: number;
  readonly connectionTableSize: number;
}

interface WireTimeoutsValue extends WireTimeouts {
  readonly kind: 'timeouts';
}

export interface WireStats {
  readonly connections: bigint;
  readonly packetsIn: bigint;
  readonly packetsOut: bigint;
  readonly bytesIn: bigint;
  readonly bytesOut: bigint;
  readonly connectionsPerSecond: bigint;
  readonly packetsInPerSecond: bigint;
  readonly packetsOutPerSecond: bigint;
  readonly bytesInPerSecond: bigint;
  readonly bytesOutPerSecond: bigint;
}

export interface WireService extends WireServiceId, WireServiceConfig {
  readonly kind: 'service';
  readonly stats: WireStats | null;
}

export interface WireDestination extends WireDestinationId, WireDestinationConfig {
  readonly kind: 'destination';
  readonly family: number;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  readonly persistentConnections: number;
  readonly stats: WireStats | null;
}

/** In notifications `deleted` says that the thing is gone. */
export interface WireLink {
  readonly kind: 'link';
  readonly deleted: boolean;
  readonly index: number;
  readonly name: string;
  readonly linkKind: string | null;
  readonly flags: number;
  readonly mtu: number;
}

export interface WireAddress {
  readonly kind: 'address';
  readonly deleted: boolean;
  readonly family: number;
  readonly address: string;
  readonly prefixLength: number;
  readonly interfaceIndex: number;
}

export interface WireRouteValue extends Omit<WireRoute, 'source'> {
  readonly kind: 'route';
  readonly deleted: boolean;
  /** All zeros for the default route. */
  readonly destination: string;
}

export interface WireTcpSocket extends WireTcpSocketId {
  readonly kind: 'tcpSocket';
  readonly localAddress: string;
  readonly remoteAddress: string;
  /** null for a socket that is closed. */
  readonly progress: WireTcpProgress | null;
}

/** A part of tcp_info. */
interface WireTcpProgress {
  readonly retransmits: number;
  readonly unacknowledged: number;
  readonly sinceLastSentMs: number;
  readonly bytesAcknowledged: number;
  readonly bytesReceived: number;
}
