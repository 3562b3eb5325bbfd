import type { ActionResult, Leftovers, Upkeep, VirtualServerTable } from './ports.js';

/** A table that is read, and whose changes are only said to have been made. */
export function dryTable(table: VirtualServerTable): VirtualServerTable {
  return {
    read: () => table.read(),
    apply: (actions) =>
      Promise.resolve(actions.map((action): ActionResult => ({ action, error: null, raced: false }))),
    // As the real one: where there is no IPVS there is nothing to remove.
    remove: () =>
      table.read().then(
        (observed) => observed !== null,
        () => false,
      ),
  };
}

/** An upkeep that is checked, and only said to have been mended. */
export function dryUpkeep(upkeep: Upkeep): Upkeep {
  return {
    name: upkeep.name,
    check: () => upkeep.check(),
    mend: () => Promise.resolve(),
    remove: () => Promise.resolve(null),
  };
}

/** Leftovers that are looked for, and only said to have been removed. */
export function dryLeftovers(leftovers: Leftovers): Leftovers {
  return { find: () => leftovers.find(), remove: () => leftovers.find() };
}
