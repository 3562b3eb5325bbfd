import type { HostResource } from '../control-loop/ports.js';
import { KernelError, NOT_PERMITTED } from '../values/errors.js';
import { tableDrift, type NftTable } from './nft-table.js';
import { NftMissing, type Nft, type NftResult } from './nft.js';

/** Keeps a table of nftables. */
export function nftResource(name: string, nft: Nft, table: NftTable): HostResource {
  const none = `no ${table.text}`;
  /** What the last check found; undefined before the first one. */
  let found: string | null | undefined;
  /** The ruleset's generation for which the table was right. */
  let rightAt: number | null = null;
  /** Then nf_tables is loaded, so that the generation is read without waiting. */
  let wasThere = false;

  /** The start of a program is saved while the ruleset is the same. */
  async function verify(): Promise<string | null> {
    const generation = wasThere ? nft.generation() : null;
    if (generation !== null && generation === rightAt) return null;
    found = await drift();
    if (found === null) wasThere = true;
    rightAt = found === null ? generation : null;
    return found;
  }

  async function drift(): Promise<string | null> {
    const listed = await nft('-j', '-n', 'list', 'table', table.family, table.name);
    if (listed.ok) return tableDrift(table, listed.stdout);
    if (NO_SUCH.test(listed.stderr) || !(await isThere(nft, table))) return none;
    return `${table.text} cannot be read: ${complaint(listed)}`;
  }

  return {
    name,
    verify,

    async repair() {
      const made = await nft(table.commands);
      if (!made.ok) throw explain(`nft add ${table.text}`, made, table);
      wasThere = true;
      // The route waits for the first creation, and nft is slow to start on a busy node.
      if (found === none) return;
      const still = await drift();
      // Otherwise each pass would create it again, and log a repair.
      if (still !== null) throw new KernelError(`created ${table.text}, but ${still}`, null);
    },

    find: () => findTable(nft, table),
    remove: () => removeTable(nft, table),
  };
}

export type OnMissing = (error: NftMissing, table: string) => void;

/**
 * Removes a table of an earlier start. Checks for it once, at the start.
 *
 * @param reason Why it is not needed: `--masquerade is off`.
 * @param onMissing Called if nft is not installed, which is no error here unless it throws.
 */
export function noNftTable(
  name: string,
  nft: Nft,
  table: NftTable,
  reason: string,
  onMissing: OnMissing,
): HostResource {
  let gone = false;

  /** The result, or null if nft is not installed. */
  async function unlessMissing(act: () => Promise<string | null>): Promise<string | null> {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof NftMissing)) throw error;
      onMissing(error, table.text);
      return null;
    }
  }

  return {
    name,
    isRemoval: true,

    async verify() {
      if (gone) return null;
      const found = await unlessMissing(async () =>
        (await isThere(nft, table)) ? `${table.text}, because ${reason}` : null,
      );
      gone = found === null;
      return found;
    },

    async repair() {
      await removeTable(nft, table);
    },

    find: () => unlessMissing(() => findTable(nft, table)),
    remove: () => unlessMissing(() => removeTable(nft, table)),
  };
}

async function findTable(nft: Nft, table: NftTable): Promise<string | null> {
  return (await isThere(nft, table)) ? table.text : null;
}

/** Resolves to what was removed, in words, or to null. */
async function removeTable(nft: Nft, table: NftTable): Promise<string | null> {
  if (!(await isThere(nft, table))) return null;
  const removed = await nft('delete', 'table', table.family, table.name);
  if (removed.ok) return table.text;
  // It may have been removed meanwhile.
  if (!(await isThere(nft, table))) return null;
  throw explain(`nft delete ${table.text}`, removed, table);
}

async function isThere(nft: Nft, table: NftTable): Promise<boolean> {
  // Not as JSON: the output of nft 1.0.6 then ends at any table that has flags.
  const listed = await nft('list', 'tables');
  if (listed.ok) return listed.stdout.split('\n').includes(table.text);
  // A kernel without nftables has no tables.
  if (NO_NFTABLES.test(listed.stderr)) return false;
  throw explain('nft list tables', listed, table);
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
