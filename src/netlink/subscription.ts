import { addressFromWire } from './address.js';
import { loadAddon } from './addon.js';
import type { NativeSubscription, WireGroup, WireValue } from './contract.js';
import { failureError, type NetlinkError } from './errors.js';
import { linkFromWire } from './link.js';
import { families } from './names.js';
import { routeFromWire } from './route.js';
import type { EventGroup, IpFamily, RtnetlinkEvent, SubscribeOptions } from './types.js';
import { checkObject, ipAddress, oneOf, refuse } from './validate.js';

/** Subscribes; the kernel has the subscription when this returns. Ended from the start if the signal is aborted. */
export function subscribe(options: SubscribeOptions): AsyncIterableIterator<RtnetlinkEvent, undefined> {
  checkObject('options', options);
  if (!((options.signal as unknown) instanceof AbortSignal))
    refuse('options.signal', 'an AbortSignal', options.signal);
  const groups = wireGroups(options);
  const { routeDestination } = options;
  const destination =
    routeDestination === undefined ? null : ipAddress('options.routeDestination', routeDestination).text;
  const native = new (loadAddon().Subscription)();
  if (!options.signal.aborted) {
    const failure = native.start(groups, destination);
    if (failure !== null) throw failureError('subscribe', failure);
  }
  return new EventStream(native, options.signal);
}

type Next = IteratorResult<RtnetlinkEvent, undefined>;

interface Waiter {
  readonly resolve: (next: Next) => void;
  readonly reject: (error: NetlinkError) => void;
}

/** More than these would keep the event loop from its other work for too long. */
const MOST_AT_ONCE = 256;

/**
 * Events wait in the addon's bounded queue until a reader asks for them. While one does, the addon holds on to the
 * callback, and the process is kept alive; an unreachable stream is collected, and its thread ends. Each turn of the event
 * loop takes a few of them, however many there are.
 */
class EventStream implements AsyncIterableIterator<RtnetlinkEvent, undefined> {
  readonly #native: NativeSubscription;
  readonly #signal: AbortSignal;
  readonly #onAbort = (): void => {
    this.#end();
  };
  readonly #waiters: Waiter[] = [];
  #events: RtnetlinkEvent[] = [];
  #error: NetlinkError | null = null;
  #ended = false;

  constructor(native: NativeSubscription, signal: AbortSignal) {
    this.#native = native;
    this.#signal = signal;
    if (signal.aborted) this.#ended = true;
    else signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  next(): Promise<Next> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      if (this.#waiters.length === 1) this.#serve();
    });
  }

  return(): Promise<Next> {
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Gives the waiters what there is; if some remain, goes on in another turn of the event loop, once there is more. */
  #serve(): void {
    while (this.#waiters.length > 0) {
      const event = this.#ended ? undefined : this.#events.shift();
      if (event !== undefined) {
        this.#waiters.shift()?.resolve({ done: false, value: event });
      } else if (this.#error !== null && !this.#ended) {
        this.#waiters.shift()?.reject(this.#error);
        this.#end();
      } else if (this.#ended) {
        this.#waiters.shift()?.resolve({ done: true, value: undefined });
      } else {
        const takeInNextTurn = (): void => {
          setImmediate(() => {
            this.#take();
          });
        };
        if (!this.#native.wait(takeInNextTurn)) takeInNextTurn();
        return;
      }
    }
  }

  #take(): void {
    if (this.#ended) return;
    const { events, overrun, failure } = this.#native.take(MOST_AT_ONCE);
    if (overrun) this.#events.push({ kind: 'overrun' });
    this.#events.push(...events.flatMap(eventFromWire));
    if (failure !== null) this.#error = failureError('subscribe', failure);
    this.#serve();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#native.stop();
    this.#events = [];
    this.#serve();
  }
}

function eventFromWire(value: WireValue): RtnetlinkEvent[] {
  try {
    switch (value.kind) {
      case 'link':
        return [{ kind: 'link', change: changeOf(value), link: linkFromWire(value) }];
      case 'address':
        return [{ kind: 'address', change: changeOf(value), address: addressFromWire('subscribe', value) }];
      case 'route':
        return [{ kind: 'route', change: changeOf(value), route: routeFromWire('subscribe', value) }];
      default:
        return [];
    }
  } catch {
    // An event of an unknown kind: the reader must look.
    return [{ kind: 'overrun' }];
  }
}

function changeOf({ deleted }: { readonly deleted: boolean }): 'new' | 'deleted' {
  return deleted ? 'deleted' : 'new';
}

const eventGroups: Readonly<Record<EventGroup, number>> = { link: 0, address: 1, route: 2 };

function wireGroups({ groups, families: wanted }: SubscribeOptions): WireGroup[] {
  const chosenGroups = choose('options.groups', groups, eventGroups);
  const chosenFamilies: IpFamily[] = choose('options.families', wanted, families);
  return chosenGroups.flatMap((group): WireGroup[] =>
    group === 'link' ? ['link'] : chosenFamilies.map((family): WireGroup => `${family}-${group}`),
  );
}

function choose<Name extends string>(
  path: string,
  chosen: readonly Name[] | undefined,
  names: Readonly<Record<Name, number>>,
): Name[] {
  if (chosen === undefined) return Object.keys(names) as Name[];
  if (!Array.isArray(chosen) || chosen.length === 0) refuse(path, 'a non-empty array', chosen);
  return [...new Set(chosen.map((name: Name, i) => oneOf(`${path}[${i}]`, name, names)))];
}
