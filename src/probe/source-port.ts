import { readFileSync } from 'node:fs';

/** Bounds included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

const KERNELS_CHOICE = '/proc/sys/net/ipv4/ip_local_port_range';
/** Fewer are not worth the trouble. */
const FEWEST = 256;
const MOST = 4096;

/**
 * Ports that the kernel gives to nobody who does not ask for one. A client that reaches a real server through the virtual
 * server comes from this node's address, as a probe does; would it have the port of a probe as well, then the two were one
 * connection to the server. Null if the kernel's range leaves no room: then probes take what comes.
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

/** The ports that the kernel gives to who asks for none, for both families; null if that cannot be read. */
export function kernelsPortRange(file = KERNELS_CHOICE): PortRange | null {
  try {
    const [, first, last] = /^(\d+)\s+(\d+)\s*$/.exec(readFileSync(file, 'utf8')) ?? [];
    return first === undefined ? null : { first: Number(first), last: Number(last) };
  } catch {
    return null;
  }
}

/** A port of the range, each as likely; 0, the kernel's choice, if there is none. */
export function anyPort(range: PortRange | null, random: () => number): number {
  return range === null ? 0 : range.first + Math.floor(random() * (range.last - range.first + 1));
}
