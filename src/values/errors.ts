/** What the kernel refused, in words for an operator. The `cause` is the error it came from. */
export class KernelError extends Error {
  override name = 'KernelError';

  constructor(message: string, cause: unknown) {
    super(message, { cause });
  }
}

/** An error of a change, named by the command that would have made it. */
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
