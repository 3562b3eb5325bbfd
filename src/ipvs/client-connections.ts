import type { ClientConnections } from '../control-loop/ports.js';
import { endpoint, type Endpoint } from '../values/endpoint.js';
import { NetlinkError, SockDiag, type IpFamily, type TcpSocket, type TcpState } from '../netlink/index.js';
import { KernelError } from '../values/errors.js';
import { ipVsConnections, type IpVsConnection } from './ip-vs-connections.js';

type Diagnostics = Pick<SockDiag, 'listTcpSockets' | 'endTcpSockets' | 'close'>;

/** Where sockets and connections are found; the kernel's, unless a test has its own. */
interface Sources {
  readonly diagnose: () => Diagnostics;
  readonly connections: (virtualServer: Endpoint) => AsyncIterable<IpVsConnection>;
}

const KERNEL: Sources = { diagnose: () => SockDiag.open(), connections: ipVsConnections };

/**
 * States in which a client may wait for its server. One that still connects (syn-sent) is left alone: the kernel sends it to
 * another server when it tries again. What a client has closed nobody waits for, and not every kernel can end it.
 */
const WAITING: readonly TcpState[] = ['established', 'close-wait'];

/**
 * The connections of processes in this network namespace to the virtual server. The kernel's IPVS resets a connection that
 * has lost its server only at the client's next packet, which a client that waits for news never sends, and one whose packets
 * are not answered sends ever more seldom.
 */
export function clientConnections(virtualServer: Endpoint, sources = KERNEL): ClientConnections {
  // The kernel may have to load tcp_diag, for which there is no time when a server is out.
  withDiagnostics(sources, (diagnostics) => socketsTo(virtualServer, diagnostics)).catch(() => undefined);
  return {
    async find(servers) {
      const found = await explained(findThose(virtualServer, servers, sources));
      return { end: (gone) => explained(endThose(gone, found, sources)) };
    },
  };
}

/** The sockets of clients, by the text of the server that each is connected to. */
type Found = ReadonlyMap<string, readonly TcpSocket[]>;

async function findThose(
  virtualServer: Endpoint,
  servers: readonly Endpoint[],
  sources: Sources,
): Promise<Found> {
  // First the sockets, by the kernel's own names for them: a later one with the same ports is not meant then.
  const sockets = await withDiagnostics(sources, (diagnostics) => socketsTo(virtualServer, diagnostics));
  const found = new Map<string, TcpSocket[]>(servers.map(({ text }) => [text, []]));
  // Most are done here: nobody on this node has a connection.
  if (sockets.size === 0) return found;
  for await (const { client, server } of sources.connections(virtualServer)) {
    const socket = sockets.get(client.text);
    if (socket !== undefined) found.get(server.text)?.push(socket);
  }
  return found;
}

async function endThose(servers: readonly Endpoint[], found: Found, sources: Sources): Promise<number> {
  const sockets = servers.flatMap(({ text }) => found.get(text) ?? []);
  if (sockets.length === 0) return 0;
  const results = await withDiagnostics(sources, (diagnostics) => diagnostics.endTcpSockets(sockets));
  const count = results.filter(({ ok }) => ok).length;
  // ENOENT: that very socket is no more.
  const failed = results.find((result) => !result.ok && result.error.code !== 'ENOENT');
  if (failed?.ok === false && count === 0) throw failed.error;
  return count;
}

async function withDiagnostics<Value>(
  { diagnose }: Sources,
  use: (diagnostics: Diagnostics) => Promise<Value>,
): Promise<Value> {
  const diagnostics = diagnose();
  try {
    return await use(diagnostics);
  } finally {
    await diagnostics.close();
  }
}

/** By their clients' ends. */
async function socketsTo(
  { family, port, text }: Endpoint,
  diagnostics: Diagnostics,
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

async function explained<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (error) {
    throw explain(error);
  }
}

function explain(error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof NetlinkError && CANNOT.has(error.code))
    return new KernelError('this kernel cannot end their connections (CONFIG_INET_DIAG_DESTROY)', error);
  if (code === 'EPERM')
    return new KernelError('not permitted, it takes root or the capability NET_ADMIN', error);
  return new KernelError(message, error);
}
