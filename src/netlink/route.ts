/** Routes: arguments to wire values, wire values to routes. */

import type { WireRoute, WireRouteValue } from './contract.js';
import { families, findName, nameOf, routeTypes } from './names.js';
import type {
  IpFamily,
  Route,
  RouteKey,
  RouteLookup,
  RouteQuery,
  RouteSelector,
  RouteSpec,
  RouteType,
} from './types.js';
import {
  checkObject,
  integer,
  interfaceIndex,
  ipAddress,
  ipAddressOf,
  oneOf,
  prefixLength,
  uint32Max,
} from './validate.js';

const RTPROT_UNSPEC = 0;
const RTPROT_BOOT = 3;

const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_HOST = 254;
/** In a deletion: any. */
const RT_SCOPE_NOWHERE = 255;

export interface RouteFilter {
  readonly family?: IpFamily;
  readonly table?: number;
  /** Routes to this address, with any prefix length. */
  readonly destination?: string;
}

const noRoute: WireRoute = {
  family: 0,
  destination: null,
  prefixLength: 0,
  source: null,
  table: 0,
  type: 0,
  protocol: 0,
  scope: 0,
  flags: 0,
  metric: null,
  gateway: null,
  interfaceIndex: 0,
  preferredSource: null,
};

/** One request per family: a request for all of them also lists MPLS and multicast routing tables. */
export function routeFilterToWire(path: string, filter: RouteFilter): WireRoute[] {
  checkObject(path, filter);
  const table = filter.table === undefined ? 0 : integer(`${path}.table`, filter.table, 1, uint32Max);
  const names: IpFamily[] =
    filter.family === undefined ? ['ipv4', 'ipv6'] : [oneOf(`${path}.family`, filter.family, families)];
  const destination =
    filter.destination === undefined ? null : ipAddress(`${path}.destination`, filter.destination).text;
  return names.map((name) => ({ ...noRoute, family: families[name], table, destination }));
}

export function routeToWire(path: string, route: RouteSpec): WireRoute {
  const key = keyToWire(path, route);
  const { gateway = null } = route;
  return {
    ...key,
    ...hopToWire(path, route),
    protocol: integer(`${path}.protocol`, route.protocol ?? RTPROT_BOOT, 0, 255),
    scope: integer(`${path}.scope`, route.scope ?? defaultScope(route.family, route.type, gateway), 0, 255),
  };
}

export function routeSelectorToWire(path: string, route: RouteSelector): WireRoute {
  return {
    ...keyToWire(path, route),
    ...hopToWire(path, route),
    protocol: integer(`${path}.protocol`, route.protocol ?? RTPROT_UNSPEC, 0, 255),
    scope: integer(`${path}.scope`, route.scope ?? RT_SCOPE_NOWHERE, 0, 255),
  };
}

export function routeQueryToWire(path: string, query: RouteQuery): WireRoute {
  checkObject(path, query);
  const { family, text } = ipAddress(`${path}.destination`, query.destination);
  const { source = null, interfaceIndex: index = null } = query;
  return {
    ...noRoute,
    family: families[family],
    destination: text,
    prefixLength: family === 'ipv4' ? 32 : 128,
    source: source === null ? null : ipAddressOf(`${path}.source`, source, family),
    interfaceIndex: index === null ? 0 : interfaceIndex(`${path}.interfaceIndex`, index),
  };
}

export function routeFromWire(operation: string, wire: WireRouteValue): Route {
  return {
    family: nameOf(families, wire.family, 'address family', operation),
    destination: wire.destination,
    prefixLength: wire.prefixLength,
    table: wire.table,
    type: findName(routeTypes, wire.type) ?? 'other',
    // The kernel does not mention metric 0.
    metric: wire.metric ?? 0,
    gateway: wire.gateway,
    interfaceIndex: wire.interfaceIndex === 0 ? null : wire.interfaceIndex,
    preferredSource: wire.preferredSource,
    protocol: wire.protocol,
    scope: wire.scope,
  };
}

export function lookupFromWire(operation: string, wire: WireRouteValue): RouteLookup {
  const { type, interfaceIndex, gateway, preferredSource } = routeFromWire(operation, wire);
  return { type, interfaceIndex, gateway, source: preferredSource };
}

function keyToWire(path: string, route: RouteKey): WireRoute {
  checkObject(path, route);
  const family = oneOf(`${path}.family`, route.family, families);
  const destination = ipAddressOf(`${path}.destination`, route.destination, family);
  const length = prefixLength(`${path}.prefixLength`, route.prefixLength, family);
  return {
    ...noRoute,
    family: families[family],
    destination: length === 0 ? null : destination,
    prefixLength: length,
    table: integer(`${path}.table`, route.table, 1, uint32Max),
    type: routeTypes[oneOf(`${path}.type`, route.type, routeTypes)],
    metric: route.metric === null ? null : integer(`${path}.metric`, route.metric, 0, uint32Max),
  };
}

function hopToWire(
  path: string,
  route: RouteSelector,
): Pick<WireRoute, 'gateway' | 'interfaceIndex' | 'preferredSource'> {
  const { family, gateway = null, interfaceIndex: index = null, preferredSource = null } = route;
  return {
    gateway: gateway === null ? null : gatewayToWire(`${path}.gateway`, gateway, family),
    interfaceIndex: index === null ? 0 : interfaceIndex(`${path}.interfaceIndex`, index),
    preferredSource:
      preferredSource === null ? null : ipAddressOf(`${path}.preferredSource`, preferredSource, family),
  };
}

/** An IPv4 route may lead through an IPv6 gateway, but not the other way round. */
function gatewayToWire(path: string, gateway: string, family: IpFamily): string {
  return family === 'ipv4' ? ipAddress(path, gateway).text : ipAddressOf(path, gateway, family);
}

/** As `ip route` chooses. IPv6 has no scopes. */
function defaultScope(family: IpFamily, type: RouteType, gateway: string | null): number {
  if (family === 'ipv6') return RT_SCOPE_UNIVERSE;
  switch (type) {
    case 'local':
      return RT_SCOPE_HOST;
    case 'broadcast':
    case 'multicast':
    case 'anycast':
      return RT_SCOPE_LINK;
    case 'unicast':
      return gateway === null ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    case 'blackhole':
    case 'unreachable':
    case 'prohibit':
    case 'throw':
    case 'other':
      return RT_SCOPE_UNIVERSE;
  }
}
