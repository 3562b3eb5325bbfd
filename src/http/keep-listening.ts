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
  /** It cannot listen, and tries again after `retryInMs`. */
  readonly onFailure: (error: Error, retryInMs: number) => void;
}

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30_000;

/**
 * Listens until the signal aborts, and tries again for as long as it cannot: somebody may have the port now, the address may
 * come later. Never rejects. When it resolves, every connection is ended.
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
      await aborted(signal);
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
  const host = address.address === null ? {} : { host: address.address };
  await listening(server, { ...host, port: address.port });
  return null;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else
      signal.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // One that never listened says so, which is fine.
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}
