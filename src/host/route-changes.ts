import type { KernelChanges } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import type { Rtnetlink, RtnetlinkEvent } from '../netlink/index.js';

/**
 * Notifications that may concern how this node reaches the virtual server: its routes, any link, and any address of its
 * family.
 */
export function kernelChanges(rtnetlink: Rtnetlink, { address, family }: Endpoint): KernelChanges {
  return async function* (signal) {
    const options = { signal, families: [family], routeDestination: address };
    for await (const event of rtnetlink.subscribe(options)) yield words(event);
  };
}

/** One subscription, which virtual servers with the same address follow. */
interface Source {
  readonly followers: Set<Follower>;
  readonly ending: AbortController;
}

interface Follower {
  /** What it has not seen yet: the last change, why there will be no more, or null. */
  next: string | { readonly error: unknown } | null;
  wake: () => void;
}

/** The notifications for all virtual servers of this process: each subscription has a thread of its own, so there is one for each address. */
export class SharedKernelChanges {
  readonly #changesOf: (virtualServer: Endpoint) => KernelChanges;
  readonly #sources = new Map<string, Source>();

  constructor(changesOf: (virtualServer: Endpoint) => KernelChanges) {
    this.#changesOf = changesOf;
  }

  /** Changes that follow each other at once are one. */
  of(virtualServer: Endpoint): KernelChanges {
    return (signal) => this.#follow(virtualServer, signal);
  }

  async *#follow(virtualServer: Endpoint, signal: AbortSignal): AsyncGenerator<string> {
    const { address } = virtualServer;
    const source = this.#sources.get(address) ?? this.#begin(virtualServer);
    const follower: Follower = { next: null, wake: () => undefined };
    source.followers.add(follower);
    const onAbort = (): void => {
      follower.wake();
    };
    signal.addEventListener('abort', onAbort);
    try {
      while (!signal.aborted) {
        const { next } = follower;
        follower.next = null;
        if (typeof next === 'string') yield next;
        else if (next !== null) throw next.error;
        else await new Promise<void>((resolve) => (follower.wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      source.followers.delete(follower);
      if (source.followers.size === 0) this.#end(address, source);
    }
  }

  #begin(virtualServer: Endpoint): Source {
    const source: Source = { followers: new Set(), ending: new AbortController() };
    this.#sources.set(virtualServer.address, source);
    const pass = (next: NonNullable<Follower['next']>): void => {
      for (const follower of source.followers) {
        follower.next = next;
        follower.wake();
      }
    };
    const run = async (): Promise<void> => {
      try {
        for await (const change of this.#changesOf(virtualServer)(source.ending.signal)) pass(change);
        pass({ error: new Error('the notifications have ended') });
      } catch (error) {
        pass({ error });
      }
      this.#end(virtualServer.address, source);
    };
    void run();
    return source;
  }

  #end(address: string, source: Source): void {
    source.ending.abort();
    if (this.#sources.get(address) === source) this.#sources.delete(address);
  }
}

function words(event: RtnetlinkEvent): string {
  switch (event.kind) {
    case 'link':
      return `link ${event.link.name} ${event.change}`;
    case 'address':
      return `address ${event.address.address} ${event.change}`;
    case 'route':
      return `route to ${event.route.destination} ${event.change}`;
    case 'overrun':
      return 'notifications were lost';
  }
}
