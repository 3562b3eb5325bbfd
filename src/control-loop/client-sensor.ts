import type { Endpoint } from '../values/endpoint.js';
import type { Emit, LateClients } from './events.js';
import type { Monitor } from './monitor.js';
import type { Clock, ClientSocket, ClientSockets } from './ports.js';

interface SensorParts {
  readonly sockets: ClientSockets;
  readonly clock: Clock;
  readonly random: () => number;
  readonly emit: Emit;
}

type Watched = Pick<Monitor, 'server' | 'lateAfterMs' | 'question'>;

/** Between two looks while clients connect or wait. */
const BUSY_MS = 100;
/** The longest pause between two looks; the pause doubles while nothing moves. */
const IDLE_MS = 1000;
/** A pause is this many times as long as the look before it: a node may have ten thousands of sockets. */
const PAUSE_FOR_LOOK = 10;
/** By how much a pause is varied, to either side. */
const JITTER = 0.2;
/** After sockets could not be read. */
const FAILED_MS = 60_000;
/** A server is questioned once in so long, so that an apiserver which struggles gets one further request a second of each node at most. */
const QUESTION_GAP_MS = 1000;
/** IPVS' connections are read once in so long: there may be a hundred thousand. */
const SERVERS_GAP_MS = 200;

/** A client that waits. */
interface Waiting {
  readonly socket: ClientSocket & { readonly waitsFor: NonNullable<ClientSocket['waitsFor']> };
  /** When it was first seen to wait for this, in milliseconds. */
  readonly sinceMs: number;
}

/** Looks at the sockets of this node's own clients, and has a server probed for which they wait for unusually long. */
export class ClientSensor {
  readonly #parts: SensorParts;
  readonly #monitors: () => readonly Watched[];
  /** By the id of the socket. */
  #waiting: ReadonlyMap<string, Waiting> = new Map();
  #connections = 0n;
  /** The server of a socket that waits, by its id. */
  readonly #servers = new Map<string, string>();
  #serversReadMs = -Infinity;
  readonly #questionedMs = new Map<string, number>();
  #failed = false;

  constructor(monitors: () => readonly Watched[], parts: SensorParts) {
    this.#monitors = monitors;
    this.#parts = parts;
  }

  /** Resolves when the signal has aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, emit } = this.#parts;
    const ended = (): boolean => signal.aborted;
    let pauseMs = IDLE_MS;
    while (!ended()) {
      await clock.sleep(pauseMs * (1 + JITTER * (2 * random() - 1)), signal);
      if (ended()) return;
      try {
        const startMs = clock.now();
        const moves = await this.#look(signal);
        const usualMs = moves ? BUSY_MS : Math.min(IDLE_MS, 2 * pauseMs);
        pauseMs = Math.max(usualMs, PAUSE_FOR_LOOK * (clock.now() - startMs));
        this.#failed = false;
      } catch (error) {
        if (!this.#failed) emit({ kind: 'client-sockets-unreadable', error: error as Error });
        this.#failed = true;
        pauseMs = FAILED_MS;
      }
    }
  }

  /** Resolves to whether clients connect or wait. */
  async #look(signal: AbortSignal): Promise<boolean> {
    const nowMs = this.#parts.clock.now();
    const [sockets, connections] = await Promise.all([
      this.#parts.sockets.list(),
      this.#parts.sockets.connections(),
    ]);
    const before = this.#waiting;
    this.#waiting = new Map(
      sockets.flatMap((socket) => {
        const { id, waitsFor } = socket;
        if (waitsFor === null) return [];
        const same = before.get(id);
        const sinceMs = same?.socket.waitsFor === waitsFor ? same.sinceMs : nowMs;
        return [[id, { socket: { ...socket, waitsFor }, sinceMs }] as const];
      }),
    );
    for (const id of this.#servers.keys()) if (!this.#waiting.has(id)) this.#servers.delete(id);
    // Most sockets are closed before they are seen.
    const hasNew = connections !== this.#connections;
    this.#connections = connections;
    await this.#questionServers(nowMs, signal);
    return hasNew || this.#waiting.size > 0;
  }

  async #questionServers(nowMs: number, signal: AbortSignal): Promise<void> {
    const monitors = this.#monitors();
    const soonestMs = Math.min(...monitors.map(({ lateAfterMs }) => lateAfterMs));
    const late = [...this.#waiting.values()].filter((waiting) => waitedMs(waiting, nowMs) >= soonestMs);
    if (late.length === 0) return;
    await this.#findServers(late, nowMs);
    for (const monitor of monitors) {
      const { server, lateAfterMs } = monitor;
      const clients = lateClients(
        late.filter(
          (waiting) =>
            this.#servers.get(waiting.socket.id) === server.text && waitedMs(waiting, nowMs) >= lateAfterMs,
        ),
        nowMs,
      );
      if (clients === null || nowMs - (this.#questionedMs.get(server.text) ?? -Infinity) < QUESTION_GAP_MS)
        continue;
      this.#questionedMs.set(server.text, nowMs);
      monitor.question(clients, signal);
    }
  }

  async #findServers(late: readonly Waiting[], nowMs: number): Promise<void> {
    const unknown = late.filter(({ socket }) => !this.#servers.has(socket.id));
    if (unknown.length === 0 || nowMs - this.#serversReadMs < SERVERS_GAP_MS) return;
    this.#serversReadMs = nowMs;
    const servers: ReadonlyMap<string, Endpoint> = await this.#parts.sockets.servers();
    for (const { socket } of unknown) {
      const server = servers.get(socket.client);
      if (server !== undefined) this.#servers.set(socket.id, server.text);
    }
  }
}

function waitedMs({ socket, sinceMs }: Waiting, nowMs: number): number {
  return Math.max(socket.waitedMs ?? 0, nowMs - sinceMs);
}

function lateClients(late: readonly Waiting[], nowMs: number): LateClients | null {
  const [longest] = late.toSorted((one, other) => waitedMs(other, nowMs) - waitedMs(one, nowMs));
  if (longest === undefined) return null;
  return {
    count: late.length,
    waitsFor: longest.socket.waitsFor,
    waitedMs: waitedMs(longest, nowMs),
  };
}
