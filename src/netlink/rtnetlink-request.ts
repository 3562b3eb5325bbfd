/** Everything that can be asked of rtnetlink, checked and turned into what the addon takes. */

import { type AddressFilter, addressFilterToWire, addressToWire } from './address.js';
import type { WireAddressRequest, WireLinkRequest, WireRoute, WireRouteRequest } from './contract.js';
import { linkToWire } from './link.js';
import {
  type RouteFilter,
  routeFilterToWire,
  routeQueryToWire,
  routeSelectorToWire,
  routeToWire,
} from './route.js';
import type { InterfaceAddressKey, RouteQuery, RouteSelector, RouteSpec } from './types.js';
import { interfaceIndex, interfaceName } from './validate.js';

export type RtnetlinkRequest =
  | { readonly kind: 'createDummyLink'; readonly name: string }
  | { readonly kind: 'setLinkUp' | 'deleteLink'; readonly index: number }
  | { readonly kind: 'addAddress' | 'deleteAddress'; readonly address: InterfaceAddressKey }
  | { readonly kind: 'replaceRoute'; readonly route: RouteSpec }
  | { readonly kind: 'deleteRoute'; readonly route: RouteSelector }
  | { readonly kind: 'listLinks' }
  | { readonly kind: 'findLink'; readonly name: string }
  | { readonly kind: 'listAddresses'; readonly filter: AddressFilter }
  | { readonly kind: 'listRoutes'; readonly filter: RouteFilter }
  | { readonly kind: 'lookupRoute'; readonly query: RouteQuery };

/** One message for each request; listing the routes of all families takes two. */
export function rtnetlinkRequestToWire(request: RtnetlinkRequest): WireRouteRequest[] {
  const { kind } = request;
  switch (kind) {
    case 'listLinks':
      return [aboutLink(kind, linkToWire.any())];
    case 'findLink':
      return [aboutLink(kind, linkToWire.byName(interfaceName('name', request.name)))];
    case 'createDummyLink':
      return [aboutLink(kind, linkToWire.dummy(interfaceName('name', request.name)))];
    case 'setLinkUp':
      return [aboutLink(kind, linkToWire.up(interfaceIndex('index', request.index)))];
    case 'deleteLink':
      return [aboutLink(kind, linkToWire.byIndex(interfaceIndex('index', request.index)))];
    case 'listAddresses':
      return [aboutAddress(kind, addressFilterToWire('filter', request.filter))];
    case 'addAddress':
    case 'deleteAddress':
      return [aboutAddress(kind, addressToWire('address', request.address))];
    case 'listRoutes':
      return routeFilterToWire('filter', request.filter).map((filter) => aboutRoute(kind, filter));
    case 'replaceRoute':
      return [aboutRoute(kind, routeToWire('route', request.route))];
    case 'deleteRoute':
      return [aboutRoute(kind, routeSelectorToWire('route', request.route))];
    case 'lookupRoute':
      return [aboutRoute(kind, routeQueryToWire('query', request.query))];
  }
}

function aboutLink(operation: string, link: WireLinkRequest): WireRouteRequest {
  return { operation, link, address: null, route: null };
}

function aboutAddress(operation: string, address: WireAddressRequest): WireRouteRequest {
  return { operation, link: null, address, route: null };
}

function aboutRoute(operation: string, route: WireRoute): WireRouteRequest {
  return { operation, link: null, address: null, route };
}
