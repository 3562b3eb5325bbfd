/** Virtual services: arguments to wire values, wire values to services. */

import { isIPv4 } from 'node:net';

import type { WireService, WireServiceConfig, WireServiceId } from './contract.js';
import { families, nameOf, nameOrNumber, protocols } from './names.js';
import type { IpFamily, Service, ServiceConfig, ServiceKey } from './types.js';
import { checkObject, integer, ipAddress, kernelName, oneOf, port, refuse, uint32Max } from './validate.js';

export function serviceToWire(path: string, key: ServiceKey): WireServiceId {
  checkObject(path, key);
  if ('fwmark' in key) {
    const family = oneOf(`${path}.family`, key.family, families);
    const fwmark = integer(`${path}.fwmark`, key.fwmark, 1, uint32Max);
    return { family: families[family], protocol: 0, address: null, port: 0, fwmark };
  }
  const protocol =
    typeof key.protocol === 'number'
      ? integer(`${path}.protocol`, key.protocol, 1, 255)
      : protocols[oneOf(`${path}.protocol`, key.protocol, protocols)];
  const address = ipAddress(`${path}.address`, key.address);
  return {
    family: families[address.family],
    protocol,
    address: address.text,
    port: port(`${path}.port`, key.port),
    fwmark: 0,
  };
}

/** The kernel multiplies by its tick rate, at most 1000, in 32 bits. */
const maxTimeoutSeconds = Math.floor(uint32Max / 1000);

export function serviceConfigToWire(
  path: string,
  config: ServiceConfig,
  service: WireServiceId,
): WireServiceConfig {
  checkObject(path, config);
  const { scheduler, flags = 0, timeoutSeconds = 0, netmask, peName = null } = config;
  return {
    scheduler: kernelName(`${path}.scheduler`, scheduler),
    flags: integer(`${path}.flags`, flags, 0, uint32Max),
    timeout: integer(`${path}.timeoutSeconds`, timeoutSeconds, 0, maxTimeoutSeconds),
    netmask: netmaskToWire(`${path}.netmask`, netmask, service.family === families.ipv4 ? 'ipv4' : 'ipv6'),
    peName: peName === null ? null : kernelName(`${path}.peName`, peName),
  };
}

export function serviceFromWire(operation: string, wire: WireService): Service {
  const family = nameOf(families, wire.family, 'address family', operation);
  const { fwmark, address, port, scheduler, flags, peName, stats } = wire;
  return {
    key:
      address === null
        ? { fwmark, family }
        : { protocol: nameOrNumber(protocols, wire.protocol), address, port },
    scheduler,
    flags,
    timeoutSeconds: wire.timeout,
    netmask: netmaskFromWire(wire.netmask, family),
    peName,
    stats,
  };
}

function netmaskToWire(path: string, netmask: unknown, family: IpFamily): number {
  if (family === 'ipv6') {
    if (netmask === undefined) return 128;
    const length = typeof netmask === 'string' && /^\d{1,3}$/.test(netmask) ? Number(netmask) : 0;
    if (length >= 1 && length <= 128) return length;
    refuse(path, "an IPv6 prefix length from '1' to '128'", netmask);
  }
  if (netmask === undefined) return uint32Max;
  if (typeof netmask !== 'string' || !isIPv4(netmask))
    refuse(path, "an IPv4 netmask such as '255.255.255.0'", netmask);
  return netmask.split('.').reduce((mask, byte) => mask * 256 + Number(byte), 0);
}

function netmaskFromWire(netmask: number, family: IpFamily): string {
  if (family === 'ipv6') return String(netmask);
  return [24, 16, 8, 0].map((shift) => (netmask >>> shift) & 0xff).join('.');
}
