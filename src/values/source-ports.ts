/** The ports on this node from which lvscare connects to real servers. */

/** Bounds included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/**
 * What `--health-source-ports` gives. `auto`: ports that the kernel gives to no client, and its own choice for a server whose answers to
 * them do not arrive. `kernel`: always its own choice.
 */
export type SourcePortChoice = 'auto' | 'kernel' | PortRange;

/** The fewest ports of a range: of each server, a connection is kept, and a probe may make many at once. */
export const FEWEST_PORTS = 256;

/** `61440-65535` */
export function portsInWords({ first, last }: PortRange): string {
  return `${first}-${last}`;
}

/** What is wrong where a server answers to no connection from these ports, and the cure. */
export function filteredPortsInWords(ports: PortRange, server: string): string {
  const range = portsInWords(ports);
  return (
    `${server} answers to ports that the kernel chooses, which probes use now, but not to ports ${range}: ` +
    `let the packet filter pass answers to ${range}, or set --health-source-ports kernel`
  );
}
