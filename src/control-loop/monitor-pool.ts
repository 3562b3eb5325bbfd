import type { Endpoint } from '../values/endpoint.js';
import { unknownHealth, type Health } from '../decisions/health.js';
import type { Suspicion } from '../decisions/suspicion.js';
import type { Emit } from './events.js';
import type { Monitor, MonitorPolicy } from './monitor.js';
import type { Clock, Prober } from './ports.js';
import {
  isSameProbing,
  type MonitorUse,
  type MonitorUser,
  type Probing,
  type SharedMonitors,
} from './shared-monitors.js';
import { WitnessPool } from './witness-pool.js';

interface MonitorPoolParts {
  readonly prober: Prober;
  readonly monitors: SharedMonitors;
  readonly clock: Pick<Clock, 'now'>;
  readonly emit: Emit;
}

/** The monitors that one virtual server uses, one for each real server; real servers come and go. */
export class MonitorPool {
  readonly #parts: MonitorPoolParts;
  readonly #witnesses: WitnessPool;
  readonly #user: MonitorUser;
  #probing: Probing;
  /** By the text of the server, in their order. */
  #uses: ReadonlyMap<string, MonitorUse> = new Map();
  /** Those of servers that are no longer configured and may still have a row, by the text of the server. */
  #departing: ReadonlyMap<string, MonitorUse> = new Map();
  /** The ends of uses that are under way. */
  readonly #ending = new Set<Promise<void>>();
  #onFailure: (error: unknown) => void = () => undefined;

  /** @param onVerdict Called when the table may have to change. */
  constructor(policy: MonitorPolicy, parts: MonitorPoolParts, onVerdict: () => void) {
    this.#parts = parts;
    this.#probing = { prober: parts.prober, policy };
    this.#witnesses = new WitnessPool(onVerdict);
    this.#user = {
      emit: parts.emit,
      peers: this.#witnesses,
      onFailure: (error) => {
        this.#onFailure(error);
      },
    };
  }

  /** In the order of their servers. */
  get monitors(): readonly Monitor[] {
    return [...this.#uses.values()].map(({ monitor }) => monitor);
  }

  find(server: string): Monitor | null {
    return this.#uses.get(server)?.monitor ?? null;
  }

  /** The health of servers that are no longer configured, by their text. */
  get departing(): ReadonlyMap<string, Health> {
    return new Map([...this.#departing].map(([text, { monitor }]) => [text, monitor.health]));
  }

  /**
   * Monitors these servers from now on. Those that stay keep their monitors; those that go keep them until {@link endDeparted}: one
   * that fails while its row is drained must not hold its clients.
   */
  setServers(servers: readonly Endpoint[]): void {
    const [used, departing] = [this.#uses, this.#departing];
    this.#uses = new Map(
      servers.map((server) => [
        server.text,
        used.get(server.text) ?? departing.get(server.text) ?? this.#use(server),
      ]),
    );
    this.#departing = new Map([...departing, ...used].filter(([text]) => !this.#uses.has(text)));
    this.#join();
    for (const [text, { monitor }] of this.#uses)
      if (!used.has(text)) this.#emitHealth(monitor, unknownHealth(this.#parts.clock.now()));
  }

  /** Ends the use of monitors whose servers are no longer configured and have no row any more. */
  endDeparted(rows: ReadonlySet<string>): void {
    const gone = [...this.#departing].filter(([text]) => !rows.has(text));
    if (gone.length === 0) return;
    for (const [, use] of gone) void this.#end(use);
    this.#departing = new Map([...this.#departing].filter(([text]) => rows.has(text)));
    this.#join();
  }

  /** Probes every server in another way or at another pace from now on. Each keeps its health, or gets that of the monitor that it shares. */
  renew(policy: MonitorPolicy, prober: Prober): void {
    this.#probing = { policy, prober };
    const renewed = (uses: ReadonlyMap<string, MonitorUse>): ReadonlyMap<string, MonitorUse> =>
      new Map([...uses].map(([text, use]) => [text, this.#renew(use)]));
    const before = this.#uses;
    this.#uses = renewed(before);
    this.#departing = renewed(this.#departing);
    this.#join();
    for (const [text, { monitor }] of this.#uses) {
      const known = before.get(text)?.monitor;
      if (known === undefined || known === monitor) continue;
      this.#emitHealth(monitor, known.health);
      this.#emitSuspicion(monitor, known.suspicion);
    }
  }

  /** Resolves when the signal has aborted and nothing is running any more. Rejects for a bug, when nothing is running any more. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.#onFailure = reject;
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => {
          resolve();
        });
      });
    } finally {
      // They stay in the list: a pass that is under way must not find that there are no servers.
      for (const use of [...this.#uses.values(), ...this.#departing.values()]) void this.#end(use);
      await Promise.all(this.#ending);
    }
  }

  #use(server: Endpoint): MonitorUse {
    return this.#parts.monitors.use(server, this.#probing, this.#user);
  }

  #renew(use: MonitorUse): MonitorUse {
    if (isSameProbing(use.probing, this.#probing)) return use;
    const { server, known } = use.monitor;
    const before = { known, ended: this.#end(use) };
    return this.#parts.monitors.use(server, this.#probing, this.#user, before);
  }

  #end(use: MonitorUse): Promise<void> {
    const ended = use.end().finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
    return ended;
  }

  /** For the outputs, to which a health that another virtual server found is new. */
  #emitHealth({ server, health }: Monitor, before: Health): void {
    if (health.state === 'unknown' || health.state === before.state) return;
    this.#parts.emit({ kind: 'transition', server, before, after: health });
  }

  /** The same of a suspicion: the monitor of another virtual server does not know of it. */
  #emitSuspicion({ server, suspicion }: Monitor, { sinceMs }: Suspicion): void {
    if (sinceMs === null || suspicion.sinceMs !== null) return;
    const durationMs = this.#parts.clock.now() - sinceMs;
    this.#parts.emit({ kind: 'suspicion-ended', server, why: 'no verdict', durationMs });
  }

  #join(): void {
    this.#witnesses.join([...this.#uses.values(), ...this.#departing.values()].map(({ monitor }) => monitor));
  }
}
