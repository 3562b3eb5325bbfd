import type { WireInfo } from './contract.js';
import type { IpvsInfo } from './types.js';

export function infoFromWire({ version, connectionTableSize }: WireInfo): IpvsInfo {
  return { version: [16, 8, 0].map((shift) => (version >>> shift) & 0xff).join('.'), connectionTableSize };
}
