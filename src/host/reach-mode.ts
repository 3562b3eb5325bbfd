import type { HostResource } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import type { Rtnetlink } from '../netlink/index.js';
import { dummyInterface } from './dummy-interface.js';
import { gatewayRoute } from './gateway-route.js';
import { localRoute } from './local-route.js';

/** How this node reaches a virtual server. */
export type Way =
  | { readonly mode: 'local' | 'route' | 'none' }
  /** By a dummy interface of this name. */
  | { readonly mode: 'link'; readonly iface: string };

export function sameWay(one: Way, other: Way): boolean {
  if (one.mode === 'link') return other.mode === 'link' && one.iface === other.iface;
  return one.mode === other.mode;
}

export function isWay(value: unknown): value is Way {
  if (typeof value !== 'object' || value === null || !('mode' in value)) return false;
  if (value.mode === 'link') return 'iface' in value && isInterfaceName(value.iface);
  return value.mode === 'local' || value.mode === 'route' || value.mode === 'none';
}

/** Of what else the kernel would say that it is wrong. */
function isInterfaceName(value: unknown): value is string {
  return typeof value === 'string' && /^[^\s/:%]{1,15}$/.test(value);
}

/**
 * What has to be so for a way, in the order in which it is made.
 *
 * @param goesSoon Whether the interface with this index is of an earlier way, which goes once this one is there.
 */
export function resourcesOf(
  way: Way,
  rtnetlink: Rtnetlink,
  virtualServer: Endpoint,
  nodeAddress: () => Promise<string>,
  goesSoon?: (interfaceIndex: number) => Promise<boolean>,
): readonly HostResource[] {
  switch (way.mode) {
    case 'local':
      return [localRoute(rtnetlink, virtualServer, nodeAddress, goesSoon)];
    case 'link':
      return dummyInterface(rtnetlink, way.iface, virtualServer);
    case 'route':
      return [gatewayRoute(rtnetlink, virtualServer, nodeAddress)];
    case 'none':
      return [];
  }
}
