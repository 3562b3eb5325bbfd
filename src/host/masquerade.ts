import type { HostResource } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import { KernelError } from '../values/errors.js';
import { masqueradeAmiss, masqueradeTable, type MasqueradeTable } from './masquerade-table.js';
import { NftMissing, type Nft, type NftResult } from './nft.js';

const NAME = 'masquerade';

/**
 * `--masquerade`: connections to the virtual server leave this node with its own address as their source, by one
 * nftables table that is the virtual server's alone. IPVS lets nftables see them only with net.ipv4.vs.conntrack=1.
 */
export function masquerade(nft: Nft, virtualServer: Endpoint): HostResource {
  const table = masqueradeTable(virtualServer);

  async function check(): Promise<string | null> {
    const listed = await nft('-j', '-n', 'list', 'table', table.family, table.name);
    if (listed.ok) return masqueradeAmiss(table, listed.stdout);
    if (!(await isThere(nft, table))) return `no ${table.text}`;
    return `${table.text} cannot be read: ${complaint(listed)}`;
  }

  return {
    name: NAME,
    verify: check,

    async repair() {
      const made = await nft(table.commands);
      if (!made.ok) throw explain(`nft add ${table.text}`, made);
      const amiss = await check();
      // Rather than to make it again in each pass, and to say each time that now it is well.
      if (amiss !== null) throw new KernelError(`made ${table.text}, and yet: ${amiss}`, null);
    },

    find: () => findTable(nft, table),
    remove: () => removeTable(nft, table),
  };
}

/**
 * Without `--masquerade`: the table that is left from when it was given is taken away. Looks for it once, at the start.
 *
 * @param onMissing Hears that there is no nft to look with. Who goes without it need not have it.
 */
export function noMasquerade(
  nft: Nft,
  virtualServer: Endpoint,
  onMissing: (error: NftMissing) => void,
): HostResource {
  const table = masqueradeTable(virtualServer);
  let gone = false;

  /** What `look` finds, or null when there is no nft. */
  async function unlessMissing(look: () => Promise<string | null>): Promise<string | null> {
    try {
      return await look();
    } catch (error) {
      if (!(error instanceof NftMissing)) throw error;
      onMissing(error);
      return null;
    }
  }

  return {
    name: NAME,
    isRemoval: true,

    async verify() {
      if (gone) return null;
      const found = await unlessMissing(async () =>
        (await isThere(nft, table)) ? `${table.text}, because --masquerade is off` : null,
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

async function findTable(nft: Nft, table: MasqueradeTable): Promise<string | null> {
  return (await isThere(nft, table)) ? table.text : null;
}

/** Resolves to what was taken away, in words, or to null. */
async function removeTable(nft: Nft, table: MasqueradeTable): Promise<string | null> {
  if (!(await isThere(nft, table))) return null;
  const removed = await nft('delete', 'table', table.family, table.name);
  if (removed.ok) return table.text;
  // It may have gone by itself in between, which is what we want.
  if (!(await isThere(nft, table))) return null;
  throw explain(`nft delete ${table.text}`, removed);
}

async function isThere(nft: Nft, table: MasqueradeTable): Promise<boolean> {
  // Not as JSON: there nft 1.0.6 breaks off at anybody's table that has flags.
  const listed = await nft('list', 'tables');
  if (listed.ok) return listed.stdout.split('\n').includes(table.text);
  // A kernel without nftables has no table either.
  if (NO_NFTABLES.test(listed.stderr)) return false;
  throw explain('nft list tables', listed);
}

/**
 * The errno's text is all that nft tells. EPROTONOSUPPORT: the kernel knows nothing of nftables; EINVAL: neither does its
 * nfnetlink, which others use, too.
 */
const NO_NFTABLES = /Protocol not supported|cache initialization failed: Invalid argument/;
/** EOPNOTSUPP: it has no tables of this family. ENOENT, of what we make: no NAT, no `ct` or no `masquerade`. */
const NO_NAT = /Operation not supported|No such file or directory/;
/** EPERM. */
const NOT_PERMITTED = 'Operation not permitted';

function explain(command: string, result: NftResult): KernelError {
  const { stderr } = result;
  if (stderr.includes(NOT_PERMITTED)) {
    return new KernelError(`${command}: not permitted, it takes root or the capability NET_ADMIN`, stderr);
  }
  if (NO_NFTABLES.test(stderr)) {
    return new KernelError('the kernel has no nftables: load it with modprobe nf_tables', stderr);
  }
  if (NO_NAT.test(stderr)) {
    return new KernelError(
      `the kernel has no nftables NAT (${complaint(result)}): load it with modprobe -a nft_chain_nat nft_ct nft_masq`,
      stderr,
    );
  }
  return new KernelError(`${command}: ${complaint(result)}`, stderr);
}

/** The line of its output that says what is wrong, without where in its input. */
function complaint({ stderr }: NftResult): string {
  const lines = stderr.split('\n').map((line) => line.replace(/^.*?Error: /, '').trim());
  return lines.find((line) => line !== '') ?? 'nft said nothing';
}
