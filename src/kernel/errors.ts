import { NetlinkError } from '../netlink/index.js';

/** What the kernel refused, in words for an operator. The `cause` is the error it came from. */
export class KernelError extends Error {
  override name = 'KernelError';

  constructor(message: string, cause: unknown) {
    super(message, { cause });
  }
}

/** Whether an error means that ip_vs is neither built in nor loaded, and could not be loaded on demand. */
export function isIpvsMissing(error: unknown): boolean {
  return error instanceof NetlinkError && error.operation === 'resolveFamily' && error.code === 'ENOENT';
}
