/** The program that created a route: rtm_protocol, RTPROT_* in rtnetlink(7). */

/** The kernel, for an address of an interface. Old kernels use 0 for IPv6. */
const MADE_BY_KERNEL: readonly number[] = [0, 2];
/** lvscare: `static`, as an administrator would. */
export const MADE_BY_ADMINISTRATOR = 4;
/** The default of `ip route`, and the Go lvscare: `boot`. */
const MADE_BY_COMMAND = 3;

export function madeByKernel(protocol: number): boolean {
  return MADE_BY_KERNEL.includes(protocol);
}

/** Whether lvscare created it, or an administrator by the same command, and not a routing daemon. */
export function madeByHand(protocol: number): boolean {
  return protocol === MADE_BY_ADMINISTRATOR || protocol === MADE_BY_COMMAND;
}
