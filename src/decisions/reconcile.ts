import type { Desired, Intent } from './desired.js';
import type { Endpoint } from '../values/endpoint.js';
import { sameSettings, type ObservedTable, type Row, type ServiceSettings } from '../values/table.js';

/** One change of the kernel's table. All of them are changes of our one virtual server, which none of them names. */
export type Action =
  /** ipvsadm -A */
  | { readonly kind: 'create-service'; readonly settings: ServiceSettings }
  /** ipvsadm -E */
  | { readonly kind: 'update-service'; readonly settings: ServiceSettings }
  /** ipvsadm -a */
  | { readonly kind: 'create-row'; readonly server: Endpoint; readonly weight: number }
  /** ipvsadm -e; sets forwarding to masquerade and lifts the thresholds as well */
  | { readonly kind: 'update-row'; readonly server: Endpoint; readonly weight: number }
  /** ipvsadm -d */
  | { readonly kind: 'delete-row'; readonly server: Endpoint };

/**
 * The changes that turn the observed table into the wanted one, in an order in which no step leaves clients with less
 * than they need: the virtual server, then what serves, then what no longer does. Empty when they agree.
 */
export function reconcile(settings: ServiceSettings, desired: Desired, observed: ObservedTable): Action[] {
  const found = new Map(observed?.rows.map((row) => [row.server.text, row]));
  const changes = desired.rows.flatMap(({ server, intent }) =>
    rowChange(server, intent, found.get(server.text)),
  );
  return [
    ...serviceChange(settings, observed),
    ...changes.filter((action) => action.kind !== 'delete-row' && action.weight > 0),
    ...changes.filter((action) => action.kind !== 'delete-row' && action.weight === 0),
    ...changes.filter((action) => action.kind === 'delete-row'),
  ];
}

function serviceChange(settings: ServiceSettings, observed: ObservedTable): Action[] {
  if (observed === null) return [{ kind: 'create-service', settings }];
  return sameSettings(observed, settings) ? [] : [{ kind: 'update-service', settings }];
}

type RowAction = Extract<Action, { readonly server: Endpoint }>;

function rowChange(server: Endpoint, intent: Intent, found: Row | undefined): RowAction[] {
  switch (intent.kind) {
    case 'keep':
      return [];
    case 'remove':
      return found === undefined ? [] : [{ kind: 'delete-row', server }];
    case 'drain':
    case 'rest':
      // Whatever else is odd about a row on its way out may stay odd.
      return found === undefined || found.weight === 0 ? [] : [{ kind: 'update-row', server, weight: 0 }];
    case 'serve':
      if (found === undefined) return [{ kind: 'create-row', server, weight: intent.weight }];
      return found.weight === intent.weight && asWeMakeThem(found)
        ? []
        : [{ kind: 'update-row', server, weight: intent.weight }];
  }
}

function asWeMakeThem(row: Row): boolean {
  return row.forwarding === 'masquerade' && row.upperThreshold === 0 && row.lowerThreshold === 0;
}
