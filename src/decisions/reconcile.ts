import type { Desired, Intent } from './desired.js';
import type { Endpoint } from '../values/endpoint.js';
import { sameSettings, type ObservedTable, type Destination, type ServiceSettings } from '../values/table.js';

/** One change of the kernel's table. All of them are changes of our one virtual server, which none of them names. */
export type Action =
  /** ipvsadm -A */
  | { readonly kind: 'create-service'; readonly settings: ServiceSettings }
  /** ipvsadm -E */
  | { readonly kind: 'update-service'; readonly settings: ServiceSettings }
  /** ipvsadm -a */
  | { readonly kind: 'add-destination'; readonly server: Endpoint; readonly weight: number }
  /** ipvsadm -e; sets forwarding to masquerade and lifts the thresholds as well */
  | { readonly kind: 'update-destination'; readonly server: Endpoint; readonly weight: number }
  /** ipvsadm -d */
  | { readonly kind: 'remove-destination'; readonly server: Endpoint };

/**
 * The changes that turn the observed table into the wanted one, in an order in which no step leaves clients with less
 * than they need: the virtual server, then what serves, then what no longer does. Empty when they agree.
 */
export function reconcile(settings: ServiceSettings, desired: Desired, observed: ObservedTable): Action[] {
  const found = new Map(observed?.destinations.map((destination) => [destination.server.text, destination]));
  const changes = desired.destinations.flatMap(({ server, intent }) =>
    destinationChange(server, intent, found.get(server.text)),
  );
  return [
    ...serviceChange(settings, observed),
    ...changes.filter((action) => action.kind !== 'remove-destination' && action.weight > 0),
    ...changes.filter((action) => action.kind !== 'remove-destination' && action.weight === 0),
    ...changes.filter((action) => action.kind === 'remove-destination'),
  ];
}

function serviceChange(settings: ServiceSettings, observed: ObservedTable): Action[] {
  if (observed === null) return [{ kind: 'create-service', settings }];
  return sameSettings(observed, settings) ? [] : [{ kind: 'update-service', settings }];
}

type DestinationAction = Extract<Action, { readonly server: Endpoint }>;

function destinationChange(
  server: Endpoint,
  intent: Intent,
  found: Destination | undefined,
): DestinationAction[] {
  switch (intent.kind) {
    case 'keep':
      return [];
    case 'remove':
      return found === undefined ? [] : [{ kind: 'remove-destination', server }];
    case 'drain':
    case 'rest':
      // Whatever else is odd about a destination on its way out may stay odd.
      return found === undefined || found.weight === 0
        ? []
        : [{ kind: 'update-destination', server, weight: 0 }];
    case 'serve':
    case 'standby': {
      const weight = intent.kind === 'serve' ? intent.weight : 0;
      if (found === undefined) return [{ kind: 'add-destination', server, weight }];
      return found.weight === weight && asWeMakeThem(found)
        ? []
        : [{ kind: 'update-destination', server, weight }];
    }
  }
}

function asWeMakeThem(destination: Destination): boolean {
  return (
    destination.forwarding === 'masquerade' &&
    destination.upperThreshold === 0 &&
    destination.lowerThreshold === 0
  );
}
