import { readFileSync } from 'node:fs';

/** Bounds included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

const KERNELS_CHOICE = '/proc/sys/net/ipv4/ip_local_port_range';
/** A smaller range is not used. */
const FEWEST = 256;
const MOST = 4096;

/**
 * Ports that the kernel does not choose by itself, or null if its range leaves too few. A client that reaches a real server
 * through the virtual server comes from this node's address, as a probe does. With the port of a probe, too, the server could
 * not distinguish the two connections.
 */
export function portsOutsideOf(kernels: PortRange): PortRange | null {
  if (65535 - kernels.last >= FEWEST) {
    return { first: Math.max(kernels.last + 1, 65535 - MOST + 1), last: 65535 };
  }
  if (kernels.first - 1024 >= FEWEST) {
    return { first: Math.max(1024, kernels.first - MOST), last: kernels.first - 1 };
  }
  return null;
}

/** The ports that the kernel chooses from, for both families; null if they cannot be read. */
export function kernelsPortRange(file = KERNELS_CHOICE): PortRange | null {
  try {
    const [, first, last] = /^(\d+)\s+(\d+)\s*$/.exec(readFileSync(file, 'utf8')) ?? [];
    return first === undefined ? null : { first: Number(first), last: Number(last) };
  } catch {
    return null;
  }
}

/** A random port of the range; without a range 0, which lets the kernel choose. */
export function anyPort(range: PortRange | null, random: () => number): number {
  return range === null ? 0 : range.first + Math.floor(random() * (range.last - range.first + 1));
}
