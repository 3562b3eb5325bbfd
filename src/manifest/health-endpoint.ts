import { isIPv6 } from 'node:net';
import type { CareConfig } from '../config/care-config.js';

/** Where kubelet requests `/healthz`. */
export interface HealthEndpoint {
  /** The host, or null for the pod's own address, which is the node's. */
  readonly host: string | null;
  readonly port: number;
  readonly scheme: 'HTTP' | 'HTTPS';
}

/**
 * The default of `--metrics-addr` in a pod: the node's address, which kubelet inserts. Not `status.hostIP`: kubelet starts no
 * container until it knows that address, and it may need this very pod to reach the apiserver that has it. `status.podIP` is
 * the same address once it is known, and empty before: then lvscare listens at 127.0.0.1, where kubelet then sends its probes, and kubelet
 * restarts the container when it knows the address and finds nothing there.
 */
export const POD_METRICS_ADDRESS = '[$(POD_IP)]:9288';
/** Where kubelet reaches {@link POD_METRICS_ADDRESS}. */
export function atThePod(scheme: HealthEndpoint['scheme']): HealthEndpoint {
  return { host: null, port: 9288, scheme };
}

/** Where kubelet, on the same node, reaches a metrics address, or null if it cannot, as with a Unix socket. */
export function healthEndpoint(
  metricsAddress: CareConfig['metricsAddress'],
  scheme: HealthEndpoint['scheme'],
): HealthEndpoint | null {
  if (metricsAddress?.kind !== 'tcp') return null;
  const { address, port } = metricsAddress;
  return { scheme, host: isEverywhere(address) ? '127.0.0.1' : address, port };
}

function isEverywhere(address: string): boolean {
  return address === '0.0.0.0' || (isIPv6(address) && /^[0:]+$/.test(address));
}
