/** What the checks need of the node. All of it only reads: it changes nothing, and loads no kernel module. */
import type { Removal } from '../control-loop/ports.js';
import type { NodeAddress } from '../host/node-address.js';
import type { SysctlSpec } from '../host/sysctl.js';
import type { Endpoint } from '../values/endpoint.js';
import type { Answer } from '../values/exchange.js';
import type { LockState } from '../values/lock-holder.js';
import type { PortRange, SourcePortChoice } from '../values/source-ports.js';

/** The virtual server to examine, and the options of its lvscare. */
export interface Subject {
  readonly virtualServer: Endpoint;
  /** Empty if they are not known. */
  readonly realServers: readonly Endpoint[];
  readonly scheduler: string;
  readonly mode: 'local' | 'link' | 'route' | 'none';
  /** The dummy interface of mode `link`. */
  readonly iface: string;
  readonly masquerade: boolean;
  /** Whether lvscare sets sysctls itself. */
  readonly setsSysctls: boolean;
  readonly sysctls: readonly SysctlSpec[];
  /** The TCP timeout of IPVS that lvscare sets, in seconds, or null if it sets none. */
  readonly ipvsTcpTimeoutS: number | null;
  readonly scheme: 'https' | 'http';
  /** The port of health probes, or null if it is the port that clients use. */
  readonly healthPort: number | null;
  readonly sourcePorts: SourcePortChoice;
}

export interface ServerAnswer extends Answer {
  /** The server was silent to connections from these ports, which probes use; the answer is to one from a port that the kernel chose. */
  readonly silentTo?: PortRange;
}

/** Files by their absolute path. All but `whyNotWritable` reject with the error of the file system. */
export interface Files {
  read(path: string): Promise<string>;
  /** A file that another program named: only one that is stored, never one that the kernel makes up or that has no end. */
  readStored(path: string): Promise<string>;
  list(path: string): Promise<readonly string[]>;
  readLink(path: string): Promise<string>;
  /** The code of the error that writing would fail with, or null if it would not fail. Never rejects. */
  whyNotWritable(path: string): Promise<string | null>;
}

export interface Address {
  readonly address: string;
  readonly prefixLength: number;
  readonly interfaceName: string;
  /** Whether the interface is a dummy: it leads nowhere. */
  readonly onDummy: boolean;
}

/** A route of any table but local. */
export interface NodeRoute {
  /** `10.0.0.0/24`, or `0.0.0.0/0` for the default route. */
  readonly to: string;
  readonly gateway: string | null;
  readonly interfaceName: string | null;
  readonly metric: number | null;
  /** Whether lvscare or the Go lvscare made it in mode `route`. */
  readonly ofModeRoute: boolean;
  readonly inMainTable: boolean;
  /** Whether the kernel created it for an address. */
  readonly byKernel: boolean;
}

export interface Network {
  addresses(): Promise<readonly Address[]>;
  routes(family: 'ipv4' | 'ipv6'): Promise<readonly NodeRoute[]>;
  /** The interface through which packets to an address leave, or null if there is no route. */
  interfaceTowards(address: string): Promise<string | null>;
  /** Rejects if it cannot be found. */
  nodeAddress(subject: Subject): Promise<NodeAddress>;
}

interface DaemonAnswer {
  /** Why it does not answer, or null if it does. */
  readonly whySilent: string | null;
  /** Whether it has no socket that is visible here. */
  readonly isHidden: boolean;
  /** What it could not repair. */
  readonly troubles: readonly { readonly what: string; readonly message: string }[];
}

export interface Ownership {
  /** Rejects if the state of the instance lock cannot be known. */
  lock(virtualServer: Endpoint): Promise<LockState>;
  /** What the lvscare that manages a virtual server answers at its socket. */
  daemon(virtualServer: Endpoint): Promise<DaemonAnswer>;
  /** The ownership records of this network namespace, and whether the instance lock of each may be held. */
  records(): Promise<readonly { readonly virtualServer: Endpoint; readonly isLocked: boolean }[]>;
  /** What `--clean` would remove of the Go program's; `unknown` is why this cannot be known, or null if it can. */
  goLeftovers(virtualServer: Endpoint): Promise<Removal & { readonly unknown: string | null }>;
}

/** A connection of a process in this network namespace to the virtual server. */
export interface ClientConnection {
  readonly client: Endpoint;
  /** In so many seconds IPVS drops it unless a packet passes before; null if IPVS does not have it any more. */
  readonly expiresInS: number | null;
  /** In so many seconds the client's kernel next sends something by itself, such as a keepalive; null for never. */
  readonly timerInS: number | null;
}

export interface IpvsState {
  /** In seconds. Rejects if it cannot be read. Loads the module: to be called only if the kernel has IPVS. */
  tcpTimeoutS(): Promise<number>;
  clientConnections(virtualServer: Endpoint): Promise<readonly ClientConnection[]>;
}

export interface Node {
  readonly files: Files;
  readonly network: Network;
  readonly ownership: Ownership;
  readonly ipvs: IpvsState;
  /** As `uname -r` prints it. */
  readonly kernelRelease: string;
  /** Of this process. */
  readonly pid: number;
  /** The effective user id of this process. */
  readonly uid: number;
  /** In milliseconds since 1970. */
  now(): number;
  /** The output of `nft --version`, or null if there is no nft. */
  nftVersion(): Promise<string | null>;
  /** Probes a server as lvscare does, or the virtual server as a client does: once for each, however often it is called. */
  ask(server: Endpoint): Promise<ServerAnswer>;
}

/**
 * Whether IPVS registers its connections with connection tracking. Unless it does, a firewall takes the answers of real servers for
 * packets of state INVALID.
 */
export async function isTracked({ files }: Node, { masquerade }: Subject): Promise<boolean> {
  return masquerade || (await textOf(files, '/proc/sys/net/ipv4/vs/conntrack'))?.trim() === '1';
}

export const TRACK = 'sysctl -w net.ipv4.vs.conntrack=1, or give lvscare --masquerade';

/** The text of a file, or null if there is none. Rejects if this process may not read it: then nothing is known. */
export async function textOf(files: Files, path: string): Promise<string | null> {
  return await files.read(path).catch(unlessForbidden(null));
}

/** The names in a directory; empty if there is none. Rejects if this process may not read it. */
export async function namesIn(files: Files, directory: string): Promise<readonly string[]> {
  return await files.list(directory).catch(unlessForbidden([]));
}

function unlessForbidden<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return instead;
  };
}
