import { isIPv6 } from 'node:net';
import type { CareConfig } from '../config/care-config.js';

/** Where the kubelet asks for `/healthz`. */
export interface HealthEndpoint {
  readonly host: string;
  readonly port: number;
}

/** Where the kubelet, which is on the same node, reaches what listens there; null where it cannot, as at a Unix socket. */
export function healthEndpoint(metricsAddress: CareConfig['metricsAddress']): HealthEndpoint | null {
  if (metricsAddress?.kind !== 'tcp') return null;
  const { address, port } = metricsAddress;
  return { host: address === null || isEverywhere(address) ? '127.0.0.1' : address, port };
}

function isEverywhere(address: string): boolean {
  return address === '0.0.0.0' || (isIPv6(address) && /^[0:]+$/.test(address));
}
