import { isIP, SocketAddress } from 'node:net';
import { readRegularFile } from '../files/regular-file.js';
import type { Endpoint } from '../values/endpoint.js';
import { NetlinkError, type Rtnetlink } from '../netlink/index.js';
import { KernelError } from '../values/errors.js';
import { hostsEntries } from './hosts-file.js';

/** The name under which sealos writes the node's own address to the hosts file. */
const HOSTS_NAME = 'lvscare.node.ip';

interface NodeAddressSources {
  /** What an option or a variable says, or null if neither is given. */
  readonly given: NamedAddress | null;
  readonly virtualServer: Endpoint;
  readonly realServers: readonly Endpoint[];
  /** Default /etc/hosts. */
  readonly hostsFile?: string;
  /** Default the sysctl's file in /proc/sys. */
  readonly disableIpv6File?: string;
}

interface NamedAddress {
  readonly address: string;
  /** Its source in words. */
  readonly from: string;
}

interface GoneAddress extends NamedAddress {
  /** Why it is not used: `10.0.0.7 (--ip) is not an address of this node`. */
  readonly why: string;
}

export interface NodeAddress extends NamedAddress {
  /** What was given, or is in the hosts file, and cannot be NODE_IP: so the kernel's choice is used. Else null. */
  readonly gone: GoneAddress | null;
}

/**
 * NODE_IP: as given, else from the hosts file, if it is an address of this node by which real servers reach it; else the source
 * address that the kernel picks towards the real servers. Rejects with a KernelError if none of them has it.
 */
export async function nodeAddress(
  rtnetlink: Pick<Rtnetlink, 'lookupRoute'>,
  sources: NodeAddressSources,
): Promise<NodeAddress> {
  const named = await namedAddress(sources);
  const why = named === null ? null : await whyNotUsed(rtnetlink, sources.virtualServer, named.address);
  if (named !== null && why === null) return { ...named, gone: null };
  const gone = named && { ...named, why: `${named.address} (${named.from}) ${why ?? ''}` };
  for (const server of sources.realServers) {
    try {
      const { source } = await rtnetlink.lookupRoute({ destination: server.address });
      // The route to a real server at a loopback address does not say how other nodes reach this one.
      if (source !== null && !isLoopback(source))
        return { address: source, from: `the route to ${server.address}`, gone };
    } catch (error) {
      // There may be a route to the next server.
      if (!isUnreachable(error)) throw error;
    }
  }
  const { disableIpv6File = DISABLE_IPV6 } = sources;
  if (sources.virtualServer.family === 'ipv6' && (await isSet(disableIpv6File)))
    throw new KernelError(
      'IPv6 is disabled on this node: set the sysctl net.ipv6.conf.all.disable_ipv6=0',
      null,
    );
  if (gone !== null) throw new NodeAddressGone(gone);
  throw new KernelError(
    'the address of this node is not known, because it has no route to any real server: check its network, or set --ip',
    null,
  );
}

/** NODE_IP was given, or is in the hosts file, but cannot be used, and the kernel has no choice of its own. */
export class NodeAddressGone extends KernelError {
  override name = 'NodeAddressGone';

  constructor({ why }: GoneAddress) {
    super(`${why}, and it has no route to any real server: check its network`, null);
  }
}

/** NODE_IP as an option, a variable or the hosts file names it, or null if none does. */
async function namedAddress({
  given,
  virtualServer,
  hostsFile = '/etc/hosts',
}: NodeAddressSources): Promise<NamedAddress | null> {
  if (given !== null) return given;
  const address = await hostsEntry(hostsFile, virtualServer.family);
  return address === null ? null : { address, from: `the hosts file's ${HOSTS_NAME}` };
}

/**
 * Why an address cannot be NODE_IP, in words, or null if it can: the kernel accepts only one of this node as a source address, and real
 * servers must be able to answer to it. The virtual server's address is local, too, once the route to it exists.
 */
async function whyNotUsed(
  rtnetlink: Pick<Rtnetlink, 'lookupRoute'>,
  virtualServer: Endpoint,
  address: string,
): Promise<string | null> {
  if (isLoopback(address)) return 'is a loopback address';
  if (address === virtualServer.address) return "is the virtual server's address";
  try {
    const { type } = await rtnetlink.lookupRoute({ destination: address });
    return type === 'local' ? null : NOT_OURS;
  } catch (error) {
    if (isUnreachable(error)) return NOT_OURS;
    throw error;
  }
}

const NOT_OURS = 'is not an address of this node';

const DISABLE_IPV6 = '/proc/sys/net/ipv6/conf/all/disable_ipv6';

async function isSet(path: string): Promise<boolean> {
  return (await readRegularFile(path).catch(() => '')).trim() === '1';
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** ENETUNREACH, EHOSTUNREACH, and the errors of blackhole and prohibit routes. */
function isUnreachable(error: unknown): boolean {
  return error instanceof NetlinkError && UNREACHABLE.has(error.code);
}

const UNREACHABLE = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EACCES', 'EINVAL', 'EAGAIN', 'ENETDOWN']);

async function hostsEntry(path: string, family: Endpoint['family']): Promise<string | null> {
  const entry = hostsEntries(await readRegularFile(path).catch(() => '')).find(
    ({ address, names }) => names.includes(HOSTS_NAME) && isIP(address) === (family === 'ipv4' ? 4 : 6),
  );
  // In the kernel's own spelling: with another one its route would be taken for a different one.
  return entry === undefined
    ? null
    : new SocketAddress({ address: entry.address.replace(/%.*/, ''), family }).address;
}
