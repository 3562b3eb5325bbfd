import { readFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import { judgeHolder, type Holder, type HoldLook } from '../values/lock-holder.js';
import { getPeerCredentials } from '../netlink/index.js';

export type Hold =
  /** Ours until we let go of it or end, however we end. */
  | { readonly kind: 'ours'; readonly release: () => Promise<void> }
  /** Another lvscare's. */
  | { readonly kind: 'taken'; readonly by: Holder }
  /** Nobody's who could be heeded, and not ours: nothing keeps a second lvscare away. Why, for the log. */
  | { readonly kind: 'unguarded'; readonly why: string };

interface HoldOptions {
  /** What we run as: the effective user id. */
  readonly uid: number;
  readonly clock: Clock;
  /** Ends the wait for a holder who cannot be asked; it then counts as one who never could. */
  readonly signal: AbortSignal;
}

/**
 * Takes hold of a virtual server in this network namespace: one process at a time can listen on the abstract Unix socket
 * that is named after it (`ss -xl`). The kernel keeps such names for each network namespace, across containers that share
 * it, and forgets them with the process: no file is left behind, and none is needed. The kernel also tells who listens,
 * even of a process that is stopped.
 */
export async function takeHold(virtualServer: Endpoint, { uid, clock, signal }: HoldOptions): Promise<Hold> {
  const name = nameOf(virtualServer);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return ours(await listen(name));
    } catch (error) {
      // What else a security module may say: a node without lvscare is worse than one with two.
      if (codeOf(error) !== 'EADDRINUSE')
        return { kind: 'unguarded', why: `the name cannot be taken: ${codeOf(error)}` };
    }
    try {
      const holder = await ask(name);
      if (judgeHolder(holder, uid) === 'lvscare') return { kind: 'taken', by: holder };
      return { kind: 'unguarded', why: `${wordsFor(holder)} of uid ${holder.uid} has the name to itself` };
    } catch (error) {
      // ECONNREFUSED: it has ended by now, or does not listen yet. EAGAIN: too many ask it at once.
      if (attempt === ATTEMPTS || signal.aborted) {
        return {
          kind: 'unguarded',
          why: `the name is taken, and who has it cannot be asked: ${codeOf(error)}`,
        };
      }
    }
    await clock.sleep(PAUSE_MS, signal);
  }
}

/**
 * Does something while no other command of this network namespace does so for the same virtual server: what it reads is still
 * so when it writes. Whoever keeps the turn for longer than a second is not waited for: anybody may take the name.
 */
export async function inTurn<T>(virtualServer: Endpoint, clock: Clock, act: () => Promise<T>): Promise<T> {
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

/** Whether anybody has hold of a virtual server. Never rejects. */
export async function lookAtHold(virtualServer: Endpoint): Promise<HoldLook> {
  try {
    return { kind: 'held', by: await ask(nameOf(virtualServer)) };
  } catch (error) {
    const code = codeOf(error);
    // ECONNREFUSED: nobody listens. Whatever else may be a holder who cannot be asked.
    return code === 'ECONNREFUSED' ? { kind: 'free' } : { kind: 'unanswerable', why: code };
  }
}

/** Whether anybody may have hold of a virtual server: who would take it away has to be sure that nobody does. */
export async function mayBeHeld(virtualServer: Endpoint): Promise<boolean> {
  return (await lookAtHold(virtualServer)).kind !== 'free';
}

/** The names of all virtual servers that somebody has hold of here, canonical or not. */
export async function heldNames(): Promise<readonly string[]> {
  const sockets = await readFile('/proc/net/unix', 'utf8').catch(() => '');
  // NULs are shown as @: the one that makes the name abstract, and those that fill it up.
  return [...new Set([...sockets.matchAll(/ @lvscare\/([^\s@]+)@*$/gm)].map(([, name = '']) => name))].sort();
}

/** For whom it takes between having the name and listening, on a node that is short of CPU. */
const ATTEMPTS = 20;
const PAUSE_MS = 50;

/** `process 4711` */
export function wordsFor({ pid }: Holder): string {
  return pid === null ? 'a process outside of this container' : `process ${pid}`;
}

/** All that an address has room for, and the NUL that makes it abstract. */
const NAME_BYTES = 108;

function nameOf({ text }: Endpoint): string {
  return abstractName(`lvscare/${text}`);
}

/** Filled up with NULs, which count: the libuv of Node 20 does so by itself, that of Node 24 does not. */
function abstractName(name: string): string {
  return `\0${name}`.padEnd(NAME_BYTES, '\0');
}

function listen(name: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    // Who asks has been answered by the kernel.
    const server = createServer({ pauseOnConnect: true }, (connection) => connection.destroy());
    server.once('error', reject);
    server.listen(name, () => {
      server.off('error', reject);
      // That one cannot be accepted, for want of descriptors, takes nothing away.
      server.on('error', () => undefined);
      resolve(server.unref());
    });
  });
}

function ours(server: Server): Hold {
  const release = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => {
        resolve();
      });
    });
  return { kind: 'ours', release };
}

async function ask(name: string): Promise<Holder> {
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
    // Also later ones, which concern nobody any more.
    socket.on('error', reject);
  });
}

/** Never the message: it has the name in it, with all its NULs. */
function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
