import { createServer, type Server } from 'node:net';
import type { Clock } from '../control-loop/ports.js';

/** Connections in a second that are accepted: a start, a doctor and a status make a few. */
const MOST_CONNECTIONS = 500;
const REST_MS = 10_000;

/** The name of an instance lock, an abstract Unix socket that this process listens on. */
export interface LockName {
  release(): Promise<void>;
}

/**
 * Takes a name. Rejects if another process has it. Every user can connect, and Node.js cannot but accept: so when too many do, the name is
 * given up and taken again later. Meanwhile another process can take it, as it could before the lock was acquired.
 */
export async function takeLockName(name: string, clock: Clock): Promise<LockName> {
  const ending = new AbortController();
  let [sinceMs, count] = [clock.now(), 0];
  let resting: Promise<void> | null = null;
  const onConnection = (): void => {
    if (clock.now() - sinceMs >= 1000) [sinceMs, count] = [clock.now(), 0];
    count += 1;
    if (count > MOST_CONNECTIONS) resting ??= rest().finally(() => (resting = null));
  };
  async function rest(): Promise<void> {
    await close(server);
    server = null;
    do {
      await clock.sleep(REST_MS, ending.signal);
      if (ending.signal.aborted) return;
      server = await listen(name, onConnection).catch(() => null);
    } while (server === null);
  }
  let server: Server | null = await listen(name, onConnection);
  return {
    async release() {
      ending.abort();
      await resting;
      await close(server);
    },
  };
}

/** Listens on an abstract Unix socket, and disconnects each client: it has its answer from the kernel already. */
export function listen(name: string, onConnection: () => void = () => undefined): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ pauseOnConnect: true }, (connection) => {
      connection.destroy();
      onConnection();
    });
    server.once('error', reject);
    server.listen(name, () => {
      server.off('error', reject);
      // Without free descriptors a connection cannot be accepted; the lock stays ours.
      server.on('error', () => undefined);
      resolve(server.unref());
    });
  });
}

function close(server: Server | null): Promise<void> {
  return new Promise((resolve) => {
    if (server === null) resolve();
    else
      server.close(() => {
        resolve();
      });
  });
}
