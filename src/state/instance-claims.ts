/** Which processes hold instance locks, as far as the kernel proves it. */
import { createHash } from 'node:crypto';
import { listGroupSockets, openGroupSocket } from '../netlink/index.js';

/**
 * A claim proves NET_ADMIN in this network namespace, and shows in every container that shares it: it is a netlink socket in multicast
 * groups, which the kernel lets only NET_ADMIN join (`/proc/net/netlink`). The name of the virtual server gives the groups.
 */
export interface Claims {
  /** Throws the error of the kernel: EPERM without NET_ADMIN. */
  open(name: string): Claim;
  /** Those of the names that a process claims, `own` aside. Rejects if /proc cannot be read. */
  openAmong(names: readonly string[], own?: Claim): Promise<readonly string[]>;
}

export interface Claim {
  readonly portId: number;
  close(): void;
}

export const kernelClaims: Claims = {
  open: (name) => openGroupSocket(groupsOf(name)),
  async openAmong(names, own) {
    const sockets = (await listGroupSockets()).filter(({ portId }) => portId !== own?.portId);
    const claimed = new Set(sockets.map(({ groups }) => groups));
    return names.filter((name) => claimed.has(groupsOf(name)));
  },
};

/** 32 bits, with the first one always set: two of a node's virtual servers hardly ever have the same. */
function groupsOf(name: string): number {
  return (createHash('sha256').update(`lvscare/${name}`).digest().readUInt32BE() | 0x8000_0000) >>> 0;
}
