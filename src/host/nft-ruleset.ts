/** The tables of nftables that this process keeps, for all of its virtual servers, in as few runs of `nft` as it takes. */
import { Semaphore } from '../async/semaphore.js';
import { KernelError, NOT_PERMITTED } from '../values/errors.js';
import { difference, tableDrift, type NftTable } from './nft-table.js';
import type { Nft, NftResult } from './nft.js';

/** What is known of the ruleset of one generation. */
interface Known {
  readonly generation: number | null;
  /** The text of each table, of any program; null if they were not listed. */
  names: Set<string> | null;
  /** The tables of ours whose content is known, by their text. */
  readonly contents: Map<string, NftTable>;
}

interface Writing {
  readonly table: NftTable;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The commands of one transaction are one argument of nft, for which Linux has 128 KiB. */
const MOST_COMMANDS = 64 << 10;

/**
 * What is known of the ruleset holds while it has the same generation, which each transaction of any program counts up by one. So if
 * it is one more after a transaction of ours, no other program has changed the ruleset meanwhile, and what was known still holds.
 */
export class NftRuleset {
  readonly #nft: Nft;
  /** One run at a time: two at once could not tell their transactions apart. */
  readonly #turns = new Semaphore(1);
  #known: Known = unknown(null);
  #writing: Writing[] = [];
  /** The tables that were there last: they are read without a list of all tables before. */
  readonly #wereThere = new Set<string>();
  /** The tables that were different when they were read last. */
  readonly #foundDifferent = new Set<string>();

  constructor(nft: Nft) {
    this.#nft = nft;
  }

  /** Whether there is a table of this name, whatever it contains. */
  has(table: NftTable): Promise<boolean> {
    return this.#inTurn(() => this.#isListed(table));
  }

  /** How a table differs from what it must be, in words, or null if it does not. */
  async drift(table: NftTable): Promise<string | null> {
    const known = this.#knownDrift(table);
    if (known !== undefined) return known;
    return await this.#inTurn(async () => {
      // It may have been written meanwhile.
      const now = this.#knownDrift(table);
      return now === undefined ? await this.#read(table) : now;
    });
  }

  /** Creates or replaces a table, in one transaction with all others that are to be written then. */
  async write(table: NftTable): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#writing.push({ table, resolve, reject });
      void this.#inTurn(() => this.#writeAll());
    });
    if (!this.#foundDifferent.has(table.text)) return;
    // Otherwise each reading might have it replaced again, and log a repair.
    const still = await this.drift(table);
    if (still !== null) throw new KernelError(`created ${table.text}, but ${still}`, null);
  }

  /** Resolves to what was removed, in words, or to null. */
  remove(table: NftTable): Promise<string | null> {
    return this.#inTurn(async () => {
      if (!(await this.#isListed(table))) return null;
      const removed = await this.#change(['delete', 'table', table.family, table.name], (known) => {
        known.names?.delete(table.text);
        known.contents.delete(table.text);
      });
      if (removed.ok) return table.text;
      // It may have been removed meanwhile.
      if (!(await this.#isListed(table))) return null;
      throw explain(`nft delete ${table.text}`, removed, table);
    });
  }

  async #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const release = await this.#turns.acquire();
    try {
      return await act();
    } finally {
      release();
    }
  }

  /** What is known of the ruleset as it is now. */
  #now(): Known {
    const generation = this.#nft.generation();
    if (generation === null || generation !== this.#known.generation) this.#known = unknown(generation);
    return this.#known;
  }

  /** The drift of a table whose content is known; undefined if it is not. */
  #knownDrift(table: NftTable): string | null | undefined {
    const content = this.#now().contents.get(table.text);
    return content === undefined ? undefined : difference(table, content.objects);
  }

  async #isListed(table: NftTable): Promise<boolean> {
    const known = this.#now();
    known.names ??= await this.#listNames(table);
    return known.names.has(table.text);
  }

  async #listNames(table: NftTable): Promise<Set<string>> {
    // Not as JSON: the output of nft 1.0.6 then ends at any table that has flags.
    const listed = await this.#nft('list', 'tables');
    if (listed.ok) return new Set(listed.stdout.split('\n'));
    // A kernel without nftables has no tables.
    if (NO_NFTABLES.test(listed.stderr)) return new Set();
    throw explain('nft list tables', listed, table);
  }

  async #read(table: NftTable): Promise<string | null> {
    const { family, name, text } = table;
    const none = `no ${text}`;
    if (!this.#wereThere.has(text) && !(await this.#isListed(table))) return none;
    const known = this.#now();
    const listed = await this.#nft('-j', '-n', 'list', 'table', family, name);
    if (!listed.ok) {
      this.#wereThere.delete(text);
      if (NO_SUCH.test(listed.stderr) || !(await this.#isListed(table))) return none;
      return `${text} cannot be read: ${complaint(listed)}`;
    }
    this.#wereThere.add(text);
    const drift = tableDrift(table, listed.stdout);
    if (drift === null) {
      known.contents.set(text, table);
      this.#foundDifferent.delete(text);
    } else this.#foundDifferent.add(text);
    return drift;
  }

  /** Writes the tables that wait for it. */
  async #writeAll(): Promise<void> {
    const all = this.#writing;
    this.#writing = [];
    for (let from = 0; from < all.length;) {
      const some = firstOf(all.slice(from));
      from += some.length;
      if (await this.#writeSome(some)) continue;
      // One that is refused keeps no other from being written.
      for (const one of some) await this.#writeSome([one]);
    }
  }

  /** Resolves to whether it is known which of them could be written. */
  async #writeSome(some: readonly Writing[]): Promise<boolean> {
    try {
      const commands = some.map(({ table }) => table.commands).join('\n');
      const made = await this.#change([commands], (known) => {
        for (const { table } of some) {
          known.names?.add(table.text);
          if (this.#foundDifferent.has(table.text)) known.contents.delete(table.text);
          else known.contents.set(table.text, table);
        }
      });
      if (!made.ok && some.length > 1) return false;
      for (const { table, resolve, reject } of some) {
        if (made.ok) {
          this.#wereThere.add(table.text);
          resolve();
        } else reject(explain(`nft add ${table.text}`, made, table));
      }
    } catch (error) {
      for (const { reject } of some) reject(error);
    }
    return true;
  }

  /**
   * Has nft carry out one transaction.
   *
   * @param learn Adds what it has changed to what is known.
   */
  async #change(args: readonly string[], learn: (known: Known) => void): Promise<NftResult> {
    const known = this.#now();
    const result = await this.#nft(...args);
    if (result.ok && known.generation !== null) {
      learn(known);
      // If another program has changed the ruleset meanwhile, it never has this generation again.
      this.#known = { ...known, generation: known.generation + 1 };
    }
    return result;
  }
}

function unknown(generation: number | null): Known {
  return { generation, names: null, contents: new Map() };
}

/** As many as fit into one transaction, at least one. */
function firstOf(all: readonly Writing[]): readonly Writing[] {
  let length = 0;
  const end = all.findIndex(({ table }, index) => {
    length += table.commands.length + 1;
    return index > 0 && length > MOST_COMMANDS;
  });
  return end === -1 ? all : all.slice(0, end);
}

/**
 * nft prints only the text of an errno. EPROTONOSUPPORT: the kernel has no nftables; EINVAL: it has nfnetlink for other uses,
 * without nftables.
 */
const NO_NFTABLES = /Protocol not supported|cache initialization failed: Invalid argument/;
/** EOPNOTSUPP: it has no tables of this family. ENOENT when we create a table: it has not this type of chain or statement. */
const NO_SUCH = /Operation not supported|No such file or directory/;
const EPERM = 'Operation not permitted';

function explain(command: string, result: NftResult, { lack: [what, remedy] }: NftTable): KernelError {
  const { stderr } = result;
  if (stderr.includes(EPERM)) return new KernelError(`${command}: ${NOT_PERMITTED}`, stderr);
  if (NO_NFTABLES.test(stderr)) {
    return new KernelError('the kernel has no nftables: load it with modprobe nf_tables', stderr);
  }
  if (NO_SUCH.test(stderr))
    return new KernelError(`the kernel has no ${what} (${complaint(result)}): ${remedy}`, stderr);
  return new KernelError(`${command}: ${complaint(result)}`, stderr);
}

/** The line of its output that says what is wrong, without the position in its input. */
function complaint({ stderr }: NftResult): string {
  const lines = stderr.split('\n').map((line) => line.replace(/^.*?Error: /, '').trim());
  return lines.find((line) => line !== '') ?? 'nft printed nothing';
}
