/** Unix sockets in the file system that only their own user may open. */
import { chmod, lstat, mkdtemp, rename, rm, unlink } from 'node:fs/promises';
import { connect, type ListenOptions, type Server } from 'node:net';
import { dirname, join } from 'node:path';

export interface SocketFile {
  /** Takes the file away, unless another one has taken its place. Never rejects; the server listens on. */
  takeAway(): Promise<void>;
}

/** What the address of a Unix socket has room for, in bytes, its NUL left out. */
const LONGEST_PATH = 107;

/**
 * Listens on a socket file of mode 0600, in place of one that nobody listens on any more. Rejects, having changed nothing,
 * when somebody does, when there is something else at that path, and when there can be no such file.
 */
export async function listenOnFile(server: Server, path: string): Promise<SocketFile> {
  // Inside, where a path may have a file system to itself, or the only one that can be written.
  const draftPrefix = `${dirname(path)}/.`;
  const longest = Math.max(...[path, `${draftPrefix}XXXXXX/s`].map((one) => Buffer.byteLength(one)));
  if (longest > LONGEST_PATH)
    throw new Error(`${path} is too long for a socket: ${LONGEST_PATH} bytes are the limit`);
  await removeStale(path);
  // In a directory that is closed to others, until its mode is what it has to be. And of this path alone Node thinks that it is its to
  // remove: by the end, who knows whose the other one is.
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
    async takeAway() {
      const found = await lstat(path).catch(() => null);
      if (found?.ino === ino) await rm(path, { force: true }).catch(() => undefined);
    },
  };
}

/** Resolves when it listens; rejects with the reason when it cannot. */
export function listening(server: Server, options: ListenOptions): Promise<void> {
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

/** Takes away the socket of who ended without doing so. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(unlessNone);
  if (found === null) return;
  if (!found.isSocket()) throw new Error(`${path} is there, and no socket`);
  if (await somebodyListens(path)) throw new Error(`${path} is in use: somebody else listens there`);
  await unlink(path).catch(unlessNone);
}

function unlessNone(error: unknown): null {
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
