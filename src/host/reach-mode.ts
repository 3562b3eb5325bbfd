import type { HostResource } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import type { Rtnetlink } from '../netlink/index.js';
import { dummyInterface } from './dummy-interface.js';
import { gatewayRoute } from './gateway-route.js';
import { localRoute } from './local-route.js';

/** How this node reaches a virtual server: `--mode`. */
export type ReachMode =
  | { readonly mode: 'local' | 'route' | 'none' }
  /** By a dummy interface of this name. */
  | { readonly mode: 'link'; readonly iface: string };

export function sameMode(one: ReachMode, other: ReachMode): boolean {
  if (one.mode === 'link') return other.mode === 'link' && one.iface === other.iface;
  return one.mode === other.mode;
}

export function isReachMode(value: unknown): value is ReachMode {
  if (typeof value !== 'object' || value === null || !('mode' in value)) return false;
  if (value.mode === 'link') return 'iface' in value && isInterfaceName(value.iface);
  return value.mode === 'local' || value.mode === 'route' || value.mode === 'none';
}

/** A name that the kernel accepts. */
function isInterfaceName(value: unknown): value is string {
  return typeof value === 'string' && /^[^\s/:%]{1,15}$/.test(value);
}

/**
 * The host resources of a mode, in the order in which they are created.
 *
 * @param isGoing Whether the interface with this index belongs to an earlier mode, and is removed once this one is set up.
 */
export function resourcesOf(
  mode: ReachMode,
  rtnetlink: Rtnetlink,
  virtualServer: Endpoint,
  nodeAddress: () => Promise<string>,
  isGoing?: (interfaceIndex: number) => Promise<boolean>,
): readonly HostResource[] {
  switch (mode.mode) {
    case 'local':
      return [localRoute(rtnetlink, virtualServer, nodeAddress, isGoing)];
    case 'link':
      return dummyInterface(rtnetlink, mode.iface, virtualServer);
    case 'route':
      return [gatewayRoute(rtnetlink, virtualServer, nodeAddress)];
    case 'none':
      return [];
  }
}
