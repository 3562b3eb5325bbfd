import type { WireStats } from './contract.js';
import type { NetlinkError } from './errors.js';

/**
 * The values that netlink-ts takes and gives. Addresses are text in the form that inet_ntop(3) writes
 * (`10.103.97.2`, `fd00::1`); ports, marks and counters are in host byte order; an absent value is `null`.
 */

export type IpFamily = 'ipv4' | 'ipv6';

// ---- IPVS ---------------------------------------------------------------------------------------------------

export type Protocol = 'tcp' | 'udp' | 'sctp';

/** A virtual service known by its address. The family is the address's. */
export interface AddressServiceKey {
  /** A number, 1 to 255 (IPPROTO_*), for a protocol without a name here: the kernel keeps any, but forwards nothing of it. */
  readonly protocol: Protocol | number;
  readonly address: string;
  /** 0 to 65535; 0 is every port, which the kernel takes for persistent services only. */
  readonly port: number;
}

/** A virtual service known by a firewall mark. */
export interface FwmarkServiceKey {
  /** 1 to 4294967295. */
  readonly fwmark: number;
  readonly family: IpFamily;
}

export type ServiceKey = AddressServiceKey | FwmarkServiceKey;

/** Bits of `flags` of a service, as in `<linux/ip_vs.h>`; the kernel sets `hashed` by itself, and requests do not have it. */
export const ServiceFlag = {
  persistent: 0x0001,
  hashed: 0x0002,
  onePacket: 0x0004,
  /** `sh-fallback` for sh, `mh-fallback` for mh. */
  sched1: 0x0008,
  /** `sh-port` for sh, `mh-port` for mh. */
  sched2: 0x0010,
  sched3: 0x0020,
} as const;

/** What a service does. Creating and updating set all of it: what is absent takes its default, not its old value. */
export interface ServiceConfig {
  /** `rr`, `wrr`, `lc`, `wlc`, `sh`, `mh`, ...: the kernel loads `ip_vs_<name>`. At most 15 bytes. */
  readonly scheduler: string;
  /** Bits of {@link ServiceFlag}. Default 0. */
  readonly flags?: number;
  /** Persistence timeout, with `ServiceFlag.persistent`: 0 to 4294967, which the kernel can count in ticks. Default 0. */
  readonly timeoutSeconds?: number;
  /** Persistence granularity as `ipvsadm -M` takes it: `255.255.255.0`, or for IPv6 a prefix length `64`.
   *  Default: one host (`255.255.255.255`, `128`). */
  readonly netmask?: string;
  /** Persistence engine (`sip`), or null for none. Default null. At most 15 bytes. */
  readonly peName?: string | null;
}

/** Counters and rates, 64 bits wide where the kernel has them (4.1 and later), 32 before. */
export type Stats = WireStats;

export interface Service {
  readonly key: ServiceKey;
  readonly scheduler: string;
  readonly flags: number;
  readonly timeoutSeconds: number;
  readonly netmask: string;
  readonly peName: string | null;
  readonly stats: Stats | null;
}

export interface DestinationKey {
  readonly address: string;
  /** 0 to 65535; 0 for services without a port. */
  readonly port: number;
}

export type Forwarding = 'masquerade' | 'local' | 'tunnel' | 'direct' | 'bypass';
export type TunnelType = 'ipip' | 'gue' | 'gre';
export type TunnelChecksum = 'none' | 'checksum' | 'remote-checksum';

export interface Tunnel {
  readonly type: TunnelType;
  /** UDP port of a GUE tunnel; 0 otherwise. */
  readonly port: number;
  readonly checksum: TunnelChecksum;
}

/** A tunnel that the kernel has: what has no name here is its number. */
export interface ObservedTunnel {
  /** Or IP_VS_CONN_F_TUNNEL_TYPE_*. */
  readonly type: TunnelType | number;
  readonly port: number;
  /** Or the bits of IP_VS_TUNNEL_ENCAP_FLAG_*. */
  readonly checksum: TunnelChecksum | number;
}

/** What a destination does. Creating and updating set all of it: what is absent takes its default, not its old value. */
export interface DestinationConfig {
  /** Default `masquerade`. */
  readonly forwarding?: Forwarding;
  /** 0 (no new connections) to 2147483647. Default 1. */
  readonly weight?: number;
  /** Stop new connections above this many; 0 is no limit. Default 0. */
  readonly upperThreshold?: number;
  /** Resume new connections below this many; 0 is the kernel's choice. Default 0. */
  readonly lowerThreshold?: number;
  /** With forwarding `tunnel` only. Default ipip without checksum, which kernels before 5.3 know as well. */
  readonly tunnel?: Tunnel | null;
}

export interface Destination {
  readonly family: IpFamily;
  readonly address: string;
  readonly port: number;
  /** A number, 5 to 7 (IP_VS_CONN_F_FWD_MASK), for a method without a name here. */
  readonly forwarding: Forwarding | number;
  readonly weight: number;
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
  /** null unless forwarding is `tunnel`. */
  readonly tunnel: ObservedTunnel | null;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  readonly persistentConnections: number;
  readonly stats: Stats | null;
}

export interface IpvsInfo {
  /** For example `1.2.1`. */
  readonly version: string;
  /** Buckets of the connection table. */
  readonly connectionTableSize: number;
}

/**
 * After how many seconds without a packet IPVS drops a connection. They hold for all services of the network namespace; a change
 * applies to a connection from its next packet on.
 */
export interface IpvsTimeouts {
  /** Of an established TCP connection. 900 unless it was set. null if the kernel's IPVS has no TCP. */
  readonly tcpSeconds: number | null;
  /** Of a TCP connection after a FIN. 120 unless it was set. null if the kernel's IPVS has no TCP. */
  readonly tcpFinSeconds: number | null;
  /** 300 unless it was set. null if the kernel's IPVS has no UDP. */
  readonly udpSeconds: number | null;
}

/** What `setTimeouts` sets, each from 1 to 2147483; what is absent stays as it is. */
export type IpvsTimeoutsChange = {
  readonly [Name in keyof IpvsTimeouts]?: number;
};

export type IpvsOperation =
  | {
      readonly kind: 'createService' | 'updateService';
      readonly service: ServiceKey;
      readonly config: ServiceConfig;
    }
  | { readonly kind: 'deleteService'; readonly service: ServiceKey }
  | {
      readonly kind: 'createDestination' | 'updateDestination';
      readonly service: ServiceKey;
      readonly destination: DestinationKey;
      readonly config: DestinationConfig;
    }
  | {
      readonly kind: 'deleteDestination';
      readonly service: ServiceKey;
      readonly destination: DestinationKey;
    };

// ---- rtnetlink ----------------------------------------------------------------------------------------------

export interface Link {
  readonly index: number;
  readonly name: string;
  /** `dummy`, `veth`, `bridge`, ...; null for physical and loopback links. */
  readonly kind: string | null;
  /** IFF_UP: set by an administrator. */
  readonly up: boolean;
  /** IFF_LOWER_UP: has carrier. */
  readonly carrier: boolean;
  readonly mtu: number;
}

export interface InterfaceAddressKey {
  readonly interfaceIndex: number;
  readonly address: string;
  readonly prefixLength: number;
}

export interface InterfaceAddress extends InterfaceAddressKey {
  readonly family: IpFamily;
}

/** `other` is one without a name here, which is listed (it must not hide all others) but cannot be asked for. */
export type RouteType =
  | 'other'
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'anycast'
  | 'multicast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw';

/** Well-known tables; any number from 1 to 4294967295 is a table. */
export const RouteTable = { default: 253, main: 254, local: 255 } as const;

export interface RouteKey {
  readonly family: IpFamily;
  /** Destination prefix; `0.0.0.0` or `::` with prefix length 0 is the default route. */
  readonly destination: string;
  readonly prefixLength: number;
  readonly table: number;
  readonly type: RouteType;
  /** Priority; null leaves it to the kernel (0 for IPv4, 1024 for IPv6; when deleting: any). */
  readonly metric: number | null;
}

/** What `replaceRoute` sets and `listRoutes` gives. A multipath route is listed with gateway and interface null. */
export interface Route extends RouteKey {
  readonly gateway: string | null;
  readonly interfaceIndex: number | null;
  readonly preferredSource: string | null;
  /** rtm_protocol, RTPROT_* in rtnetlink(7): 2 kernel, 3 boot, 4 static, ... */
  readonly protocol: number;
  /** rtm_scope: 0 global, 253 link, 254 host. */
  readonly scope: number;
}

/** What `replaceRoute` takes. */
export interface RouteSpec extends RouteKey {
  /** Of the route's family; an IPv4 route may have an IPv6 gateway (Linux 5.2). */
  readonly gateway?: string | null;
  readonly interfaceIndex?: number | null;
  readonly preferredSource?: string | null;
  /** Default 3, boot: what `ip route` writes. */
  readonly protocol?: number;
  /** Default as `ip route` chooses for IPv4: host for local routes, link for those without a gateway, else global. */
  readonly scope?: number;
}

/** What `deleteRoute` takes: of the routes with this key, the first one that also has what else is named here. */
export type RouteSelector = RouteKey &
  Partial<Pick<Route, 'gateway' | 'interfaceIndex' | 'preferredSource' | 'protocol' | 'scope'>>;

/** What `lookupRoute` asks for: a packet to `destination`. */
export interface RouteQuery {
  readonly destination: string;
  /** From this address rather than one that the kernel picks. */
  readonly source?: string | null;
  /** Through this interface. */
  readonly interfaceIndex?: number | null;
}

/** What the kernel would do with a packet, as `ip route get` says it. */
export interface RouteLookup {
  readonly type: RouteType;
  readonly interfaceIndex: number | null;
  readonly gateway: string | null;
  /** The source address that the kernel picks. */
  readonly source: string | null;
}

export type EventGroup = 'link' | 'address' | 'route';

export interface SubscribeOptions {
  /** Ends the subscription. */
  readonly signal: AbortSignal;
  /** Default all. */
  readonly groups?: readonly EventGroup[];
  /** Of addresses and routes. Default both. */
  readonly families?: readonly IpFamily[];
  /** Of routes: only those to this address, with any prefix length. Default all. */
  readonly routeDestination?: string;
}

export type RtnetlinkEvent =
  | { readonly kind: 'link'; readonly change: 'new' | 'deleted'; readonly link: Link }
  | { readonly kind: 'address'; readonly change: 'new' | 'deleted'; readonly address: InterfaceAddress }
  | { readonly kind: 'route'; readonly change: 'new' | 'deleted'; readonly route: Route }
  /** Events were lost here: read again what you care about. Later changes are events again. */
  | { readonly kind: 'overrun' };

// ---- TCP sockets --------------------------------------------------------------------------------------------

/** When the kernel gives a peer up that has fallen silent: its machine is gone, or a cable on the way. */
export interface TcpLivenessOptions {
  /** Seconds of silence before the first probe (TCP_KEEPIDLE): 1 to 32767. */
  readonly keepAliveIdleS: number;
  /** Seconds between probes (TCP_KEEPINTVL): 1 to 32767. */
  readonly keepAliveIntervalS: number;
  /** Unanswered probes that end the connection (TCP_KEEPCNT): 1 to 127. Counts only if `userTimeoutMs` is 0. */
  readonly keepAliveProbes: number;
  /**
   * How long what was sent, data or probes, may go unacknowledged (TCP_USER_TIMEOUT): 0 to 2147483647. With 0 data is
   * sent again for as long as the kernel's `net.ipv4.tcp_retries2` says: by default a quarter of an hour.
   */
  readonly userTimeoutMs: number;
}

/** What a socket has. */
export interface TcpLiveness extends TcpLivenessOptions {
  /** Whether the kernel probes at all (SO_KEEPALIVE). */
  readonly keepAlive: boolean;
}

/** As `ss` writes them. */
export type TcpState =
  | 'established'
  | 'syn-sent'
  | 'syn-recv'
  | 'fin-wait-1'
  | 'fin-wait-2'
  | 'time-wait'
  | 'close'
  | 'close-wait'
  | 'last-ack'
  | 'listening'
  | 'closing';

/** Which sockets to list: those in one of these states that are connected to one of these addresses. */
export interface TcpSocketFilter {
  readonly remotes: readonly { readonly address: string; readonly port: number }[];
  readonly states: readonly TcpState[];
}

/** A TCP socket of any process in this network namespace. */
export interface TcpSocket {
  readonly family: IpFamily;
  readonly state: TcpState;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** That it is bound to. */
  readonly interfaceIndex: number | null;
  /** The kernel's own name for this very socket: no later one between the same addresses and ports has it. */
  readonly cookie: readonly [low: number, high: number];
  /** How far the exchange came; null for a socket that is closed. */
  readonly progress: TcpProgress | null;
}

/** What the kernel's tcp_info says of the answers of a peer. */
export interface TcpProgress {
  /** How often in a row the oldest segment that the peer has not acknowledged was sent again. */
  readonly retransmits: number;
  /** Segments, the first of a connection included, that the peer has not acknowledged. */
  readonly unacknowledged: number;
  /** Since data was last sent, in milliseconds; of no meaning before the first data. */
  readonly sinceLastSentMs: number;
  /** The SYN counts as one. */
  readonly bytesAcknowledged: number;
  readonly bytesReceived: number;
}

// ---- Unix sockets -------------------------------------------------------------------------------------------

/** The process that called listen(2), or connect(2), at the other end; it may have shared the socket since. */
export interface PeerCredentials {
  /** null for a process that this one's PID namespace does not show: one outside of our container. */
  readonly pid: number | null;
  /** The effective one of then. What this user namespace has no number for is 65534. */
  readonly uid: number;
  readonly gid: number;
}

// ---- requests -----------------------------------------------------------------------------------------------

export interface RequestOptions {
  /** From the call until the answer, waiting in the handle's queue included, in milliseconds. Default 5000. */
  readonly timeoutMs?: number;
}

/** What became of one operation of a batch. */
export type BatchResult = { readonly ok: true } | { readonly ok: false; readonly error: NetlinkError };
