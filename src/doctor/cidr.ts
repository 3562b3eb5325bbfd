/** Whether an address is in a network. */
import { BlockList, isIP } from 'node:net';

/** `10.96.0.0/12`, or an address alone; null for what is neither. */
export function contains(cidr: string, address: string): boolean | null {
  const [network = '', length] = cidr.trim().split('/');
  const version = isIP(network);
  const most = version === 4 ? 32 : 128;
  const bits = length === undefined ? most : /^\d+$/.test(length) ? Number(length) : NaN;
  if (version === 0 || !(bits >= 0 && bits <= most)) return null;
  if (isIP(address) !== version) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, bits, family);
  return list.check(address, family);
}
