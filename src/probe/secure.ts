import { once } from 'node:events';
import { isIP, type Socket } from 'node:net';
import tls from 'node:tls';
import type { Endpoint } from '../values/endpoint.js';
import type { TlsSession } from '../values/exchange.js';
import { certificateFault, shownChain } from '../tls/certificate-fault.js';
import { endConnection } from './tcp.js';

export interface TlsOptions {
  /** Whether the server's certificate must be valid for its address, or for `serverName`. */
  readonly verify: boolean;
  /** The name to send (SNI) and to verify, or null for the server's address, which is verified by the IP SANs. */
  readonly serverName: string | null;
  /** Whether the name does not matter, and only the CA does. Default false. */
  readonly anyName?: boolean;
}

/**
 * TLS over a connected socket. Rejects with the fault of the handshake or of the certificate.
 *
 * @param onSession Is called with the session, whether the certificate is accepted or not.
 */
export async function secure(
  tcp: Socket,
  server: Endpoint,
  { verify, serverName, anyName = false }: TlsOptions,
  secureContext: tls.SecureContext,
  signal: AbortSignal,
  onSession: (session: TlsSession) => void,
): Promise<tls.TLSSocket> {
  const socket = tls.connect({
    socket: tcp,
    secureContext,
    host: serverName ?? server.address,
    // SNI is for names only.
    ...(serverName === null || isIP(serverName) !== 0 ? {} : { servername: serverName }),
    ALPNProtocols: ['http/1.1'],
    // Verified below, with the names in the certificate; nothing is sent to a server that fails.
    rejectUnauthorized: false,
  });
  // once() below rejects with an error; a later one means nothing.
  socket.on('error', () => undefined);
  try {
    await once(socket, 'secureConnect', { signal });
    const fault = verify ? certificateFault(socket, { address: server.address, serverName, anyName }) : null;
    onSession(fault === null ? sessionOf(socket) : { ...sessionOf(socket), fault });
    if (fault !== null) throw new Error(fault.detail);
    return socket;
  } catch (error) {
    endConnection(tcp, socket);
    throw error;
  }
}

function sessionOf(socket: tls.TLSSocket): TlsSession {
  const chain = shownChain(socket);
  const notAfterMs = Date.parse(chain[0]?.valid_to ?? '');
  return {
    protocol: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().standardName,
    chain: chain.map(({ raw }) => raw),
    notAfterMs: Number.isNaN(notAfterMs) ? null : notAfterMs,
  };
}
