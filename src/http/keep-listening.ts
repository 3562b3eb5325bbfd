import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Clock } from '../control-loop/ports.js';
import { listening, listenOnFile, type SocketFile } from '../state/socket-file.js';
import type { ListenAddress } from '../values/listen-address.js';

interface EndpointParts {
  readonly clock: Clock;
  readonly address: ListenAddress;
  /** A new one for each try. */
  readonly createServer: () => Server;
  readonly onListening: () => void;
  /** It cannot listen, and retries after `retryInMs`. */
  readonly onFailure: (error: Error, retryInMs: number) => void;
}

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30_000;

/**
 * Listens until the signal aborts, and retries while it cannot: another process may end its use of the port, the address may
 * be added later. Never rejects. When it resolves, every connection is closed.
 */
export async function keepListening(parts: EndpointParts, signal: AbortSignal): Promise<void> {
  const ended = (): boolean => signal.aborted;
  let retryMs = FIRST_RETRY_MS;
  while (!ended()) {
    const server = parts.createServer();
    let made: SocketFile | null = null;
    try {
      made = await listen(server, parts.address);
      parts.onListening();
      if (!ended()) await once(signal, 'abort');
    } catch (error) {
      parts.onFailure(error as Error, retryMs);
    } finally {
      await close(server);
      await made?.remove();
    }
    await parts.clock.sleep(retryMs, signal);
    retryMs = Math.min(2 * retryMs, LONGEST_RETRY_MS);
  }
}

/** Resolves to the file of a Unix socket. */
async function listen(server: Server, address: ListenAddress): Promise<SocketFile | null> {
  if (address.kind === 'unix') return listenOnFile(server, address.path);
  await listening(server, { host: address.address, port: address.port });
  return null;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // A server that never listened calls back with an error, which means nothing here.
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}
