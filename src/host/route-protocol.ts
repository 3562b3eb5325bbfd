/** Who made a route: rtm_protocol, RTPROT_* in rtnetlink(7). */

/** A route that the kernel made by itself, for an address of an interface. Old ones say 0 for IPv6. */
const MADE_BY_KERNEL: readonly number[] = [0, 2];
/** The routes that we make: `static`, as an administrator's. */
export const MADE_BY_ADMINISTRATOR = 4;
/** What `ip route` makes when it is not told, and what the Go program made: `boot`. */
const MADE_BY_COMMAND = 3;

export function madeByKernel(protocol: number): boolean {
  return MADE_BY_KERNEL.includes(protocol);
}

/** One that we, or an administrator by the same command, made; a routing daemon's says whose it is. */
export function madeByHand(protocol: number): boolean {
  return protocol === MADE_BY_ADMINISTRATOR || protocol === MADE_BY_COMMAND;
}
