/** What ownership records of other virtual servers keep `--clean` and a change of mode from removing. */
import { sameMode, type ReachMode } from '../host/reach-mode.js';
import { ipvsTable } from '../ipvs/ipvs-table.js';
import type { Ipvs } from '../netlink/index.js';
import type { Endpoint } from '../values/endpoint.js';
import { mayBeLocked } from './instance-lock.js';
import type { OwnershipRecord, OwnershipStore } from './ownership-store.js';

/**
 * The records of other virtual servers that the kernel has or that an lvscare runs for: a record may describe what is gone. If the
 * kernel cannot be asked, a record counts, so that nothing of it is removed.
 */
export async function othersInUse(
  store: OwnershipStore,
  own: Endpoint,
  ipvs: Ipvs,
): Promise<readonly OwnershipRecord[]> {
  const others = (await store.list()).filter(({ virtualServer }) => virtualServer.text !== own.text);
  const inUse = await Promise.all(
    others.map(
      async ({ virtualServer }) =>
        (await mayBeLocked(virtualServer)) ||
        (await ipvsTable(ipvs, virtualServer)
          .find()
          .catch(() => 'unknown')) !== null,
    ),
  );
  return others.filter((_, index) => inUse[index] === true);
}

/** Whether a virtual server with this address is currently reached by this mode, so that it must stay. */
export function isNeeded(mode: ReachMode, address: string, others: readonly OwnershipRecord[]): boolean {
  return others.some(({ virtualServer, modes }) => {
    const current = modes.at(-1);
    return virtualServer.address === address && current !== undefined && sameMode(mode, current);
  });
}
