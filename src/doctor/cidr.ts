import { BlockList, isIP } from 'node:net';

/** Whether a text is a network, or an address alone. */
export function isCidr(text: string): boolean {
  return contains(text, text.trim().split('/')[0] ?? '');
}

/** Whether an address is in a network: `10.96.0.0/12`, or an address alone. Text that is neither contains nothing. */
export function contains(cidr: string, address: string): boolean {
  const [network = '', length] = cidr.trim().split('/');
  const version = isIP(network);
  const maxBits = version === 4 ? 32 : 128;
  const bits = length === undefined ? maxBits : /^\d+$/.test(length) ? Number(length) : NaN;
  if (version === 0 || isIP(address) !== version || !(bits <= maxBits)) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, bits, family);
  return list.check(address, family);
}
