import { complaint, type Finished, type Run } from './command.js';
import { KernelError } from '../values/errors.js';

/** One rule of a table, as `iptables-save` writes it: `-A CHAIN SPECIFICATION`. */
export interface Rule {
  readonly chain: string;
  readonly specification: string;
}

/** One table of iptables: `nat`, `filter`. */
export interface Table {
  readonly name: string;
  readonly chains: readonly string[];
  readonly rules: readonly Rule[];
}

/** One variant of iptables, and the tables in its part of the kernel. */
export interface Iptables {
  /** `iptables-legacy`, `iptables-nft`, or `iptables` where the variants have no names of their own. */
  readonly command: string;
  readonly tables: readonly Table[];
}

const VARIANTS = ['iptables-legacy', 'iptables-nft'] as const;

/**
 * The rules of every variant that this machine has: both may have rules at the same time. `failures` has a failure for each
 * variant that cannot be read.
 */
export async function readIptables(
  run: Run,
): Promise<{ readonly variants: readonly Iptables[]; readonly failures: readonly Error[] }> {
  const variants: Iptables[] = [];
  const failures: Error[] = [];
  const read = async (command: string): Promise<boolean> => {
    try {
      // Without -t: iptables creates a table that is named, and loads its modules.
      const saved = await run(`${command}-save`, []);
      if (saved === null) return false;
      if (saved.status === 0) variants.push({ command, tables: parseTables(saved.stdout) });
      else if (!isUnknownToKernel(saved))
        failures.push(new KernelError(complaint(`${command}-save`, saved), null));
    } catch (error) {
      failures.push(error as Error);
    }
    return true;
  };
  let found = false;
  for (const command of VARIANTS) found = (await read(command)) || found;
  if (!found) await read('iptables');
  return { variants, failures };
}

/** Executes commands in one table, or none of them if one fails: `iptables-restore --noflush`. */
export async function changeTable(
  run: Run,
  command: string,
  table: string,
  commands: readonly string[],
): Promise<void> {
  const input = [`*${table}`, ...commands, 'COMMIT', ''].join('\n');
  const restored = await run(`${command}-restore`, ['--wait=5', '--noflush'], { input });
  if (restored === null) throw new KernelError(`${command}-restore is not installed`, null);
  if (restored.status !== 0) throw new KernelError(complaint(`${command}-restore`, restored), null);
}

/** The chain or the target of a rule, or null if it only counts. */
export function targetOf(rule: Rule): string | null {
  return /(?:^| )-[jg] (\S+)/.exec(unquoted(rule))?.[1] ?? null;
}

/** Whether a rule matches this ipset. */
export function matchesSet(rule: Rule, set: string): boolean {
  return ` ${unquoted(rule)} `.includes(` --match-set ${set} `);
}

/** The specification of a rule without quoted text: a comment may contain anything. A quote without its end takes the rest. */
export function unquoted({ specification }: Rule): string {
  return specification.replaceAll(/"(?:[^"\\]|\\.)*\\?(?:"|$)/g, '""');
}

/**
 * A kernel without nf_tables has no such rules. The program has no exit status of its own for that; the second text is EINVAL, the
 * answer of a nfnetlink that other modules use.
 */
function isUnknownToKernel({ stderr }: Finished): boolean {
  return /initialize nft: Protocol not supported|generation id: Invalid argument/.test(stderr);
}

function parseTables(text: string): Table[] {
  const tables: { name: string; chains: string[]; rules: Rule[] }[] = [];
  for (const line of text.split('\n')) {
    const [, name] = /^\*(\S+)$/.exec(line) ?? [];
    if (name !== undefined) tables.push({ name, chains: [], rules: [] });
    const [, declared] = /^:(\S+) /.exec(line) ?? [];
    const table = tables.at(-1);
    if (declared !== undefined) table?.chains.push(declared);
    const [, chain, specification] = /^-A (\S+) ?(.*)$/.exec(line) ?? [];
    if (chain !== undefined && specification !== undefined) table?.rules.push({ chain, specification });
  }
  return tables;
}
