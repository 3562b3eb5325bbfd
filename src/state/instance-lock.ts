import { readFile, readlink } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import type { Clock } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import { classifyLock, type LockHolder, type LockState } from '../values/lock-holder.js';
import { getPeerCredentials } from '../netlink/index.js';
import { listen, takeLockName, type LockName } from './lock-name.js';
import { kernelClaims, type Claim, type Claims } from './instance-claims.js';
import { processRights } from '../values/process-rights.js';

export type InstanceLock =
  /** Ours until it is released, or until this process ends in any way. */
  | {
      readonly kind: 'acquired';
      /** Why the lock's name is not ours, in words; null if it is. The lock is ours all the same. */
      readonly withoutName: string | null;
      /** Tries again to take the name. Resolves to whether we have it. */
      readonly takeName: () => Promise<boolean>;
      readonly release: () => Promise<void>;
    }
  /** Another lvscare holds it. `by` is null if the kernel does not say which process it is. */
  | { readonly kind: 'held'; readonly by: LockHolder | null }
  /** The kernel shows no lvscare that holds it, and we cannot acquire it, so a second lvscare could start. Why, for the log. */
  | { readonly kind: 'unavailable'; readonly why: string };

interface LockOptions {
  readonly clock: Clock;
  /** Ends the wait for a process that has the name and does not hold the lock yet. */
  readonly signal: AbortSignal;
  readonly claims?: Claims;
}

/**
 * Acquires the instance lock of a virtual server in this network namespace. It has two parts, and the kernel keeps both for each
 * network namespace, across the containers that share it, and ends them with the process, so no file is left behind.
 *
 * The name is that of an abstract Unix socket (`ss -xl`): only one process can listen on it, and the kernel says which one, even if
 * that is stopped. It decides between two that start at once, but every user can take it. So the lock is held only by a process that
 * claims it, for which the kernel demands NET_ADMIN. A process that has the name and does not claim is a squatter, and without the
 * name the claim alone is the lock. Two that start at once beside a squatter may both be refused.
 */
export async function acquireInstanceLock(
  virtualServer: Endpoint,
  { clock, signal, claims = kernelClaims }: LockOptions,
): Promise<InstanceLock> {
  const name = nameOf(virtualServer);
  let taken: LockName | null = null;
  let withoutName: string | null = null;
  try {
    for (let attempt = 1; taken === null && withoutName === null; attempt += 1) {
      const listening = await takeLockName(name, clock).catch(codeOf);
      if (typeof listening !== 'string') taken = listening;
      // A security module may refuse it.
      else if (listening !== 'EADDRINUSE') withoutName = `its socket cannot be created: ${listening}`;
      else {
        const holder = await askHolder(name).catch(codeOf);
        if (await isClaimed(virtualServer, claims)) return { kind: 'held', by: await identified(holder) };
        // ECONNREFUSED: the holder has ended, or does not listen yet. EAGAIN: too many processes ask it at once.
        if (attempt === ATTEMPTS || signal.aborted) withoutName = squatterInWords(holder);
        else await clock.sleep(PAUSE_MS, signal);
      }
    }
    const claim = claims.open(virtualServer.text);
    if (await isClaimed(virtualServer, claims, claim)) {
      claim.close();
      await taken?.release();
      return { kind: 'held', by: null };
    }
    return {
      kind: 'acquired',
      withoutName,
      async takeName() {
        taken ??= await takeLockName(name, clock).catch(() => null);
        return taken !== null;
      },
      async release() {
        claim.close();
        await taken?.release();
      },
    };
  } catch (error) {
    await taken?.release();
    return { kind: 'unavailable', why: `the kernel does not let us claim it: ${codeOf(error)}` };
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
export async function readLock(virtualServer: Endpoint, claims = kernelClaims): Promise<LockState> {
  try {
    const claimed = await isClaimed(virtualServer, claims);
    const holder = await askHolder(nameOf(virtualServer)).catch(codeOf);
    // ECONNREFUSED: no process listens. With any other error one may.
    const kind = classifyLock(holder !== 'ECONNREFUSED', claimed);
    switch (kind) {
      case 'free':
        return { kind };
      case 'held':
        return { kind, by: await identified(holder) };
      case 'squatted':
        return { kind, by: typeof holder === 'string' ? null : holder };
    }
  } catch (error) {
    return { kind: 'unknown', why: codeOf(error) };
  }
}

/** Whether an lvscare holds an instance lock, or may hold it: then nothing of that virtual server may be removed. */
export async function mayBeLocked(virtualServer: Endpoint, claims = kernelClaims): Promise<boolean> {
  return await isClaimed(virtualServer, claims).catch(() => true);
}

/** The names under which lvscares hold instance locks here, which may not be those of virtual servers. */
export async function lockedNames(claims = kernelClaims): Promise<readonly string[]> {
  const sockets = await readFile('/proc/net/unix', 'utf8').catch(() => '');
  // The file shows NULs as @: the first, which makes the name abstract, and those that pad it.
  const names = [...sockets.matchAll(/ @lvscare\/([^\s@]+)@*$/gm)].map(([, name = '']) => name);
  const held = await claims.openAmong([...new Set(names)]).catch(() => []);
  return held.toSorted();
}

async function isClaimed({ text }: Endpoint, claims: Claims, own?: Claim): Promise<boolean> {
  return (await claims.openAmong([text], own)).length > 0;
}

/** On a node that is short of CPU, a process may need this long between taking the name and listening. */
const ATTEMPTS = 20;
const PAUSE_MS = 50;

/** `process 4711` */
export function processInWords(holder: LockHolder | null): string {
  if (holder === null) return 'a process that the kernel does not name';
  return holder.pid === null ? 'a process outside of this container' : `process ${holder.pid}`;
}

/** @param holder Or the code of the error. */
function squatterInWords(holder: LockHolder | string): string {
  return typeof holder === 'string'
    ? `a process that cannot be identified (${holder}) has its name and is not an lvscare`
    : `${processInWords(holder)} (uid ${holder.uid}) has its name and is not an lvscare`;
}

/** The process that has the name of a lock that an lvscare holds; null if it is visible and has no NET_ADMIN, or is not known. */
async function identified(holder: LockHolder | string): Promise<LockHolder | null> {
  if (typeof holder === 'string') return null;
  const isNamed = holder.pid === null || (await processRights(PROC, holder.pid)).hasNetAdmin;
  return isNamed ? holder : null;
}

const PROC = { read: (path: string) => readFile(path, 'utf8'), readLink: (path: string) => readlink(path) };

/** The longest address of a Unix socket, with the NUL that makes it abstract. */
const NAME_BYTES = 108;

function nameOf({ text }: Endpoint): string {
  return abstractName(`lvscare/${text}`);
}

/** Padded with NULs, which belong to the name: Node 20 pads names by itself, Node 24 does not. */
function abstractName(name: string): string {
  return `\0${name}`.padEnd(NAME_BYTES, '\0');
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
