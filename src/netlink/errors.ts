import { constants } from 'node:os';

import type { WireFailure } from './contract.js';

/**
 * The kernel refused, or did not answer. Match `code` and `operation`, never `message`.
 *
 * | code | meaning |
 * |---|---|
 * | an errno's name: `ENOENT`, `EEXIST`, `EPERM`, `ESRCH`, ... | what the kernel answered |
 * | `ETIMEDOUT` | no answer by the deadline: the request may or may not have been carried out |
 * | `EINTR` | the table changed during each of eight attempts to list it |
 * | `EBADMSG` | a message that could not be understood |
 * | `EPROTOTYPE` | of a socket that was handed in: it is not a TCP socket, or not a Unix one |
 * | `ERR_CLOSED` | called after `close()`; `errno` is 0 |
 */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  readonly code: string;
  /** Positive. */
  readonly errno: number;
  /** The method that was called, `createService` for example; or `resolveFamily`, see {@link isIpvsMissing}. */
  readonly operation: string;
  /** What the kernel said in words (extended ACK), or null if it did not. */
  readonly kernelMessage: string | null;

  constructor(operation: string, failure: Omit<WireFailure, 'resolvingFamily'>) {
    const said = failure.kernelMessage === null ? '' : `: ${failure.kernelMessage}`;
    super(`${operation}: ${failure.description} (${failure.code})${said}`);
    this.code = failure.code;
    this.errno = failure.errno;
    this.operation = operation;
    this.kernelMessage = failure.kernelMessage;
  }
}

/**
 * Whether the kernel has no IPVS: the module `ip_vs` is not loaded and could not be loaded by asking for it. The error
 * is then that of the operation `resolveFamily`, which every IPVS request begins with, with the code `ENOENT`.
 */
export function isIpvsMissing(error: unknown): boolean {
  return error instanceof NetlinkError && error.operation === 'resolveFamily' && error.code === 'ENOENT';
}

export function failureError(operation: string, failure: WireFailure): NetlinkError {
  return new NetlinkError(failure.resolvingFamily ? 'resolveFamily' : operation, failure);
}

export function closedError(operation: string): NetlinkError {
  return new NetlinkError(operation, {
    errno: 0,
    code: 'ERR_CLOSED',
    description: 'the handle is closed',
    kernelMessage: null,
  });
}

/** A message that could not be understood; `what` says more, if anything is known. */
export function malformedError(operation: string, what: string | null): NetlinkError {
  return new NetlinkError(operation, {
    errno: constants.errno.EBADMSG,
    code: 'EBADMSG',
    description: what === null ? 'malformed message' : `malformed message, ${what}`,
    kernelMessage: null,
  });
}
