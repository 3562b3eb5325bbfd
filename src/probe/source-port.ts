import { readFileSync } from 'node:fs';
import { FEWEST_PORTS, type PortRange, type SourcePortChoice } from '../values/source-ports.js';

const KERNELS_CHOICE = '/proc/sys/net/ipv4/ip_local_port_range';
const MOST = 4096;

/** The ports to connect from; null lets the kernel choose. */
export function portsFor(choice: SourcePortChoice): PortRange | null {
  if (choice === 'kernel') return null;
  if (choice !== 'auto') return choice;
  const kernels = kernelsPortRange();
  return kernels === null ? null : portsOutsideOf(kernels);
}

/**
 * Ports that the kernel does not choose by itself, or null if its range leaves too few. A client that reaches a real server
 * through the virtual server comes from this node's address, as a probe does. With the port of a probe, too, the server could
 * not distinguish the two connections.
 */
function portsOutsideOf(kernels: PortRange): PortRange | null {
  if (65535 - kernels.last >= FEWEST_PORTS) {
    return { first: Math.max(kernels.last + 1, 65535 - MOST + 1), last: 65535 };
  }
  if (kernels.first - 1024 >= FEWEST_PORTS) {
    return { first: Math.max(1024, kernels.first - MOST), last: kernels.first - 1 };
  }
  return null;
}

/** The ports that the kernel chooses from, for both families; null if they cannot be read. */
export function kernelsPortRange(): PortRange | null {
  try {
    const [, first, last] = /^(\d+)\s+(\d+)\s*$/.exec(readFileSync(KERNELS_CHOICE, 'utf8')) ?? [];
    return first === undefined ? null : { first: Number(first), last: Number(last) };
  } catch {
    return null;
  }
}

/** A random port of the range; without a range 0, which lets the kernel choose. */
export function anyPort(range: PortRange | null, random: () => number): number {
  return range === null ? 0 : range.first + Math.floor(random() * (range.last - range.first + 1));
}
