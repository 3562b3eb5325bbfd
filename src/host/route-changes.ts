import type { KernelChanges } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import type { RtnetlinkEvent } from '../netlink/index.js';

/** All notifications of links, addresses and routes. */
type Events = (signal: AbortSignal) => AsyncIterable<RtnetlinkEvent>;

/** Notifications that may concern how this node reaches the virtual server: its routes, and any link or address. */
export function kernelChanges(events: Events, virtualServer: Endpoint): KernelChanges {
  return async function* (signal) {
    for await (const event of events(signal)) {
      const words = concern(event, virtualServer);
      if (words !== null) yield words;
    }
  };
}

function concern(event: RtnetlinkEvent, virtualServer: Endpoint): string | null {
  switch (event.kind) {
    case 'link':
      return `link ${event.link.name} ${event.change}`;
    case 'address':
      return `address ${event.address.address} ${event.change}`;
    case 'route':
      return event.route.destination === virtualServer.address
        ? `route to ${virtualServer.address} ${event.change}`
        : null;
    case 'overrun':
      return 'notifications were lost';
  }
}
