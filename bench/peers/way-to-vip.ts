/** The way to the virtual server's address, for those who do not make it themselves. */
import { VIP } from '../../lab/index.js';
import type { Stage } from './peer.js';

/** As lvscare makes it: the address is local, and clients speak from the node's own. */
export async function routeVip({ node }: Stage): Promise<void> {
  await node.ip(`route replace local ${VIP.ipv4} dev lo table local src ${node.addresses.ipv4}`);
}

/** For a program that listens there itself. */
export async function bindVip({ node }: Stage): Promise<void> {
  await node.ip(`address replace ${VIP.ipv4}/32 dev lo`);
}
