/**
 * Where a server listens: the identity of virtual and of real servers. It is parsed once, from canonical text; two endpoints
 * are the same if and only if their `text` is.
 */
export interface Endpoint {
  readonly family: 'ipv4' | 'ipv6';
  /** As inet_ntop(3) writes it. */
  readonly address: string;
  readonly port: number;
  /** `10.103.97.2:6443` or `[fd00::2]:6443`: for people, and as a key. */
  readonly text: string;
}

export function endpoint(family: Endpoint['family'], address: string, port: number): Endpoint {
  return { family, address, port, text: family === 'ipv6' ? `[${address}]:${port}` : `${address}:${port}` };
}

/** The prefix length of one host. */
export function hostLength(family: Endpoint['family']): number {
  return family === 'ipv4' ? 32 : 128;
}
