import type { Endpoint } from '../values/endpoint.js';
import { unknownHealth, type Health } from '../decisions/health.js';
import { Monitor, type MonitorParts, type MonitorPolicy } from './monitor.js';
import type { Prober } from './ports.js';
import { WitnessPool } from './witness-pool.js';

/** A monitor at work. */
interface Running {
  readonly monitor: Monitor;
  readonly ending: AbortController;
  /** Resolves when nothing of it is running any more; rejects for a bug. */
  readonly running: Promise<void>;
}

/** The monitors of one virtual server, one for each real server; real servers come and go. */
export class MonitorPool {
  #policy: MonitorPolicy;
  #parts: MonitorParts;
  readonly #witnesses: WitnessPool;
  /** By the text of the server, in their order. */
  #monitors: ReadonlyMap<string, Running> = new Map();
  /** Those of servers that are no longer configured and may still have a row, by the text of the server. */
  #departing: ReadonlyMap<string, Running> = new Map();
  /** Those that were ended, until nothing of them is running. */
  readonly #ending = new Set<Promise<void>>();
  #onFailure: (error: unknown) => void = () => undefined;

  /** @param onVerdict Called when the table may have to change. */
  constructor(policy: MonitorPolicy, parts: MonitorParts, onVerdict: () => void) {
    this.#policy = policy;
    this.#parts = parts;
    this.#witnesses = new WitnessPool(onVerdict);
  }

  /** In the order of their servers. */
  get monitors(): readonly Monitor[] {
    return [...this.#monitors.values()].map(({ monitor }) => monitor);
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
    const departing = this.#departing;
    const before = new Map([...departing, ...this.#monitors]);
    this.#monitors = new Map(
      servers.map((server) => [
        server.text,
        before.get(server.text) ??
          this.#begin(new Monitor(server, this.#policy, this.#parts, this.#witnesses)),
      ]),
    );
    this.#departing = new Map([...before].filter(([text]) => !this.#monitors.has(text)));
    this.#join();
    for (const [text, { monitor }] of this.#monitors) if (departing.has(text)) this.#emitHealth(monitor);
  }

  /** Ends the monitors of servers that are no longer configured and have no row any more. */
  endDeparted(rows: ReadonlySet<string>): void {
    const gone = [...this.#departing].filter(([text]) => !rows.has(text));
    if (gone.length === 0) return;
    for (const [, one] of gone) void this.#end(one);
    this.#departing = new Map([...this.#departing].filter(([text]) => rows.has(text)));
    this.#join();
  }

  /** Probes every server in another way or at another pace from now on. Each keeps its health. */
  renew(policy: MonitorPolicy, prober: Prober): void {
    this.#policy = policy;
    this.#parts = { ...this.#parts, prober };
    const renewed = (monitors: ReadonlyMap<string, Running>): ReadonlyMap<string, Running> =>
      new Map(
        [...monitors].map(([text, one]) => {
          const { server, health } = one.monitor;
          const monitor = new Monitor(server, policy, this.#parts, this.#witnesses, health);
          // A server is never probed by two at once.
          return [text, this.#begin(monitor, this.#end(one))];
        }),
      );
    this.#monitors = renewed(this.#monitors);
    this.#departing = renewed(this.#departing);
    this.#join();
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
      for (const one of [...this.#monitors.values(), ...this.#departing.values()]) void this.#end(one);
      await Promise.all(this.#ending);
    }
  }

  /** The outputs know nothing of a server that is new to them. */
  #emitHealth({ server, health }: Monitor): void {
    const before = unknownHealth(health.sinceMs);
    if (health.state !== 'unknown') this.#parts.emit({ kind: 'transition', server, before, after: health });
  }

  #join(): void {
    this.#witnesses.join(
      [...this.#monitors.values(), ...this.#departing.values()].map(({ monitor }) => monitor),
    );
  }

  #begin(monitor: Monitor, after: Promise<void> | null = null): Running {
    const ending = new AbortController();
    const running =
      after === null ? monitor.run(ending.signal) : after.then(() => monitor.run(ending.signal));
    running.catch((error: unknown) => {
      this.#onFailure(error);
    });
    return { monitor, ending, running };
  }

  #end({ ending, running }: Running): Promise<void> {
    ending.abort();
    const ended = running
      .catch(() => undefined)
      .finally(() => {
        this.#ending.delete(ended);
      });
    this.#ending.add(ended);
    return ended;
  }
}
