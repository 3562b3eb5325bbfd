import type { HostResource } from '../control-loop/ports.js';
import type { NftRuleset } from './nft-ruleset.js';
import type { NftTable } from './nft-table.js';
import { NftMissing } from './nft.js';

/** Keeps a table of nftables. */
export function nftResource(name: string, ruleset: NftRuleset, table: NftTable): HostResource {
  return {
    name,
    verify: () => ruleset.drift(table),
    repair: () => ruleset.write(table),
    find: () => findTable(ruleset, table),
    remove: () => ruleset.remove(table),
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
  ruleset: NftRuleset,
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
        (await ruleset.has(table)) ? `${table.text}, because ${reason}` : null,
      );
      gone = found === null;
      return found;
    },

    async repair() {
      await ruleset.remove(table);
    },

    find: () => unlessMissing(() => findTable(ruleset, table)),
    remove: () => unlessMissing(() => ruleset.remove(table)),
  };
}

async function findTable(ruleset: NftRuleset, table: NftTable): Promise<string | null> {
  return (await ruleset.has(table)) ? table.text : null;
}
