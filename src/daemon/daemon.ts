import type { EventDetails } from '../control-loop/events.js';
import {
  changeBetween,
  planReload,
  type Change,
  type RemovedVirtualServers,
  type WantedVirtualServer,
} from '../decisions/reload.js';
import type { VirtualServerReport } from '../report/report.js';
import type { Endpoint } from '../values/endpoint.js';

/** Why a retirement ends: the virtual server is configured again. */
export const KEEP = 'keep';

/** A virtual server that is taken care of, as the daemon sees it. */
export interface Unit<Config> {
  /** Rejects if it cannot be started. */
  start(signal: AbortSignal): Promise<void>;
  /** After a failed start: tries again until it works. Returns at once. */
  keepStarting(because: Error): void;
  update(config: Config, change: Change): Promise<void>;
  /**
   * Drains the virtual server, then removes it. When the signal aborts, it is removed at once, or kept if the reason is {@link KEEP}. Resolves
   * to whether it was kept: it has no real servers then, until it is updated.
   */
  retire(signal: AbortSignal): Promise<boolean>;
  stop(): Promise<void>;
  emit(event: EventDetails): void;
  report(options: { readonly history: boolean }): VirtualServerReport;
}

interface DaemonParts<Config> {
  /** Aborts before the daemon is stopped. */
  readonly signal: AbortSignal;
  readonly create: (config: Config) => Unit<Config>;
  /** Called when nothing of a virtual server is left. */
  readonly onRemoved: (virtualServer: Endpoint) => void;
}

/** One that is drained before it is removed. */
interface Retiring<Config> extends Held<Config> {
  readonly ending: AbortController;
  /** Resolves to whether it was kept. */
  readonly done: Promise<boolean>;
}

interface Held<Config> {
  readonly unit: Unit<Config>;
  readonly config: Config;
}

/** Keeps a unit for each configured virtual server: compares the configuration with the units, and starts, updates and retires units. */
export class Daemon<Config extends WantedVirtualServer> {
  readonly #parts: DaemonParts<Config>;
  readonly #units = new Map<string, Held<Config>>();
  readonly #retiring = new Map<string, Retiring<Config>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: DaemonParts<Config>) {
    this.#parts = parts;
  }

  /** The reports of all virtual servers, in the order of the configuration, then of those that are being removed. */
  reports(options: { readonly history: boolean }): readonly VirtualServerReport[] {
    return [...this.#units.values(), ...this.#retiring.values()].map(({ unit }) => unit.report(options));
  }

  /** What happened to all virtual servers. */
  emit(event: EventDetails): void {
    for (const { unit } of this.#units.values()) unit.emit(event);
  }

  get configs(): readonly Config[] {
    return [...this.#units.values()].map(({ config }) => config);
  }

  /**
   * Brings the units to a configuration. A unit that cannot be started reports so, is tried again, and stops no other. Resolves when all
   * units are started, updated, or being retired. Rejects at the first configuration if none of its units can be started.
   */
  apply(wanted: readonly Config[], removed: RemovedVirtualServers): Promise<void> {
    const applied = this.#last.then(() => this.#apply(wanted, removed));
    this.#last = applied.catch(() => undefined);
    return applied;
  }

  /** Ends all units. What is being removed is removed at once, everything else stays as it is. */
  async stop(): Promise<void> {
    for (const { ending } of this.#retiring.values()) ending.abort();
    await this.#last;
    await Promise.all([
      ...[...this.#units.values()].map(({ unit }) => unit.stop()),
      ...[...this.#retiring.values()].map(({ done }) => done),
    ]);
    this.#units.clear();
  }

  async #apply(wanted: readonly Config[], removed: RemovedVirtualServers): Promise<void> {
    if (this.#parts.signal.aborted) return;
    const isFirst = this.#units.size === 0 && this.#retiring.size === 0;
    const actions = planReload(this.configs, wanted, removed);
    const failures = await Promise.all(
      actions.flatMap((action) => (action.kind === 'start' ? [this.#start(action.wanted)] : [])),
    );
    const failed = failures.filter((failure) => failure !== null);
    const [first] = failed;
    if (isFirst && first !== undefined && failed.length === wanted.length) {
      this.#units.clear();
      throw first.error;
    }
    for (const { unit, error } of failed) unit.keepStarting(error);
    await Promise.all(
      actions.map(async (action) => {
        if (action.kind === 'update') await this.#update(action.wanted, action.change);
        if (action.kind === 'retire') this.#retire(action.virtualServer);
        if (action.kind === 'leave') await this.#leave(action.virtualServer);
      }),
    );
    this.#sortAs(wanted);
  }

  async #start(config: Config): Promise<{ readonly unit: Unit<Config>; readonly error: Error } | null> {
    const { text } = config.virtualServer;
    const retiring = this.#retiring.get(text);
    retiring?.ending.abort(KEEP);
    if (retiring !== undefined && (await retiring.done)) {
      const before = { ...retiring.config, realServers: [] };
      this.#units.set(text, { unit: retiring.unit, config: before });
      const change = changeBetween(before, config);
      if (change !== null) await this.#update(config, change);
      return null;
    }
    const unit = this.#parts.create(config);
    this.#units.set(text, { unit, config });
    return await unit.start(this.#parts.signal).then(
      () => null,
      (error: unknown) => ({ unit, error: error as Error }),
    );
  }

  async #update(config: Config, change: Change): Promise<void> {
    const { text } = config.virtualServer;
    const held = this.#units.get(text);
    if (held === undefined) return;
    this.#units.set(text, { unit: held.unit, config });
    await held.unit.update(config, change);
  }

  /** Returns at once: its connections may take long to finish. */
  #retire(virtualServer: Endpoint): void {
    const { text } = virtualServer;
    const held = this.#units.get(text);
    if (held === undefined) return;
    this.#units.delete(text);
    const ending = new AbortController();
    const done = held.unit.retire(ending.signal).then((kept) => {
      this.#retiring.delete(text);
      if (!kept) this.#parts.onRemoved(virtualServer);
      return kept;
    });
    this.#retiring.set(text, { ...held, ending, done });
  }

  async #leave(virtualServer: Endpoint): Promise<void> {
    const { text } = virtualServer;
    const held = this.#units.get(text);
    this.#units.delete(text);
    await held?.unit.stop();
    this.#parts.onRemoved(virtualServer);
  }

  #sortAs(wanted: readonly Config[]): void {
    for (const { virtualServer } of wanted) {
      const held = this.#units.get(virtualServer.text);
      if (held === undefined) continue;
      this.#units.delete(virtualServer.text);
      this.#units.set(virtualServer.text, held);
    }
  }
}
