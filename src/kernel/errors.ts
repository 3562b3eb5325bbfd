/** What the kernel refused, in words for an operator. The `cause` is the error it came from. */
export class KernelError extends Error {
  override name = 'KernelError';

  constructor(message: string, cause: unknown) {
    super(message, { cause });
  }
}
