import { isIPv6 } from 'node:net';

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

/**
 * Where the kubelet, which is on the same node, reaches what listens at `--metrics-addr`: `HOST:PORT`, `[IPv6]:PORT` or `:PORT`.
 * Null where it cannot: a Unix socket, nothing at all, or a port that is not known before.
 */
export function healthEndpoint(metricsAddress: string): HealthEndpoint | null {
  const [, bracketed, plain = '', digits = ''] =
    /^(?:\[([^\]]*)\]|([^:[\]/]*)):(\d{1,5})$/.exec(metricsAddress) ?? [];
  const port = Number(digits);
  if (digits === '' || port === 0) return null;
  const host = bracketed ?? plain;
  if (isEverywhere(host)) return { host: '127.0.0.1', port };
  return { host, port };
}

function isEverywhere(host: string): boolean {
  return host === '' || host === '0.0.0.0' || (isIPv6(host) && /^[0:]+$/.test(host));
}
