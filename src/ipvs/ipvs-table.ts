import type { ActionResult, VirtualServerTable } from '../control-loop/ports.js';
import type { CountedTable, Traffic } from '../values/counters.js';
import { endpoint, type Endpoint } from '../values/endpoint.js';
import type { Action } from '../decisions/reconcile.js';
import type { Destination, ObservedTable, ServiceSettings } from '../values/table.js';
import {
  isIpvsMissing,
  NetlinkError,
  ServiceFlag,
  type AddressServiceKey,
  type Destination as KernelDestination,
  type Ipvs,
  type IpvsOperation,
  type Service,
  type Stats,
} from '../netlink/index.js';
import { KernelError, NOT_PERMITTED } from '../values/errors.js';

/** One virtual server in the kernel's IPVS table; it cannot change another one. */
export function ipvsTable(ipvs: Ipvs, virtualServer: Endpoint): VirtualServerTable {
  const service: AddressServiceKey = {
    protocol: 'tcp',
    address: virtualServer.address,
    port: virtualServer.port,
  };
  const words = `virtual server ${virtualServer.text}`;
  return {
    async read() {
      try {
        return await readTable(ipvs, service);
      } catch (error) {
        throw explain(error, 'cannot read the IPVS table');
      }
    },
    async readService() {
      try {
        const found = await ipvs.getService(service);
        return found && { ...settingsOf(found), connections: found.stats?.connections ?? 0n };
      } catch (error) {
        throw explain(error, 'cannot read the IPVS table');
      }
    },
    async apply(actions) {
      const results = await ipvs.batch(actions.map((action) => operation(service, action)));
      return actions.map((action, index) => outcome(action, results[index]));
    },
    async find() {
      try {
        return (await ipvs.getService(service)) === null ? null : words;
      } catch (error) {
        if (isIpvsMissing(error)) return null;
        throw explain(error, 'cannot read the IPVS table');
      }
    },
    async remove() {
      try {
        await ipvs.deleteService(service);
        return words;
      } catch (error) {
        // ESRCH: no such virtual server. A kernel without IPVS has none either.
        if (isIpvsMissing(error) || (error instanceof NetlinkError && error.code === 'ESRCH')) return null;
        throw explain(error, `cannot remove ${words}`);
      }
    },
  };
}

/** Reads one virtual server with the kernel's counters. Rejects with a KernelError. */
export async function countedTable(ipvs: Ipvs, { address, port }: Endpoint): Promise<CountedTable | null> {
  const service: AddressServiceKey = { protocol: 'tcp', address, port };
  try {
    const found = await readService(ipvs, service);
    if (found === null) return null;
    return {
      scheduler: found.service.scheduler,
      flags: flagsInWords(found.service),
      traffic: toTraffic(found.service.stats),
      destinations: found.destinations.map((destination) => ({
        server: endpoint(destination.family, destination.address, destination.port).text,
        forwarding: destination.forwarding,
        weight: destination.weight,
        active: destination.activeConnections,
        inactive: destination.inactiveConnections,
        traffic: toTraffic(destination.stats),
      })),
    };
  } catch (error) {
    throw explain(error, 'cannot read the IPVS table');
  }
}

/** As `ipvsadm -Ln` prints them. */
function flagsInWords({ scheduler, flags, timeoutSeconds, netmask, peName }: Service): string {
  const schedulerFlags = schedulerFlagsOf(scheduler).filter(([bit]) => (flags & bit) !== 0);
  const wholeHost = netmask === '255.255.255.255' || netmask === '128';
  return [
    ...(schedulerFlags.length === 0 ? [] : [`(${schedulerFlags.map(([, name]) => name).join(',')})`]),
    ...((flags & ServiceFlag.persistent) === 0 ? [] : [`persistent ${timeoutSeconds}`]),
    ...((flags & ServiceFlag.persistent) === 0 || wholeHost ? [] : [`mask ${netmask}`]),
    ...(peName === null ? [] : [`pe ${peName}`]),
    ...((flags & ServiceFlag.onePacket) === 0 ? [] : ['ops']),
  ].join(' ');
}

function schedulerFlagsOf(scheduler: string): readonly (readonly [bit: number, name: string])[] {
  const { sched1, sched2, sched3 } = ServiceFlag;
  const named = scheduler === 'sh' || scheduler === 'mh';
  return [
    [sched1, named ? `${scheduler}-fallback` : 'flag-1'],
    [sched2, named ? `${scheduler}-port` : 'flag-2'],
    [sched3, 'flag-3'],
  ];
}

function toTraffic(stats: Stats | null): Traffic | null {
  if (stats === null) return null;
  return {
    connections: Number(stats.connections),
    packetsIn: Number(stats.packetsIn),
    packetsOut: Number(stats.packetsOut),
    bytesIn: Number(stats.bytesIn),
    bytesOut: Number(stats.bytesOut),
    connectionsPerSecond: Number(stats.connectionsPerSecond),
    bytesInPerSecond: Number(stats.bytesInPerSecond),
    bytesOutPerSecond: Number(stats.bytesOutPerSecond),
  };
}

async function readTable(ipvs: Ipvs, key: AddressServiceKey): Promise<ObservedTable> {
  const found = await readService(ipvs, key);
  if (found === null) return null;
  return { ...settingsOf(found.service), destinations: found.destinations.map(toDestination) };
}

function settingsOf({ scheduler, flags, peName }: Service): ServiceSettings {
  return { scheduler, flags: flags & ~ServiceFlag.hashed, peName };
}

async function readService(
  ipvs: Ipvs,
  key: AddressServiceKey,
): Promise<{ readonly service: Service; readonly destinations: readonly KernelDestination[] } | null> {
  // Both at once, to save a round trip.
  const [service, destinations] = await Promise.all([
    ipvs.getService(key),
    ipvs.listDestinations(key).catch(noneIfNoService),
  ]);
  return service === null ? null : { service, destinations };
}

function noneIfNoService(error: unknown): KernelDestination[] {
  // ESRCH: no such virtual server.
  if (error instanceof NetlinkError && error.code === 'ESRCH' && !isIpvsMissing(error)) return [];
  throw error;
}

function toDestination(found: KernelDestination): Destination {
  return {
    server: endpoint(found.family, found.address, found.port),
    weight: found.weight,
    forwarding: found.forwarding,
    upperThreshold: found.upperThreshold,
    lowerThreshold: found.lowerThreshold,
    active: found.activeConnections,
    connections: found.activeConnections + found.inactiveConnections,
  };
}

function operation(service: AddressServiceKey, action: Action): IpvsOperation {
  switch (action.kind) {
    case 'create-service':
      return { kind: 'createService', service, config: serviceConfig(action.settings) };
    case 'update-service':
      return { kind: 'updateService', service, config: serviceConfig(action.settings) };
    case 'add-destination':
      return { kind: 'createDestination', service, ...destinationConfig(action) };
    case 'update-destination':
      return { kind: 'updateDestination', service, ...destinationConfig(action) };
    case 'remove-destination':
      return { kind: 'deleteDestination', service, destination: action.server };
  }
}

function serviceConfig({ scheduler, flags, peName }: ServiceSettings): ServiceSettings {
  return { scheduler, flags, peName };
}

function destinationConfig(action: { server: Endpoint; weight: number }): {
  destination: Endpoint;
  config: { weight: number; forwarding: 'masquerade'; upperThreshold: 0; lowerThreshold: 0 };
} {
  return {
    destination: action.server,
    config: { weight: action.weight, forwarding: 'masquerade', upperThreshold: 0, lowerThreshold: 0 },
  };
}

function outcome(
  action: Action,
  result: { ok: true } | { ok: false; error: NetlinkError } | undefined,
): ActionResult {
  if (result === undefined)
    return { action, outcome: 'failed', error: new Error('no answer for this action') };
  if (result.ok) return { action, outcome: 'ok', error: null };
  const why = raced(action, result.error) ? 'raced' : 'failed';
  return { action, outcome: why, error: explainAction(action, result.error) };
}

/** Whether the table had changed between reading and acting, so that a retry is enough. */
function raced(action: Action, { code }: NetlinkError): boolean {
  switch (action.kind) {
    case 'create-service':
    case 'add-destination':
      // EEXIST: it exists by now. ESRCH: the virtual server is gone by now.
      return code === 'EEXIST' || code === 'ESRCH';
    case 'update-service':
    case 'update-destination':
    case 'remove-destination':
      // ESRCH: the virtual server is gone by now. ENOENT: the destination is (of a service: see below).
      return code === 'ESRCH' || (code === 'ENOENT' && action.kind !== 'update-service');
  }
}

function explainAction(action: Action, error: NetlinkError): Error {
  const scheduler = 'settings' in action ? action.settings.scheduler : null;
  if (scheduler !== null && error.code === 'ENOENT' && !isIpvsMissing(error)) {
    return new KernelError(
      `the kernel has no scheduler ${scheduler}: load it with modprobe ip_vs_${scheduler}`,
      error,
    );
  }
  return explain(error, 'the kernel refused it');
}

function explain(error: unknown, what: string): Error {
  if (isIpvsMissing(error)) {
    return new KernelError('the kernel has no IPVS: load it with modprobe ip_vs', error);
  }
  if (error instanceof NetlinkError && error.code === 'EPERM') {
    return new KernelError(`${what}: ${NOT_PERMITTED}`, error);
  }
  return new KernelError(`${what}: ${(error as Error).message}`, error);
}
