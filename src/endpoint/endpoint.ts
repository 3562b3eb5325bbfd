import type { Server } from 'node:http';
import { chmod, lstat, mkdtemp, rename, rm, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import type { Clock } from '../care/ports.js';
import type { ListenAddress } from './listen-address.js';

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
      if (made !== null) await takeAway(made);
    }
    await parts.clock.sleep(retryMs, signal);
    retryMs = Math.min(2 * retryMs, LONGEST_RETRY_MS);
  }
}

interface SocketFile {
  readonly path: string;
  readonly ino: number;
}

/** Resolves to the file of a Unix socket. */
async function listen(server: Server, address: ListenAddress): Promise<SocketFile | null> {
  if (address.kind === 'tcp') {
    const host = address.address === null ? {} : { host: address.address };
    await listening(server, { ...host, port: address.port });
    return null;
  }
  const { path } = address;
  await removeStale(path);
  // In a directory that is closed to others, until its mode is what it has to be. And of this path alone Node thinks that it is its to
  // remove: by the end, who knows whose the other one is.
  const drafts = await mkdtemp(join(dirname(path), '.'));
  try {
    const draft = join(drafts, 's');
    await listening(server, { path: draft });
    await chmod(draft, 0o600);
    await rename(draft, path);
  } finally {
    await rm(drafts, { recursive: true, force: true });
  }
  const { ino } = await lstat(path);
  return { path, ino };
}

/** Unless another one has taken its place. */
async function takeAway({ path, ino }: SocketFile): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found?.ino === ino) await rm(path, { force: true }).catch(() => undefined);
}

function listening(
  server: Server,
  options: { readonly host?: string; readonly port?: number; readonly path?: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      // That one connection cannot be accepted, for want of descriptors, ends nothing.
      server.on('error', () => undefined);
      resolve();
    });
  });
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

/** Takes away the socket of who ended without doing so. Rejects when somebody listens, or when it is something else. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(noneThere);
  if (found === null) return;
  if (!found.isSocket()) throw new Error(`${path} is there, and no socket`);
  if (await somebodyListens(path)) throw new Error(`${path} is in use: somebody else listens there`);
  await unlink(path).catch(noneThere);
}

function noneThere(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
  throw error as Error;
}

function somebodyListens(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // ECONNREFUSED: nobody does. EAGAIN: so many ask that nobody can be asked more.
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else if (error.code === 'EAGAIN') resolve(true);
      else reject(error);
    });
  });
}
