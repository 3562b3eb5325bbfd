/** Addresses of interfaces: arguments to wire values, wire values to addresses. */

import type { WireAddress, WireAddressRequest } from './contract.js';
import { families, nameOf } from './names.js';
import type { InterfaceAddress, InterfaceAddressKey, IpFamily } from './types.js';
import { checkObject, interfaceIndex, ipAddress, oneOf, prefixLength } from './validate.js';

const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_HOST = 254;

export interface AddressFilter {
  readonly family?: IpFamily;
  readonly interfaceIndex?: number;
  readonly address?: string;
}

export function addressFilterToWire(path: string, filter: AddressFilter): WireAddressRequest {
  checkObject(path, filter);
  return {
    family: filter.family === undefined ? 0 : families[oneOf(`${path}.family`, filter.family, families)],
    address: filter.address === undefined ? null : ipAddress(`${path}.address`, filter.address).text,
    prefixLength: 0,
    scope: 0,
    interfaceIndex:
      filter.interfaceIndex === undefined
        ? 0
        : interfaceIndex(`${path}.interfaceIndex`, filter.interfaceIndex),
  };
}

export function addressToWire(path: string, key: InterfaceAddressKey): WireAddressRequest {
  checkObject(path, key);
  const { family, text } = ipAddress(`${path}.address`, key.address);
  return {
    family: families[family],
    address: text,
    prefixLength: prefixLength(`${path}.prefixLength`, key.prefixLength, family),
    // As `ip address add` does.
    scope: family === 'ipv4' && text.startsWith('127.') ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
    interfaceIndex: interfaceIndex(`${path}.interfaceIndex`, key.interfaceIndex),
  };
}

export function addressFromWire(operation: string, wire: WireAddress): InterfaceAddress {
  return {
    family: nameOf(families, wire.family, 'address family', operation),
    address: wire.address,
    prefixLength: wire.prefixLength,
    interfaceIndex: wire.interfaceIndex,
  };
}
