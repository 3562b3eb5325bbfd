import type { Endpoint } from '../values/endpoint.js';
import { NetlinkError, type Rtnetlink } from '../netlink/index.js';

/**
 * The real servers that run on this node, at one of its addresses or at a loopback address, by the kernel's routes.
 */
export async function ownServers(
  rtnetlink: Pick<Rtnetlink, 'lookupRoute'>,
  realServers: readonly Endpoint[],
): Promise<readonly Endpoint[]> {
  const own = await Promise.all(
    realServers.map(async ({ address }) => {
      try {
        return (await rtnetlink.lookupRoute({ destination: address })).type === 'local';
      } catch (error) {
        // ENETUNREACH, EACCES and the like: there is no route to it, so it is not local.
        if (error instanceof NetlinkError) return false;
        throw error;
      }
    }),
  );
  return realServers.filter((_, index) => own[index] === true);
}
