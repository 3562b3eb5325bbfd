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
