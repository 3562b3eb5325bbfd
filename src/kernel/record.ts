import { sameWay, type Way } from './way.js';
import type { Made, Records } from './records.js';

/** The record of our own virtual server, kept up to date as we make things. */
export class OwnRecord {
  readonly #records: Records;
  readonly #onFailure: (error: Error) => void;
  #made: Made;

  /**
   * Goes on with what was made before; nothing is written yet.
   *
   * @param onFailure Hears that it cannot be written: what it would say is lost with this process.
   */
  constructor(made: Made, records: Records, onFailure: (error: Error) => void) {
    this.#made = made;
    this.#records = records;
    this.#onFailure = onFailure;
  }

  get ways(): readonly Way[] {
    return this.#made.ways;
  }

  /** Another way is about to be made: the last one is today's. */
  async addWay(way: Way): Promise<void> {
    const others = this.#made.ways.filter((other) => !sameWay(way, other));
    await this.#write({ ...this.#made, ways: [...others, way] });
  }

  /** One is gone. */
  async dropWay(way: Way): Promise<void> {
    await this.#write({ ...this.#made, ways: this.#made.ways.filter((other) => !sameWay(way, other)) });
  }

  /** What a sysctl was before we set it; null if we did not. */
  valueBefore(name: string): string | null {
    return this.#made.sysctls[name] ?? null;
  }

  /** A sysctl is about to be set. What it was before we first did so is what counts. */
  async rememberValue(name: string, value: string): Promise<void> {
    if (this.valueBefore(name) !== null) return;
    await this.#write({ ...this.#made, sysctls: { ...this.#made.sysctls, [name]: value } });
  }

  async forgetValue(name: string): Promise<void> {
    if (this.valueBefore(name) === null) return;
    const { [name]: _, ...sysctls } = this.#made.sysctls;
    await this.#write({ ...this.#made, sysctls });
  }

  /** Takes over what another one would have put back. */
  async inherit(sysctls: Made['sysctls']): Promise<void> {
    if (Object.keys(sysctls).length === 0) return;
    await this.#write({ ...this.#made, sysctls: { ...sysctls, ...this.#made.sysctls } });
  }

  async #write(made: Made): Promise<void> {
    this.#made = made;
    try {
      await this.#records.write(made);
    } catch (error) {
      this.#onFailure(error as Error);
    }
  }
}
