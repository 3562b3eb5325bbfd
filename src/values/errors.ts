/** What the kernel refused, in words for an operator. `cause` is the original error. */
export class KernelError extends Error {
  override name = 'KernelError';

  constructor(message: string, cause: unknown) {
    super(message, { cause });
  }
}

/** The error of a change, with the command that makes the same change by hand. */
export function explainRefusal(error: unknown, command: string): KernelError {
  if (error instanceof KernelError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return new KernelError(
    code === 'EPERM'
      ? `${command}: not permitted, it takes root or the capability NET_ADMIN`
      : `${command}: ${message}`,
    error,
  );
}
