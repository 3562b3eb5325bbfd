/** Destinations (real servers): arguments to wire values, wire values to destinations. */

import type { WireDestination, WireDestinationConfig, WireDestinationId, WireServiceId } from './contract.js';
import { families, forwardings, nameOf, nameOrNumber, tunnelTypes } from './names.js';
import type {
  Destination,
  DestinationConfig,
  DestinationKey,
  ObservedTunnel,
  Tunnel,
  TunnelChecksum,
} from './types.js';
import { checkObject, integer, ipAddress, oneOf, port, refuse, uint32Max } from './validate.js';

export function destinationToWire(path: string, key: DestinationKey): WireDestinationId {
  checkObject(path, key);
  return { address: ipAddress(`${path}.address`, key.address).text, port: port(`${path}.port`, key.port) };
}

/** An atomic_t in the kernel. */
const maxWeight = 0x7fff_ffff;

export function destinationConfigToWire(path: string, config: DestinationConfig): WireDestinationConfig {
  checkObject(path, config);
  const { weight = 1, upperThreshold = 0, lowerThreshold = 0, tunnel = null } = config;
  const forwarding = oneOf(`${path}.forwarding`, config.forwarding ?? 'masquerade', forwardings);
  if (tunnel !== null && forwarding !== 'tunnel') {
    refuse(`${path}.tunnel`, `null with forwarding ${forwarding}`, tunnel);
  }
  return {
    forwarding: forwardings[forwarding],
    weight: integer(`${path}.weight`, weight, 0, maxWeight),
    upperThreshold: integer(`${path}.upperThreshold`, upperThreshold, 0, uint32Max),
    lowerThreshold: integer(`${path}.lowerThreshold`, lowerThreshold, 0, uint32Max),
    ...tunnelToWire(`${path}.tunnel`, tunnel ?? plainTunnel),
  };
}

/** The kernel forwards to another address family through a tunnel only. */
export function checkFamilies(
  path: string,
  service: WireServiceId,
  destination: DestinationKey,
  config: WireDestinationConfig,
): void {
  const { family } = ipAddress(path, destination.address);
  if (families[family] === service.family || config.forwarding === forwardings.tunnel) return;
  const expected = nameOf(families, service.family, 'address family', 'validate');
  refuse(`${path}.address`, `an ${expected} address, as the service's`, destination.address);
}

export function destinationFromWire(operation: string, wire: WireDestination): Destination {
  const forwarding = nameOrNumber(forwardings, wire.forwarding);
  return {
    family: nameOf(families, wire.family, 'address family', operation),
    address: wire.address,
    port: wire.port,
    forwarding,
    weight: wire.weight,
    upperThreshold: wire.upperThreshold,
    lowerThreshold: wire.lowerThreshold,
    tunnel: forwarding === 'tunnel' ? tunnelFromWire(wire) : null,
    activeConnections: wire.activeConnections,
    inactiveConnections: wire.inactiveConnections,
    persistentConnections: wire.persistentConnections,
    stats: wire.stats,
  };
}

// ---- tunnels ------------------------------------------------------------------------------------------------

const plainTunnel: Tunnel = { type: 'ipip', port: 0, checksum: 'none' };

/** IP_VS_TUNNEL_ENCAP_FLAG_* */
const checksums: Readonly<Record<TunnelChecksum, number>> = { none: 0, checksum: 1, 'remote-checksum': 2 };

type WireTunnel = Pick<WireDestinationConfig, 'tunnelType' | 'tunnelPort' | 'tunnelFlags'>;

function tunnelToWire(path: string, tunnel: Tunnel): WireTunnel {
  checkObject(path, tunnel);
  const type = oneOf(`${path}.type`, tunnel.type, tunnelTypes);
  const least = type === 'gue' ? 1 : 0;
  const most = type === 'gue' ? 65535 : 0;
  return {
    tunnelType: tunnelTypes[type],
    tunnelPort: integer(`${path}.port`, tunnel.port, least, most),
    tunnelFlags: checksums[oneOf(`${path}.checksum`, tunnel.checksum, checksums)],
  };
}

function tunnelFromWire({ tunnelType, tunnelPort, tunnelFlags }: WireTunnel): ObservedTunnel {
  const both = checksums.checksum | checksums['remote-checksum'];
  return {
    type: nameOrNumber(tunnelTypes, tunnelType),
    port: tunnelPort,
    // With both flags the kernel uses the remote checksum.
    checksum: tunnelFlags === both ? 'remote-checksum' : nameOrNumber(checksums, tunnelFlags),
  };
}
