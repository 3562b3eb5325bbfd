import { isIPv6 } from 'node:net';

/** Where the kubelet asks for `/healthz`. */
export interface HealthEndpoint {
  readonly host: string;
  readonly port: number;
}

/** What `lvscare care` is told when nobody tells it otherwise: this node alone can ask. */
export const DEFAULT_METRICS_ADDRESS = '127.0.0.1:9288';

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
