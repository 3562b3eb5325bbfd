/** A refusal of the kernel, in words for an operator; `cause` is the error behind it. */
export class KernelError extends Error {
  override name = 'KernelError';

  constructor(message: string, cause: unknown) {
    super(message, { cause });
  }
}

/** For EPERM. */
export const NOT_PERMITTED = 'not permitted: run as root, or with the capability NET_ADMIN';

/** An error of a change, with the command that would make the same change. */
export function explainRefusal(error: unknown, command: string): KernelError {
  if (error instanceof KernelError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return new KernelError(`${command}: ${code === 'EPERM' ? NOT_PERMITTED : message}`, error);
}
