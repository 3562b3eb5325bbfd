import { readFile } from 'node:fs/promises';
import { isIP, SocketAddress } from 'node:net';
import type { Endpoint } from '../values/endpoint.js';
import { NetlinkError, type Rtnetlink } from '../netlink/index.js';
import { KernelError } from '../values/errors.js';

/** The name under which sealos writes the node's own address to the hosts file. */
const HOSTS_NAME = 'lvscare.node.ip';

interface NodeAddressSources {
  /** What a person said, and where; null when nobody did. */
  readonly given: Pick<NodeAddress, 'address' | 'from'> | null;
  readonly family: Endpoint['family'];
  readonly realServers: readonly Endpoint[];
  /** Default /etc/hosts. */
  readonly hostsFile?: string;
  /** Default that of /proc/sys. */
  readonly disableIpv6File?: string;
}

export interface NodeAddress {
  readonly address: string;
  readonly source: 'given' | 'hosts' | 'route';
  /** Where it is from, in words. */
  readonly from: string;
}

/**
 * NODE_IP: as given, else from the hosts file, else the source address that the kernel picks towards the real servers.
 * Rejects with a KernelError when nothing tells.
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
      // A real server at the loopback address tells how to reach this node itself, and nothing of others.
      if (source !== null && !isLoopback(source))
        return { address: source, source: 'route', from: `the route to ${server.address}` };
    } catch (error) {
      // ENETUNREACH, EHOSTUNREACH and what blackhole or prohibit routes give: no way there, maybe one to the next.
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
    'no route to any real server tells which address of this node to use: is its network up? else set --ip',
    null,
  );
}

const DISABLE_IPV6 = '/proc/sys/net/ipv6/conf/all/disable_ipv6';

async function isSet(path: string): Promise<boolean> {
  return (await readFile(path, 'utf8').catch(() => '')).trim() === '1';
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

const UNREACHABLE = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EACCES', 'EINVAL', 'EAGAIN', 'ENETDOWN']);

async function hostsEntry(path: string, family: Endpoint['family']): Promise<string | null> {
  const text = await readFile(path, 'utf8').catch(() => '');
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (names.includes(HOSTS_NAME) && isIP(address) === (family === 'ipv4' ? 4 : 6)) {
      // As the kernel will write it, so that its route is not found to be another one each time.
      return new SocketAddress({ address: address.replace(/%.*/, ''), family }).address;
    }
  }
  return null;
}
