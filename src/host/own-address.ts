import type { Rtnetlink } from '../netlink/index.js';
import type { Endpoint } from '../values/endpoint.js';

/**
 * The name of an interface that has the virtual server's address, so that it is an address of the node itself; null if none has.
 * A dummy does not count: mode `link` has it there.
 */
export async function ownInterface(
  rtnetlink: Pick<Rtnetlink, 'listAddresses' | 'listLinks'>,
  { address, family }: Endpoint,
): Promise<string | null> {
  const held = await rtnetlink.listAddresses({ family, address });
  if (held.length === 0) return null;
  const indexes = held.map(({ interfaceIndex }) => interfaceIndex);
  const links = await rtnetlink.listLinks();
  return links.find(({ index, kind }) => indexes.includes(index) && kind !== 'dummy')?.name ?? null;
}
