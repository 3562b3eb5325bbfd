import { isIPv6 } from 'node:net';
import type { CareConfig } from '../config/care-config.js';

/** Where the kubelet asks for `/healthz`. */
export interface HealthEndpoint {
  /** null for the pod's own address, which is the node's. */
  readonly host: string | null;
  readonly port: number;
}

/**
 * What `lvscare care` is told in a pod when nobody tells it otherwise: to listen at the node's address, which the kubelet puts
 * in. Not `status.hostIP`: the kubelet starts no container while it does not know that, and it may have to reach an apiserver
 * by this very pod to be told. `status.podIP` is the same address where it is known, and else nothing: every address.
 */
export const POD_METRICS_ADDRESS = '[$(POD_IP)]:9288';
export const AT_THE_POD: HealthEndpoint = { host: null, port: 9288 };

/** Where the kubelet, which is on the same node, reaches what listens there; null where it cannot, as at a Unix socket. */
export function healthEndpoint(metricsAddress: CareConfig['metricsAddress']): HealthEndpoint | null {
  if (metricsAddress?.kind !== 'tcp') return null;
  const { address, port } = metricsAddress;
  return { host: address === null || isEverywhere(address) ? '127.0.0.1' : address, port };
}

function isEverywhere(address: string): boolean {
  return address === '0.0.0.0' || (isIPv6(address) && /^[0:]+$/.test(address));
}
