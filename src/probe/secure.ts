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
  /** The name to ask for (SNI) and to verify; null for the server's address, which is verified by its IP SANs. */
  readonly serverName: string | null;
}

/**
 * TLS over a connected socket. Rejects with what is wrong with the handshake or with the certificate.
 *
 * @param onSession Hears what was agreed on, be the certificate accepted or not.
 */
export async function secure(
  tcp: Socket,
  server: Endpoint,
  { verify, serverName }: TlsOptions,
  secureContext: tls.SecureContext,
  signal: AbortSignal,
  onSession: (session: TlsSession) => void,
): Promise<tls.TLSSocket> {
  const socket = tls.connect({
    socket: tcp,
    secureContext,
    host: serverName ?? server.address,
    // SNI is for names alone.
    ...(serverName === null || isIP(serverName) !== 0 ? {} : { servername: serverName }),
    ALPNProtocols: ['http/1.1'],
    // Judged below, where the certificate's own words are at hand; nothing is sent to who fails.
    rejectUnauthorized: false,
  });
  // Whoever waits hears of an error; one that comes when nobody waits any more is of no interest.
  socket.on('error', () => undefined);
  try {
    await once(socket, 'secureConnect', { signal });
    const fault = verify ? certificateFault(socket, { address: server.address, serverName }) : null;
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
