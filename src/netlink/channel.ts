import { loadAddon } from './addon.js';
import type {
  NativeHandle,
  WireFailure,
  WireProtocol,
  WireRequest,
  WireResult,
  WireValue,
} from './contract.js';
import { closedError, failureError } from './errors.js';
import type { BatchResult, RequestOptions } from './types.js';
import { checkObject, timeoutMs } from './validate.js';

const defaultTimeoutMs = 5000;

/**
 * Promises over a native handle. Requests run one after another in the order of their calls; each has a deadline,
 * counted from its call.
 */
class Channel {
  readonly #handle: NativeHandle;
  readonly #timeoutMs: number;
  #closing: Promise<void> | null = null;

  constructor(protocol: WireProtocol, options: RequestOptions) {
    this.#timeoutMs = readTimeout(options, defaultTimeoutMs);
    this.#handle = new (loadAddon().Handle)(protocol);
    const failure = this.#handle.open();
    if (failure !== null) throw failureError('open', failure);
  }

  get portId(): number {
    return this.#handle.portId;
  }

  /**
   * What the kernel answered to each request of one operation, nothing for a mere acknowledgment or a failure that
   * `absent` takes for a value. Rejects with the operation's NetlinkError for the first other failure.
   */
  async requests(
    operation: string,
    requests: readonly WireRequest[],
    options: RequestOptions | undefined,
    absent: (failure: WireFailure) => boolean = () => false,
  ): Promise<WireValue[][]> {
    const results = await this.#submit(operation, requests, options);
    return results.map(({ values, failure }) => {
      if (failure === null) return values;
      if (!failure.resolvingFamily && absent(failure)) return [];
      throw failureError(operation, failure);
    });
  }

  /** Runs all of them in one go; a failed one does not stop the others. */
  async batch(
    operations: readonly { readonly kind: string }[],
    requests: readonly WireRequest[],
    options: RequestOptions | undefined,
  ): Promise<BatchResult[]> {
    const results = await this.#submit('batch', requests, options);
    return results.map(({ failure }, i) =>
      failure === null
        ? { ok: true }
        : { ok: false, error: failureError(operations[i]?.kind ?? 'batch', failure) },
    );
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      // A turn later, so that answers reach their callers before this does.
      this.#handle.close(() => setImmediate(resolve));
    });
    return this.#closing;
  }

  assertOpen(operation: string): void {
    if (this.#closing !== null) throw closedError(operation);
  }

  #submit(
    operation: string,
    requests: readonly WireRequest[],
    options: RequestOptions | undefined,
  ): Promise<WireResult[]> {
    const timeout = readTimeout(options, this.#timeoutMs);
    this.assertOpen(operation);
    if (requests.length === 0) return Promise.resolve([]);
    return new Promise((resolve) => {
      const ticket = this.#handle.submit(requests, timeout, (results) => {
        clearTimeout(timer);
        resolve(results);
      });
      // The addon minds the deadline too, but cannot while the kernel holds its thread, as it may for as long as a
      // module takes to load. The work keeps the process alive; the timer need not.
      const timer = setTimeout(() => {
        const results = this.#handle.expire(ticket);
        if (results !== null) resolve(results);
      }, timeout).unref();
    });
  }
}

/** What every handle has. */
export abstract class Handle implements AsyncDisposable {
  protected readonly channel: Channel;

  protected constructor(protocol: WireProtocol, options: RequestOptions) {
    this.channel = new Channel(protocol, options);
  }

  /** The netlink port id of the socket, for diagnostics; 0 while there is none. A broken socket is replaced. */
  get portId(): number {
    return this.channel.portId;
  }

  /**
   * Waits for all requests made so far, then closes the socket. Requests made later reject with `ERR_CLOSED`; closing
   * twice is harmless.
   */
  close(): Promise<void> {
    return this.channel.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function readTimeout(options: RequestOptions | undefined, byDefault: number): number {
  if (options === undefined) return byDefault;
  checkObject('options', options);
  return options.timeoutMs === undefined ? byDefault : timeoutMs('options.timeoutMs', options.timeoutMs);
}
