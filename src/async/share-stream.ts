import { AsyncQueue } from './queue.js';

type Open<Value> = (signal: AbortSignal) => AsyncIterable<Value>;
type Arrival<Value> =
  { readonly kind: 'value'; readonly value: Value } | { readonly kind: 'ended'; readonly error: unknown };

/**
 * One stream for many consumers: each gets the values that come from when it begins on. The stream is opened for the first one, and ended
 * with the last one. An error of the stream is every consumer's; the next one opens it anew.
 */
export function shareStream<Value>(open: Open<Value>): Open<Value> {
  let consumers = new Set<AsyncQueue<Arrival<Value>>>();
  let ending = new AbortController();

  async function pump(signal: AbortSignal, to: ReadonlySet<AsyncQueue<Arrival<Value>>>): Promise<void> {
    const tell = (arrival: Arrival<Value>): void => {
      for (const consumer of to) consumer.add(arrival);
    };
    let error: unknown = null;
    try {
      for await (const value of open(signal)) tell({ kind: 'value', value });
    } catch (thrown) {
      error = thrown;
    }
    // Those that come from now on begin another one.
    if (consumers === to) consumers = new Set();
    tell({ kind: 'ended', error });
  }

  return async function* (signal) {
    if (signal.aborted) return;
    const queue = new AsyncQueue<Arrival<Value>>();
    const isFirst = consumers.size === 0;
    consumers.add(queue);
    const own = consumers;
    if (isFirst) {
      ending = new AbortController();
      void pump(ending.signal, own);
    }
    const end = ending;
    const onAbort = (): void => {
      queue.add({ kind: 'ended', error: null });
    };
    signal.addEventListener('abort', onAbort);
    try {
      for (;;) {
        const arrival = await queue.next();
        if (arrival.kind === 'value') yield arrival.value;
        else if (arrival.error !== null) throw arrival.error as Error;
        else return;
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      own.delete(queue);
      if (own.size === 0) {
        if (consumers === own) consumers = new Set();
        end.abort();
      }
    }
  };
}
