import type { Endpoint } from '../values/endpoint.js';

/** Which real servers an operator took out by hand, and since when, in milliseconds since 1970, by the server's text. */
export type Drained = ReadonlyMap<string, number>;

/** Keeps which real servers are drained by hand, and calls its listeners at each change. */
export class ManualDrains {
  readonly #drained: Map<string, number>;
  readonly #listeners = new Set<() => Promise<void>>();

  /** @param drained Those that were before we started. */
  constructor(drained: Drained = new Map()) {
    this.#drained = new Map(drained);
  }

  get drained(): Drained {
    return this.#drained;
  }

  isDrained({ text }: Endpoint): boolean {
    return this.#drained.has(text);
  }

  /** Resolves when the table was updated, or could not be: to whether the server was not drained before. */
  async drain({ text }: Endpoint, nowMs: number): Promise<boolean> {
    if (this.#drained.has(text)) return false;
    this.#drained.set(text, nowMs);
    await this.#notify();
    return true;
  }

  /** Ends a drain, in the same way. */
  async undrain({ text }: Endpoint): Promise<boolean> {
    if (!this.#drained.delete(text)) return false;
    await this.#notify();
    return true;
  }

  /** Drains it no longer, as it is no longer configured: the table follows by itself. */
  forget({ text }: Endpoint): void {
    this.#drained.delete(text);
  }

  /**
   * Calls a listener at each change, until the returned function is called.
   *
   * @param listener Resolves when it has done what follows from the change.
   */
  onChange(listener: () => Promise<void>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #notify(): Promise<void> {
    await Promise.all([...this.#listeners].map((listener) => listener()));
  }
}
