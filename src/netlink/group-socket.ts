import { closeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

import { loadAddon } from './addon.js';
import { failureError } from './errors.js';
import { integer } from './validate.js';

/** A socket of NETLINK_USERSOCK that has joined multicast groups. It ends with the process at the latest. */
interface GroupSocket {
  readonly portId: number;
  close(): void;
}

/**
 * Joins groups of NETLINK_USERSOCK, which every kernel has: `groups` has a bit for each of them. Nothing is sent or received there.
 * The kernel lets only a process join that has NET_ADMIN in the network namespace, and shows the groups of each socket to every
 * process there, so a socket with groups proves that a process with NET_ADMIN opened it, and still has it.
 *
 * @throws {@link NetlinkError} if the kernel refuses: `EPERM` without NET_ADMIN.
 */
export function openGroupSocket(groups: number): GroupSocket {
  const { socket, failure } = loadAddon().openGroupSocket(integer('groups', groups, 1, 0xffff_ffff));
  if (failure !== null) throw failureError('openGroupSocket', failure);
  const { fd, portId } = socket;
  let open = true;
  return {
    portId,
    close() {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

/** NETLINK_USERSOCK */
const USERSOCK = '2';

/** The sockets of {@link openGroupSocket} in this network namespace, of all processes. Rejects if /proc cannot be read. */
export async function listGroupSockets(): Promise<
  readonly { readonly portId: number; readonly groups: number }[]
> {
  const text = await readFile('/proc/net/netlink', 'latin1');
  // sk Eth Pid Groups Rmem ...: the protocol is under Eth.
  return text.split('\n').flatMap((line) => {
    const [, protocol, portId, groups = ''] = line.trim().split(/\s+/);
    const mask = parseInt(groups, 16);
    return protocol === USERSOCK && mask > 0 ? [{ portId: Number(portId), groups: mask }] : [];
  });
}
