import { sameWay, type Way } from '../host/reach-mode.js';
import type { Made, Records } from './ownership-store.js';

/**
 * The record of our own virtual server, kept up to date as we make things. Others write to it, too: whoever cleans a
 * virtual server up leaves it what is to be put back later. So each write begins with a look at what is there.
 */
export class OwnRecord {
  readonly #records: Records;
  readonly #onFailure: (error: Error) => void;
  #made: Made;
  /** The sysctls that the file names, as far as we know. */
  #filed: Made['sysctls'];

  /**
   * Goes on with what was made before; nothing is written yet.
   *
   * @param onFailure Hears that it cannot be written: what it would say is lost with this process.
   */
  constructor(made: Made, records: Records, onFailure: (error: Error) => void) {
    this.#made = made;
    this.#filed = made.sysctls;
    this.#records = records;
    this.#onFailure = onFailure;
  }

  get ways(): readonly Way[] {
    return this.#made.ways;
  }

  /** Another way is about to be made: the last one is today's. */
  async addWay(way: Way): Promise<void> {
    await this.#change((made) => ({
      ...made,
      ways: [...made.ways.filter((other) => !sameWay(way, other)), way],
    }));
  }

  /** One is gone. */
  async dropWay(way: Way): Promise<void> {
    await this.#change((made) => ({ ...made, ways: made.ways.filter((other) => !sameWay(way, other)) }));
  }

  /** What a sysctl was before it was first set, as far as we know without a look at the file; null if nobody set it. */
  valueBefore(name: string): string | null {
    return this.#made.sysctls[name] ?? null;
  }

  /**
   * A sysctl is about to be set. What it was before anybody of us first did so is what counts. Resolves to whether
   * that is now.
   */
  async rememberValue(name: string, value: string): Promise<boolean> {
    if (this.valueBefore(name) !== null) return false;
    let first = false;
    await this.#change((made) => {
      first = made.sysctls[name] === undefined;
      return { ...made, sysctls: { [name]: value, ...made.sysctls } };
    });
    return first;
  }

  async forgetValue(name: string): Promise<void> {
    if (this.valueBefore(name) === null) return;
    await this.#change((made) => {
      const { [name]: _, ...sysctls } = made.sysctls;
      return { ...made, sysctls };
    });
  }

  async #change(change: (made: Made) => Made): Promise<void> {
    const sysctls = { ...(await this.#left()), ...this.#made.sysctls };
    this.#made = change({ ...this.#made, sysctls });
    try {
      await this.#records.write(this.#made);
      this.#filed = this.#made.sysctls;
    } catch (error) {
      this.#onFailure(error as Error);
    }
  }

  /** The sysctls that somebody left us since our last write. */
  async #left(): Promise<Made['sysctls']> {
    const filed = await find(this.#records, this.#made.virtualServer);
    const all = Object.entries(filed?.sysctls ?? {});
    return Object.fromEntries(all.filter(([name]) => this.#filed[name] === undefined));
  }
}

/**
 * Leaves sysctls to another virtual server, whose lvscare may be at work: it puts them back when it goes. Rejects with
 * the error of the file system.
 */
export async function bequeath(
  records: Records,
  virtualServer: string,
  sysctls: Made['sysctls'],
): Promise<void> {
  const heir = await find(records, virtualServer);
  if (heir === null || Object.keys(sysctls).length === 0) return;
  await records.write({ ...heir, sysctls: { ...sysctls, ...heir.sysctls } });
}

async function find(records: Records, virtualServer: string): Promise<Made | null> {
  return (await records.list()).find((made) => made.virtualServer === virtualServer) ?? null;
}
