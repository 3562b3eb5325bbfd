import type { Link, Rtnetlink } from '../netlink/index.js';
import type { Endpoint } from '../values/endpoint.js';

/**
 * The name of an interface that has the virtual server's address, so that it is an address of the node itself; null if none has. The
 * dummies of mode `link` do not count.
 *
 * @param dummies Their names, also those of earlier starts.
 */
export async function ownInterface(
  rtnetlink: Pick<Rtnetlink, 'listAddresses' | 'listLinks'>,
  { address, family }: Endpoint,
  dummies: readonly string[],
): Promise<string | null> {
  const held = await rtnetlink.listAddresses({ family, address });
  if (held.length === 0) return null;
  const indexes = held.map(({ interfaceIndex }) => interfaceIndex);
  const links = await rtnetlink.listLinks();
  const isOurs = ({ kind, name }: Link): boolean => kind === 'dummy' && dummies.includes(name);
  return links.find((link) => indexes.includes(link.index) && !isOurs(link))?.name ?? null;
}
