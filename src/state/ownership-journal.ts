import { sameMode, type ReachMode } from '../host/reach-mode.js';
import type { OwnershipRecord, OwnershipStore } from './ownership-store.js';

/** The ownership record of our virtual server. It is written before anything that it names is created. */
export class OwnershipJournal {
  readonly #store: OwnershipStore;
  readonly #onFailure: (error: Error) => void;
  #record: OwnershipRecord;

  /**
   * Continues a record; nothing is written yet.
   *
   * @param onFailure Called if the record cannot be written: then it lasts only as long as this process.
   */
  constructor(record: OwnershipRecord, store: OwnershipStore, onFailure: (error: Error) => void) {
    this.#record = record;
    this.#store = store;
    this.#onFailure = onFailure;
  }

  /** Records a mode as the current one, before it is set up. */
  async addMode(mode: ReachMode): Promise<void> {
    await this.#write([...this.#without(mode), mode]);
  }

  /** Records that a mode is gone. */
  async dropMode(mode: ReachMode): Promise<void> {
    await this.#write(this.#without(mode));
  }

  #without(mode: ReachMode): readonly ReachMode[] {
    return this.#record.modes.filter((other) => !sameMode(mode, other));
  }

  async #write(modes: readonly ReachMode[]): Promise<void> {
    this.#record = { ...this.#record, modes };
    await this.#store.write(this.#record).catch(this.#onFailure);
  }
}
