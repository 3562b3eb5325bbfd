import type { ClientSocket, ClientSockets } from '../control-loop/ports.js';
import { endpoint, type Endpoint } from '../values/endpoint.js';
import type { IpFamily, Ipvs, SockDiag, TcpSocket, TcpState } from '../netlink/index.js';
import { ipVsConnections } from './ip-vs-connections.js';

/** Those that connect or are connected: no client waits for an answer after it has closed its end. */
const STATES: readonly TcpState[] = ['syn-sent', 'established', 'close-wait'];

/** How many bytes the peer has acknowledged before any data: the SYN. */
const SYN = 1;

/** The sockets from this network namespace to the virtual server. */
export function clientSockets(
  virtualServer: Endpoint,
  { diagnostics, ipvs }: { diagnostics: Pick<SockDiag, 'listTcpSockets'>; ipvs: Pick<Ipvs, 'getService'> },
  connections = ipVsConnections,
): ClientSockets {
  const { address, port } = virtualServer;
  return {
    async connections() {
      const service = await ipvs.getService({ protocol: 'tcp', address, port });
      return service?.stats?.connections ?? 0n;
    },
    async list() {
      const sockets = await socketsTo(virtualServer, STATES, diagnostics);
      return [...sockets].map(([client, socket]) => clientSocket(client, socket));
    },
    async servers() {
      const servers = new Map<string, Endpoint>();
      for await (const { client, server } of connections(virtualServer)) servers.set(client.text, server);
      return servers;
    },
  };
}

/** The sockets connected to a virtual server, by the text of their own endpoint. */
export async function socketsTo(
  { family, port, text }: Endpoint,
  states: readonly TcpState[],
  diagnostics: Pick<SockDiag, 'listTcpSockets'>,
): Promise<ReadonlyMap<string, TcpSocket>> {
  // An IPv6 socket may be connected over IPv4.
  const families: readonly IpFamily[] = family === 'ipv4' ? ['ipv4', 'ipv6'] : ['ipv6'];
  const lists = await Promise.all(
    families.map((of) => diagnostics.listTcpSockets({ family: of, remotePort: port, states })),
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

function clientSocket(client: string, { cookie, state, progress }: TcpSocket): ClientSocket {
  const id = cookie.join('-');
  if (state === 'syn-sent') return { id, client, waitsFor: 'connection', waitedMs: null };
  if (progress === null) return { id, client, waitsFor: null, waitedMs: null };
  const { unacknowledged, retransmits, bytesAcknowledged, bytesReceived, sinceLastSentMs } = progress;
  // With each repetition the kernel begins to count anew.
  if (unacknowledged > 0 && retransmits > 0)
    return { id, client, waitsFor: 'acknowledgment', waitedMs: null };
  const hasSent = unacknowledged > 0 || bytesAcknowledged > SYN;
  if (hasSent && bytesReceived === 0) return { id, client, waitsFor: 'answer', waitedMs: sinceLastSentMs };
  return { id, client, waitsFor: null, waitedMs: null };
}
