import type { ClientConnections } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import { NetlinkError, SockDiag, type TcpSocket, type TcpState } from '../netlink/index.js';
import { KernelError, NOT_PERMITTED } from '../values/errors.js';
import { socketsTo } from './client-sockets.js';
import { ipVsConnections, type IpVsConnection } from './ip-vs-connections.js';

type Diagnostics = Pick<SockDiag, 'listTcpSockets' | 'endTcpSockets' | 'close'>;

/** Where sockets and connections are read: from the kernel, except in tests. */
interface Sources {
  readonly diagnose: () => Diagnostics;
  readonly connections: (virtualServer: Endpoint) => AsyncIterable<IpVsConnection>;
}

const KERNEL: Sources = { diagnose: () => SockDiag.open(), connections: ipVsConnections };

/**
 * The states in which a client may wait for its server. A client that still connects (syn-sent) is left alone: the kernel sends its
 * next attempt to another server. No client waits for a socket that it has closed, and not every kernel can end one.
 */
const WAITING: readonly TcpState[] = ['established', 'close-wait'];

/**
 * The connections from this network namespace to the virtual server. Clients of a removed server are disconnected: IPVS resets a
 * connection only when the client sends again, which an idle client never does.
 */
export function clientConnections(virtualServer: Endpoint, sources = KERNEL): ClientConnections {
  // The kernel may have to load tcp_diag, and should not do so only when a server fails.
  withDiagnostics(sources, (diagnostics) => socketsTo([virtualServer], WAITING, diagnostics)).catch(
    () => undefined,
  );
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
  // Sockets first, with the kernel's cookies: a later socket with the same ports is another one.
  const sockets = await withDiagnostics(sources, (diagnostics) =>
    socketsTo([virtualServer], WAITING, diagnostics),
  );
  const byClient = new Map(sockets.map(({ client, socket }) => [client.text, socket]));
  const found = new Map<string, TcpSocket[]>(servers.map(({ text }) => [text, []]));
  // Usually this node has no connection.
  if (byClient.size === 0) return found;
  for await (const { client, server } of sources.connections(virtualServer)) {
    const socket = byClient.get(client.text);
    if (socket !== undefined) found.get(server.text)?.push(socket);
  }
  return found;
}

async function endThose(servers: readonly Endpoint[], found: Found, sources: Sources): Promise<number> {
  const sockets = servers.flatMap(({ text }) => found.get(text) ?? []);
  if (sockets.length === 0) return 0;
  const results = await withDiagnostics(sources, (diagnostics) => diagnostics.endTcpSockets(sockets));
  const count = results.filter(({ ok }) => ok).length;
  // ENOENT: that socket no longer exists.
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

/** The errors of a kernel without sock_diag, without tcp_diag, or built without the ability to end a socket. */
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
  return new KernelError(code === 'EPERM' ? NOT_PERMITTED : message, error);
}
