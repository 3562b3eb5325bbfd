import type { Emit } from './events.js';
import type {
  ActionResult,
  ClientConnections,
  Leftovers,
  HostResource,
  VirtualServerTable,
  Work,
} from './ports.js';

/** A table that is read, and whose changes are only reported. */
export function dryTable(table: VirtualServerTable): VirtualServerTable {
  return {
    ...dryWork(table),
    read: () => table.read(),
    readService: () => table.readService(),
    apply: (actions) =>
      Promise.resolve(actions.map((action): ActionResult => ({ action, outcome: 'dry-run', error: null }))),
  };
}

/** Connections that are left alone: their clients must not notice a dry run. */
export const dryConnections: ClientConnections = {
  find: () => Promise.resolve({ end: () => Promise.resolve(0) }),
};

/** A host resource that is verified, and only reported as repaired. */
export function dryResource(resource: HostResource): HostResource {
  return {
    ...dryWork(resource),
    name: resource.name,
    isNotified: resource.isNotified ?? false,
    isRemoval: resource.isRemoval ?? false,
    isOptional: resource.isOptional ?? false,
    verify: () => resource.verify(),
    repair: () => Promise.resolve(),
  };
}

/** Work that is found, and whose removal is only reported. */
export function dryWork(work: Work): Work {
  return { find: () => work.find(), remove: () => work.find() };
}

/** Leftovers that are found, and whose removal is only reported. */
export function dryLeftovers(leftovers: Leftovers): Leftovers {
  return { find: () => leftovers.find(), remove: () => leftovers.find() };
}

/** The events of a dry run: a resource that would be changed drifted, and nothing else. */
export function dryEmit(emit: Emit): Emit {
  return (event) => {
    switch (event.kind) {
      case 'resource-created':
        emit({ ...event, kind: 'resource-drifted', change: 'create' });
        break;
      case 'resource-repaired':
        emit({ ...event, kind: 'resource-drifted', change: 'repair' });
        break;
      case 'resource-removed':
        emit({ ...event, kind: 'resource-drifted', change: 'remove' });
        break;
      default:
        emit(event);
    }
  };
}
