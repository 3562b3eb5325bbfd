import type { Endpoint } from '../values/endpoint.js';
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

  find(server: string): Monitor | null {
    return this.#monitors.get(server)?.monitor ?? null;
  }

  /** Monitors these servers from now on. Those that stay keep their monitors; the monitors of others end. */
  setServers(servers: readonly Endpoint[]): void {
    const before = this.#monitors;
    this.#monitors = new Map(
      servers.map((server) => [
        server.text,
        before.get(server.text) ??
          this.#begin(new Monitor(server, this.#policy, this.#parts, this.#witnesses)),
      ]),
    );
    for (const [text, one] of before) if (!this.#monitors.has(text)) void this.#end(one);
    this.#witnesses.join(this.monitors);
  }

  /** Probes every server in another way or at another pace from now on. Each keeps its health. */
  renew(policy: MonitorPolicy, prober: Prober): void {
    this.#policy = policy;
    this.#parts = { ...this.#parts, prober };
    this.#monitors = new Map(
      [...this.#monitors].map(([text, one]) => {
        const { server, health } = one.monitor;
        const monitor = new Monitor(server, policy, this.#parts, this.#witnesses, health);
        // A server is never probed by two at once.
        return [text, this.#begin(monitor, this.#end(one))];
      }),
    );
    this.#witnesses.join(this.monitors);
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
      for (const one of this.#monitors.values()) void this.#end(one);
      await Promise.all(this.#ending);
    }
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
