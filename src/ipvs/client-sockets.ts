import type { ClientSocket, ClientSockets } from '../control-loop/ports.js';
import { endpoint, type Endpoint } from '../values/endpoint.js';
import type { SockDiag, TcpSocket, TcpState } from '../netlink/index.js';
import { ipVsConnections } from './ip-vs-connections.js';

type Diagnostics = Pick<SockDiag, 'listTcpSockets'>;

/** Those that connect or are connected: no client waits for an answer after it has closed its end. */
const STATES: readonly TcpState[] = ['syn-sent', 'established', 'close-wait'];

/** How many bytes the peer has acknowledged before any data: the SYN. */
const SYN = 1;

/** The sockets from this network namespace to virtual servers. */
export function clientSockets(diagnostics: Diagnostics, connections = ipVsConnections): ClientSockets {
  return {
    async waiting(virtualServers) {
      const sockets = await socketsTo(virtualServers, STATES, diagnostics);
      return sockets.flatMap((socket) => waiting(socket) ?? []);
    },
    async servers(virtualServer) {
      const servers = new Map<string, Endpoint>();
      for await (const { client, server } of connections(virtualServer)) servers.set(client.text, server);
      return servers;
    },
  };
}

interface SocketTo {
  /** The socket's own end. */
  readonly client: Endpoint;
  readonly virtualServer: Endpoint;
  readonly socket: TcpSocket;
}

/** The sockets connected to one of these virtual servers. */
export async function socketsTo(
  virtualServers: readonly Endpoint[],
  states: readonly TcpState[],
  diagnostics: Diagnostics,
): Promise<SocketTo[]> {
  const sockets = await diagnostics.listTcpSockets({ remotes: virtualServers, states });
  const known = new Map(virtualServers.map((virtualServer) => [virtualServer.text, virtualServer]));
  return sockets.flatMap((socket) => {
    // Sockets may be ended for what they are connected to: the kernel's filter is not all that keeps those of others out.
    const virtualServer = known.get(endOf(socket.remoteAddress, socket.remotePort).text);
    return virtualServer === undefined
      ? []
      : [{ client: endOf(socket.localAddress, socket.localPort), virtualServer, socket }];
  });
}

/** An IPv6 socket may be connected over IPv4. */
function endOf(host: string, port: number): Endpoint {
  const address = host.replace(/^::ffff:(?=\d+\.)/, '');
  return endpoint(address.includes(':') ? 'ipv6' : 'ipv4', address, port);
}

function waiting({ client, virtualServer, socket }: SocketTo): ClientSocket | null {
  const { cookie, state, progress } = socket;
  const waits = { id: cookie.join('-'), client: client.text, virtualServer: virtualServer.text };
  if (state === 'syn-sent') return { ...waits, waitsFor: 'connection', waitedMs: null };
  if (progress === null) return null;
  const { unacknowledged, retransmits, bytesAcknowledged, bytesReceived, sinceLastSentMs } = progress;
  // With each repetition the kernel begins to count anew.
  if (unacknowledged > 0 && retransmits > 0) return { ...waits, waitsFor: 'acknowledgment', waitedMs: null };
  const hasSent = unacknowledged > 0 || bytesAcknowledged > SYN;
  return hasSent && bytesReceived === 0 ? { ...waits, waitsFor: 'answer', waitedMs: sinceLastSentMs } : null;
}
