/** Links: wire values to links. */

import type { WireLink, WireLinkRequest } from './contract.js';
import type { Link } from './types.js';

const IFF_UP = 0x1;
const IFF_LOWER_UP = 0x1_0000;

const noLink: WireLinkRequest = { index: 0, name: '', kind: null, flags: 0, change: 0 };

export const linkToWire = {
  any: (): WireLinkRequest => noLink,
  byName: (name: string): WireLinkRequest => ({ ...noLink, name }),
  byIndex: (index: number): WireLinkRequest => ({ ...noLink, index }),
  dummy: (name: string): WireLinkRequest => ({ ...noLink, name, kind: 'dummy' }),
  up: (index: number): WireLinkRequest => ({ ...noLink, index, flags: IFF_UP, change: IFF_UP }),
};

export function linkFromWire(wire: WireLink): Link {
  return {
    index: wire.index,
    name: wire.name,
    kind: wire.linkKind,
    up: (wire.flags & IFF_UP) !== 0,
    carrier: (wire.flags & IFF_LOWER_UP) !== 0,
    mtu: wire.mtu,
  };
}
