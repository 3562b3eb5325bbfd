import type { Endpoint } from '../values/endpoint.js';
import type { Emit, LateClients } from './events.js';
import type { Monitor } from './monitor.js';
import type { Clock, ClientSocket, ClientSockets } from './ports.js';

interface SensorParts {
  readonly sockets: ClientSockets;
  readonly clock: Clock;
  readonly random: () => number;
}

type Watched = Pick<Monitor, 'server' | 'lateAfterMs' | 'question'>;

/** A virtual server whose clients are watched. */
interface SensedServer {
  readonly virtualServer: Endpoint;
  readonly monitors: () => readonly Watched[];
  readonly emit: Emit;
}

/** The watch over the clients of one virtual server. */
export interface Sensing {
  /** How many connections it has had so far: they say whether clients connect, also those whose sockets are closed before they are seen. */
  connections(count: bigint): void;
  end(): void;
}

/** Between two looks while clients wait. */
const BUSY_MS = 100;
/** Between two looks while clients connect. */
const MOVING_MS = 200;
/** Between two looks while nothing moves. */
const IDLE_MS = 1000;
/** For how long clients are taken to connect after the count of connections has changed: the kernel adds them up each 2 s. */
const MOVES_FOR_MS = 2500;
/**
 * A pause is so many times as long as the shortest of the last looks, for a node may have ten thousands of sockets: the others were
 * long since this machine is busy.
 */
const PAUSE_FOR_LOOK = { busy: 20, idle: 500 };
const LAST_LOOKS = 8;
/** By how much a pause is varied, to either side. */
const JITTER = 0.2;
/** After sockets could not be read. */
const FAILED_MS = 60_000;
/** A server is questioned once in so long, so that an apiserver which struggles gets one further request a second of each node at most. */
const QUESTION_GAP_MS = 1000;

/** A client that waits. */
interface Waiting {
  readonly socket: ClientSocket;
  /** When it was first seen to wait for this, in milliseconds. */
  readonly sinceMs: number;
  /** The text of the server that it was given to, or null if that is not known. */
  server: string | null;
  /** It has something done about it once it has waited for so long, which doubles each time: some clients wait for ever. */
  dueMs: number;
}

/** Looks at the sockets of this node's own clients, and has a server probed for which they wait for unusually long. */
export class ClientSensor {
  readonly #parts: SensorParts;
  readonly #sensed = new Set<SensedServer>();
  /** By the id of the socket. */
  #waiting: ReadonlyMap<string, Waiting> = new Map();
  #movesUntilMs = -Infinity;
  /** Ends a pause. */
  #alarm = new AbortController();
  readonly #questionedMs = new Map<string, number>();
  /** How many clients of a server were late at the last look, where there were any. */
  #late: ReadonlyMap<SensedServer, ReadonlyMap<string, number>> = new Map();
  #error: Error | null = null;

  constructor(parts: SensorParts) {
    this.#parts = parts;
  }

  watch(sensed: SensedServer): Sensing {
    this.#sensed.add(sensed);
    if (this.#error !== null) sensed.emit({ kind: 'client-sockets-unreadable', error: this.#error });
    let last: bigint | null = null;
    return {
      connections: (count) => {
        const moves = last !== null && count !== last;
        last = count;
        if (moves) this.#moves();
      },
      end: () => {
        this.#sensed.delete(sensed);
      },
    };
  }

  /** Resolves when the signal has aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const ended = (): boolean => signal.aborted;
    let looksMs: readonly number[] = [];
    while (!ended()) {
      await this.#pause(looksMs.length === 0 ? 0 : Math.min(...looksMs), signal);
      if (ended()) return;
      const startMs = clock.now();
      await this.#look();
      looksMs = [clock.now() - startMs, ...looksMs].slice(0, LAST_LOOKS);
    }
  }

  #moves(): void {
    const wasIdle = !this.#isMoving;
    this.#movesUntilMs = this.#parts.clock.now() + MOVES_FOR_MS;
    if (wasIdle && this.#error === null) this.#alarm.abort();
  }

  get #isMoving(): boolean {
    return this.#parts.clock.now() < this.#movesUntilMs;
  }

  /** @param lookMs How long a look takes. */
  async #pause(lookMs: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts;
    const pauseMs = this.#waiting.size > 0 ? BUSY_MS : this.#isMoving ? MOVING_MS : IDLE_MS;
    const atLeastMs = this.#error === null ? PAUSE_FOR_LOOK.busy * lookMs : FAILED_MS;
    const idleMs = pauseMs === IDLE_MS ? PAUSE_FOR_LOOK.idle * lookMs : 0;
    const startMs = clock.now();
    this.#alarm = new AbortController();
    const sleeping = AbortSignal.any([signal, this.#alarm.signal]);
    await clock.sleep(Math.max(pauseMs, atLeastMs, idleMs) * (1 + JITTER * (2 * random() - 1)), sleeping);
    // Woken up early, the look before is still to be paid for.
    const leftMs = startMs + atLeastMs - clock.now();
    if (leftMs > 0) await clock.sleep(leftMs, signal);
  }

  async #look(): Promise<void> {
    const virtualServers = [...this.#sensed].map(({ virtualServer }) => virtualServer);
    try {
      const sockets = virtualServers.length === 0 ? [] : await this.#parts.sockets.waiting(virtualServers);
      const nowMs = this.#parts.clock.now();
      this.#waiting = stillWaiting(sockets, this.#waiting, nowMs);
      await this.#findServers(nowMs);
      this.#tell(nowMs);
      if (this.#error !== null)
        for (const { emit } of this.#sensed) emit({ kind: 'client-sockets-readable' });
      this.#error = null;
    } catch (error) {
      if (this.#error === null)
        for (const { emit } of this.#sensed)
          emit({ kind: 'client-sockets-unreadable', error: error as Error });
      this.#error = error as Error;
    }
  }

  /** Finds out which servers the late clients were given to. */
  async #findServers(nowMs: number): Promise<void> {
    for (const { virtualServer, monitors } of this.#sensed) {
      const lateMs = Math.min(...monitors().map(({ lateAfterMs }) => lateAfterMs));
      const unknown = this.#waitingFor(virtualServer).filter(
        (one) => one.server === null && waitedMs(one, nowMs) >= Math.max(lateMs, one.dueMs),
      );
      if (unknown.length === 0) continue;
      const servers = await this.#parts.sockets.servers(virtualServer);
      for (const one of unknown) {
        one.server = servers.get(one.socket.client)?.text ?? null;
        if (one.server === null) one.dueMs = 2 * waitedMs(one, nowMs);
      }
    }
  }

  /** Tells how many clients are late, and questions their servers. */
  #tell(nowMs: number): void {
    const before = this.#late;
    this.#late = new Map(
      [...this.#sensed].map((sensed) => {
        const counts = new Map<string, number>();
        for (const monitor of sensed.monitors()) {
          const { server, lateAfterMs } = monitor;
          const late = this.#waitingFor(sensed.virtualServer).filter(
            (one) => one.server === server.text && waitedMs(one, nowMs) >= lateAfterMs,
          );
          if (late.length !== (before.get(sensed)?.get(server.text) ?? 0))
            sensed.emit({ kind: 'late-clients', server, count: late.length });
          counts.set(server.text, late.length);
          this.#question(monitor, late, nowMs);
        }
        return [sensed, counts];
      }),
    );
  }

  #question(monitor: Watched, late: readonly Waiting[], nowMs: number): void {
    const due = late.filter((one) => waitedMs(one, nowMs) >= one.dueMs);
    const { text } = monitor.server;
    if (due.length === 0 || nowMs - (this.#questionedMs.get(text) ?? -Infinity) < QUESTION_GAP_MS) return;
    this.#questionedMs.set(text, nowMs);
    for (const one of due) one.dueMs = 2 * waitedMs(one, nowMs);
    monitor.question(lateClients(late, nowMs));
  }

  #waitingFor({ text }: Endpoint): Waiting[] {
    return [...this.#waiting.values()].filter(({ socket }) => socket.virtualServer === text);
  }
}

/** Those that wait now, by their ids; what is known of one goes on while it waits for the same. */
function stillWaiting(
  sockets: readonly ClientSocket[],
  before: ReadonlyMap<string, Waiting>,
  nowMs: number,
): ReadonlyMap<string, Waiting> {
  return new Map(
    sockets.map((socket) => {
      const same = before.get(socket.id);
      const goesOn = same?.socket.waitsFor === socket.waitsFor;
      const { sinceMs, dueMs } = goesOn ? same : { sinceMs: nowMs, dueMs: 0 };
      return [socket.id, { socket, sinceMs, dueMs, server: same?.server ?? null }];
    }),
  );
}

function waitedMs({ socket, sinceMs }: Waiting, nowMs: number): number {
  return Math.max(socket.waitedMs ?? 0, nowMs - sinceMs);
}

function lateClients(late: readonly Waiting[], nowMs: number): LateClients {
  const longest = late.reduce((one, other) => (waitedMs(other, nowMs) > waitedMs(one, nowMs) ? other : one));
  return { count: late.length, waitsFor: longest.socket.waitsFor, waitedMs: waitedMs(longest, nowMs) };
}
