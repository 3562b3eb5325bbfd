import { stallAwareTimeout } from '../async/stall-aware-timeout.js';

/** A signal that aborts with this error after `timeoutMs`, or with the other one; `end` releases it. */
export function limited(
  timeoutMs: number,
  words: string,
  signal: AbortSignal,
): { readonly signal: AbortSignal; readonly end: () => void } {
  const limit = new AbortController();
  const cancel = stallAwareTimeout(timeoutMs, () => {
    limit.abort(new Error(words));
  });
  const stop = (): void => {
    cancel();
    limit.abort(signal.reason);
  };
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  return {
    signal: limit.signal,
    end: () => {
      cancel();
      signal.removeEventListener('abort', stop);
    },
  };
}

/** Rejects when the signal aborts before the work is done, which may then go on unseen. */
export async function unlessAborted<Value>(signal: AbortSignal, work: Promise<Value>): Promise<Value> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => {
      reject(signal.reason as Error);
    };
  });
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
