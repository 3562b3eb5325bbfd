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
import type { RouteQuery, RtnetlinkOperation } from './types.js';
import { checkObject, interfaceIndex, interfaceName, refuse } from './validate.js';

export type RtnetlinkRequest =
  | RtnetlinkOperation
  | { readonly kind: 'listLinks' }
  | { readonly kind: 'findLink'; readonly name: string }
  | { readonly kind: 'listAddresses'; readonly filter: AddressFilter }
  | { readonly kind: 'listRoutes'; readonly filter: RouteFilter }
  | { readonly kind: 'lookupRoute'; readonly query: RouteQuery };

/**
 * One message for each request; listing the routes of all families takes two. prefix goes in front of the field paths of
 * errors: `operations[3].`, or nothing.
 */
export function rtnetlinkRequestToWire(prefix: string, request: RtnetlinkRequest): WireRouteRequest[] {
  const { kind } = request;
  switch (kind) {
    case 'listLinks':
      return [aboutLink(kind, linkToWire.any())];
    case 'findLink':
      return [aboutLink(kind, linkToWire.byName(interfaceName(`${prefix}name`, request.name)))];
    case 'createDummyLink':
      return [aboutLink(kind, linkToWire.dummy(interfaceName(`${prefix}name`, request.name)))];
    case 'setLinkUp':
      return [aboutLink(kind, linkToWire.up(interfaceIndex(`${prefix}index`, request.index)))];
    case 'deleteLink':
      return [aboutLink(kind, linkToWire.byIndex(interfaceIndex(`${prefix}index`, request.index)))];
    case 'listAddresses':
      return [aboutAddress(kind, addressFilterToWire(`${prefix}filter`, request.filter))];
    case 'addAddress':
    case 'deleteAddress':
      return [aboutAddress(kind, addressToWire(`${prefix}address`, request.address))];
    case 'listRoutes':
      return routeFilterToWire(`${prefix}filter`, request.filter).map((filter) => aboutRoute(kind, filter));
    case 'replaceRoute':
      return [aboutRoute(kind, routeToWire(`${prefix}route`, request.route))];
    case 'deleteRoute':
      return [aboutRoute(kind, routeSelectorToWire(`${prefix}route`, request.route))];
    case 'lookupRoute':
      return [aboutRoute(kind, routeQueryToWire(`${prefix}query`, request.query))];
  }
}

const operationKinds: Readonly<Record<RtnetlinkOperation['kind'], true>> = {
  createDummyLink: true,
  setLinkUp: true,
  deleteLink: true,
  addAddress: true,
  deleteAddress: true,
  replaceRoute: true,
  deleteRoute: true,
};

/** For operations of a batch: only those that change something. */
export function rtnetlinkOperationToWire(prefix: string, operation: RtnetlinkOperation): WireRouteRequest[] {
  checkObject(prefix.slice(0, -1), operation);
  if (!Object.hasOwn(operationKinds, operation.kind)) {
    refuse(`${prefix}kind`, `one of ${Object.keys(operationKinds).join(', ')}`, operation.kind);
  }
  return rtnetlinkRequestToWire(prefix, operation);
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
