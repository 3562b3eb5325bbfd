import type { Endpoint } from '../values/endpoint.js';
import { NetlinkError, type Rtnetlink } from '../netlink/index.js';

/**
 * The real servers that are this node itself, by an address of its own or by a loopback address, as the kernel's routes tell.
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
        // ENETUNREACH, EACCES and the like: there is no way there, so it is not here.
        if (error instanceof NetlinkError) return false;
        throw error;
      }
    }),
  );
  return realServers.filter((_, index) => own[index] === true);
}
