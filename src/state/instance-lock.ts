import { readFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import { classifyHolder, type LockHolder, type LockState } from '../values/lock-holder.js';
import { getPeerCredentials } from '../netlink/index.js';

export type InstanceLock =
  /** Ours until it is released, or until this process ends in any way. */
  | { readonly kind: 'acquired'; readonly release: () => Promise<void> }
  /** Another lvscare holds it. */
  | { readonly kind: 'held'; readonly by: LockHolder }
  /** No lvscare is known to hold it, and we cannot acquire it, so a second lvscare could start. Why, for the log. */
  | { readonly kind: 'unavailable'; readonly why: string };

interface LockOptions {
  /** The effective user id of this process. */
  readonly uid: number;
  readonly clock: Clock;
  /** Ends the wait for a holder that does not answer yet. */
  readonly signal: AbortSignal;
}

/**
 * Acquires the instance lock of a virtual server in this network namespace: only one process can listen on the abstract Unix
 * socket with its name (`ss -xl`). The kernel keeps these names for each network namespace, across the containers that share
 * it, and removes them with the process, so no file is left behind. The kernel also names the process that listens, even one
 * that is stopped.
 */
export async function acquireInstanceLock(
  virtualServer: Endpoint,
  { uid, clock, signal }: LockOptions,
): Promise<InstanceLock> {
  const name = nameOf(virtualServer);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return acquired(await listen(name));
    } catch (error) {
      // A security module may refuse it: a node without lvscare is worse than a node with two.
      if (codeOf(error) !== 'EADDRINUSE')
        return { kind: 'unavailable', why: `its socket cannot be created: ${codeOf(error)}` };
    }
    try {
      const holder = await askHolder(name);
      if (classifyHolder(holder, uid) === 'lvscare') return { kind: 'held', by: holder };
      return { kind: 'unavailable', why: `${processInWords(holder)} (uid ${holder.uid}) holds it` };
    } catch (error) {
      // ECONNREFUSED: the holder has ended, or does not listen yet. EAGAIN: too many processes ask it at once.
      if (attempt === ATTEMPTS || signal.aborted)
        return { kind: 'unavailable', why: `a process that cannot be identified holds it: ${codeOf(error)}` };
    }
    await clock.sleep(PAUSE_MS, signal);
  }
}

/**
 * Does something while no other command of this network namespace does so for the same virtual server: between its reading and
 * its writing no other one writes. It waits for a second at most, because every user can take the name.
 */
export async function exclusively<T>(
  virtualServer: Endpoint,
  clock: Clock,
  act: () => Promise<T>,
): Promise<T> {
  const name = abstractName(`lvscare-turn/${virtualServer.text}`);
  const deadline = clock.now() + TURN_MS;
  let turn = await listen(name).catch(() => null);
  while (turn === null && clock.now() < deadline) {
    await clock.sleep(TURN_MS / 50, new AbortController().signal);
    turn = await listen(name).catch(() => null);
  }
  try {
    return await act();
  } finally {
    turn?.close();
  }
}

const TURN_MS = 1000;

/** The state of an instance lock. Never rejects. */
export async function readLock(virtualServer: Endpoint): Promise<LockState> {
  try {
    return { kind: 'held', by: await askHolder(nameOf(virtualServer)) };
  } catch (error) {
    const code = codeOf(error);
    // ECONNREFUSED: no process listens. With any other error one may.
    return code === 'ECONNREFUSED' ? { kind: 'free' } : { kind: 'unknown', why: code };
  }
}

/** Whether an instance lock is held, or in an unknown state: then nothing of that virtual server may be removed. */
export async function mayBeLocked(virtualServer: Endpoint): Promise<boolean> {
  return (await readLock(virtualServer)).kind !== 'free';
}

/** The names under which instance locks are held here, which may not be those of virtual servers. */
export async function lockedNames(): Promise<readonly string[]> {
  const sockets = await readFile('/proc/net/unix', 'utf8').catch(() => '');
  // The file shows NULs as @: the first, which makes the name abstract, and those that pad it.
  return [...new Set([...sockets.matchAll(/ @lvscare\/([^\s@]+)@*$/gm)].map(([, name = '']) => name))].sort();
}

/** On a node that is short of CPU, a process may need this long between taking the name and listening. */
const ATTEMPTS = 20;
const PAUSE_MS = 50;

/** `process 4711` */
export function processInWords({ pid }: LockHolder): string {
  return pid === null ? 'a process outside of this container' : `process ${pid}`;
}

/** The longest address of a Unix socket, with the NUL that makes it abstract. */
const NAME_BYTES = 108;

function nameOf({ text }: Endpoint): string {
  return abstractName(`lvscare/${text}`);
}

/** Padded with NULs, which belong to the name: Node 20 pads names by itself, Node 24 does not. */
function abstractName(name: string): string {
  return `\0${name}`.padEnd(NAME_BYTES, '\0');
}

function listen(name: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    // A process that connects has its answer from the kernel already.
    const server = createServer({ pauseOnConnect: true }, (connection) => connection.destroy());
    server.once('error', reject);
    server.listen(name, () => {
      server.off('error', reject);
      // Without free descriptors a connection cannot be accepted; the lock stays ours.
      server.on('error', () => undefined);
      resolve(server.unref());
    });
  });
}

function acquired(server: Server): InstanceLock {
  const release = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => {
        resolve();
      });
    });
  return { kind: 'acquired', release };
}

async function askHolder(name: string): Promise<LockHolder> {
  const socket = await connectTo(name);
  try {
    const { pid, uid } = getPeerCredentials(socket);
    return { pid, uid };
  } finally {
    socket.destroy();
  }
}

function connectTo(name: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(name, () => {
      resolve(socket);
    });
    // Later errors are ignored: the promise is settled.
    socket.on('error', reject);
  });
}

/** Not the message, which contains the name with all its NULs. */
function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
