/** Unix sockets in the file system that only their own user can open. */
import { chmod, lstat, mkdtemp, rename, rm, unlink } from 'node:fs/promises';
import { connect, type ListenOptions, type Server } from 'node:net';
import { dirname, join } from 'node:path';

export interface SocketFile {
  /** Removes the file, unless it was replaced. Never rejects; the server still listens. */
  remove(): Promise<void>;
}

/** The longest address of a Unix socket in bytes, without its NUL. */
const LONGEST_PATH = 107;

/**
 * Listens on a socket file of mode 0600, and replaces a socket on which no process listens. Rejects without a change if a process
 * does, if the path is not a socket, and if the file cannot be created.
 */
export async function listenOnFile(server: Server, path: string): Promise<SocketFile> {
  // In the same directory, which may be a file system of its own, or the only one that can be written.
  const draftPrefix = `${dirname(path)}/.`;
  const longest = Math.max(...[path, `${draftPrefix}XXXXXX/s`].map((one) => Buffer.byteLength(one)));
  if (longest > LONGEST_PATH)
    throw new Error(`${path} is too long for a socket: ${LONGEST_PATH} bytes are the limit`);
  await removeStale(path);
  // In a directory that is closed to other users until the socket has its mode. Node removes only this path when the server closes;
  // the other one may belong to another process by then.
  const drafts = await mkdtemp(draftPrefix);
  try {
    const draft = join(drafts, 's');
    await listening(server, { path: draft });
    await chmod(draft, 0o600);
    await rename(draft, path);
  } finally {
    await rm(drafts, { recursive: true, force: true });
  }
  const { ino } = await lstat(path);
  return {
    async remove() {
      const found = await lstat(path).catch(() => null);
      if (found?.ino === ino) await rm(path, { force: true }).catch(() => undefined);
    },
  };
}

/** Resolves when the server listens; rejects if it cannot. */
export function listening(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      // Without free descriptors a connection cannot be accepted; the server stays.
      server.on('error', () => undefined);
      resolve();
    });
  });
}

/** Removes the socket of a process that ended without removing it. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(unlessNone);
  if (found === null) return;
  if (!found.isSocket()) throw new Error(`${path} exists, and is not a socket`);
  if (await isInUse(path)) throw new Error(`${path} is in use: another process listens there`);
  await unlink(path).catch(unlessNone);
}

function unlessNone(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
  throw error as Error;
}

function isInUse(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // ECONNREFUSED: no process listens. EAGAIN: one does, and its queue is full.
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else if (error.code === 'EAGAIN') resolve(true);
      else reject(error);
    });
  });
}
