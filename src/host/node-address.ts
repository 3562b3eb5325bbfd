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
  readonly given: Pick<NodeAddress, 'address' | 'from'> | null;
  readonly family: Endpoint['family'];
  readonly realServers: readonly Endpoint[];
  /** Default /etc/hosts. */
  readonly hostsFile?: string;
  /** Default the sysctl's file in /proc/sys. */
  readonly disableIpv6File?: string;
}

export interface NodeAddress {
  readonly address: string;
  readonly source: 'given' | 'hosts' | 'route';
  /** Its source in words. */
  readonly from: string;
}

/**
 * NODE_IP: as given, else from the hosts file, else the source address that the kernel picks towards the real servers.
 * Rejects with a KernelError if none of them has it.
 */
export async function nodeAddress(
  rtnetlink: Pick<Rtnetlink, 'lookupRoute'>,
  sources: NodeAddressSources,
): Promise<NodeAddress> {
  if (sources.given !== null) return { ...sources.given, source: 'given' };
  const entry = await hostsEntry(sources.hostsFile ?? '/etc/hosts', sources.family);
  if (entry !== null) return { address: entry, source: 'hosts', from: `the hosts file's ${HOSTS_NAME}` };
  for (const server of sources.realServers) {
    try {
      const { source } = await rtnetlink.lookupRoute({ destination: server.address });
      // The route to a real server at a loopback address does not say how other nodes reach this one.
      if (source !== null && !isLoopback(source))
        return { address: source, source: 'route', from: `the route to ${server.address}` };
    } catch (error) {
      // ENETUNREACH, EHOSTUNREACH, and the errors of blackhole and prohibit routes: there may be a route to the next server.
      if (!(error instanceof NetlinkError && UNREACHABLE.has(error.code))) throw error;
    }
  }
  const { disableIpv6File = DISABLE_IPV6 } = sources;
  if (sources.family === 'ipv6' && (await isSet(disableIpv6File)))
    throw new KernelError(
      'IPv6 is disabled on this node: set the sysctl net.ipv6.conf.all.disable_ipv6=0',
      null,
    );
  throw new KernelError(
    'the address of this node is not known, because it has no route to any real server: check its network, or set --ip',
    null,
  );
}

const DISABLE_IPV6 = '/proc/sys/net/ipv6/conf/all/disable_ipv6';

async function isSet(path: string): Promise<boolean> {
  return (await readRegularFile(path).catch(() => '')).trim() === '1';
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
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
