import type { Endpoint } from '../values/endpoint.js';
import type { ObservedTable } from '../values/table.js';

/** How many destinations are named in words: the fields have all of them. */
const MOST_NAMED = 16;

/** What the kernel had of our virtual server when we came. */
export function adoption(
  virtualServer: Endpoint,
  found: ObservedTable,
): { readonly fields: object; readonly message: string } {
  const { text: vs } = virtualServer;
  const fields = { event: 'adopt', vs, scheduler: found?.scheduler ?? null };
  if (found === null)
    return { fields: { ...fields, destinations: [] }, message: `the kernel has no ${vs} yet` };
  const destinations = found.destinations.map(({ server, weight }) => ({ rs: server.text, weight }));
  const named = destinations.slice(0, MOST_NAMED).map(({ rs, weight }) => `${rs} with weight ${weight}`);
  const more = destinations.length > MOST_NAMED ? ` and ${destinations.length - MOST_NAMED} more` : '';
  const words = destinations.length === 0 ? 'without real servers' : `${named.join(', ')}${more}`;
  return { fields: { ...fields, destinations }, message: `adopting ${vs} as the kernel has it: ${words}` };
}
