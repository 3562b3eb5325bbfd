import type { ClientConnections } from '../care/ports.js';
import { endpoint, type Endpoint } from '../core/endpoint.js';
import { NetlinkError, SockDiag, type IpFamily, type TcpSocket, type TcpState } from '../netlink/index.js';
import { KernelError } from './errors.js';
import { ipVsConnections, type IpVsConnection } from './ip-vs-connections.js';

/** Where sockets and connections are found; the kernel's, unless a test has its own. */
interface Sources {
  readonly diagnose: () => Pick<SockDiag, 'listTcpSockets' | 'endTcpSockets' | 'close'>;
  readonly connections: (virtualServer: Endpoint) => AsyncIterable<IpVsConnection>;
}

const KERNEL: Sources = { diagnose: () => SockDiag.open(), connections: ipVsConnections };

/**
 * States in which a client waits for its server. One that still connects (syn-sent) is left alone: the kernel sends it to
 * another server when it tries again.
 */
const WAITING: readonly TcpState[] = ['established', 'fin-wait-1', 'fin-wait-2', 'close-wait'];

/**
 * The connections of processes in this network namespace to the virtual server. The kernel's IPVS resets a connection that
 * has lost its server only at the client's next packet, which a client that waits for news never sends, and one whose packets
 * are not answered sends ever more seldom.
 */
export function clientConnections(virtualServer: Endpoint, sources = KERNEL): ClientConnections {
  return {
    async end(servers) {
      try {
        return await endThose(virtualServer, servers, sources);
      } catch (error) {
        throw explain(error);
      }
    },
  };
}

async function endThose(
  virtualServer: Endpoint,
  servers: readonly Endpoint[],
  { diagnose, connections }: Sources,
): Promise<number> {
  const diagnostics = diagnose();
  try {
    // First the sockets, by the kernel's own names for them: a later one with the same ports is not meant then.
    const sockets = await socketsTo(virtualServer, diagnostics);
    // Most are done here: nobody has a connection.
    if (sockets.size === 0) return 0;
    const gone = new Set(servers.map(({ text }) => text));
    const ending: TcpSocket[] = [];
    for await (const { client, server } of connections(virtualServer)) {
      const socket = gone.has(server.text) ? sockets.get(client.text) : undefined;
      if (socket !== undefined) ending.push(socket);
    }
    const results = await diagnostics.endTcpSockets(ending);
    // ENOENT: that very socket is no more.
    const failed = results.find((result) => !result.ok && result.error.code !== 'ENOENT');
    if (failed?.ok === false) throw failed.error;
    return results.filter(({ ok }) => ok).length;
  } finally {
    await diagnostics.close();
  }
}

/** By their clients' ends. */
async function socketsTo(
  { family, port, text }: Endpoint,
  diagnostics: Pick<SockDiag, 'listTcpSockets'>,
): Promise<ReadonlyMap<string, TcpSocket>> {
  // A socket of IPv6 may speak IPv4.
  const families: readonly IpFamily[] = family === 'ipv4' ? ['ipv4', 'ipv6'] : ['ipv6'];
  const lists = await Promise.all(
    families.map((of) => diagnostics.listTcpSockets({ family: of, remotePort: port, states: WAITING })),
  );
  const ends = (host: string, hostPort: number): string =>
    endpoint(family, family === 'ipv4' ? host.replace(/^::ffff:/, '') : host, hostPort).text;
  return new Map(
    lists
      .flat()
      .filter((socket) => ends(socket.remoteAddress, socket.remotePort) === text)
      .map((socket) => [ends(socket.localAddress, socket.localPort), socket]),
  );
}

/** What a kernel says that has no sock_diag, no tcp_diag, or was built without the means to end a socket. */
const CANNOT: ReadonlySet<string> = new Set(['EPROTONOSUPPORT', 'ENOENT', 'EOPNOTSUPP']);

function explain(error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof NetlinkError && CANNOT.has(error.code))
    return new KernelError('this kernel cannot end them (CONFIG_INET_DIAG_DESTROY)', error);
  if (code === 'EPERM')
    return new KernelError('not permitted, it takes root or the capability NET_ADMIN', error);
  return new KernelError(message, error);
}
