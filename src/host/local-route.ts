import type { HostResource } from '../control-loop/ports.js';
import { hostLength, type Endpoint } from '../values/endpoint.js';
import { NetlinkError, RouteTable, type Route, type RouteKey, type Rtnetlink } from '../netlink/index.js';
import { explainRefusal, KernelError } from '../values/errors.js';
import { MADE_BY_ADMINISTRATOR, madeByHand, madeByKernel } from './route-protocol.js';

/**
 * Mode `local`: `ip route replace local VIP dev lo table local src NODE_IP`. The virtual server's address becomes
 * local, and local clients use the node's own address as source address.
 *
 * @param sourceAddress NODE_IP as of now; it may change while we run.
 * @param isGoing Whether the interface with this index is about to be removed, and with it the kernel's route for its address: then
 *   ours must exist before.
 */
export function localRoute(
  rtnetlink: Rtnetlink,
  virtualServer: Endpoint,
  sourceAddress: () => Promise<string>,
  isGoing: (interfaceIndex: number) => Promise<boolean> = () => Promise.resolve(false),
): HostResource {
  const key: RouteKey = {
    family: virtualServer.family,
    destination: virtualServer.address,
    prefixLength: hostLength(virtualServer.family),
    table: RouteTable.local,
    type: 'local',
    metric: null,
  };
  const words = `local ${virtualServer.address} dev lo`;

  async function loopback(): Promise<number> {
    const lo = await rtnetlink.findLink('lo');
    if (lo === null) throw new KernelError('this network namespace has no interface lo', null);
    return lo.index;
  }

  /** The routes to the virtual server, in the order in which the kernel tries them. */
  async function found(): Promise<Route[]> {
    const { family, table, destination, prefixLength } = key;
    const routes = await rtnetlink.listRoutes({ family, table, destination });
    return routes.filter((route) => route.prefixLength === prefixLength);
  }

  async function anyStays(routes: readonly Route[]): Promise<boolean> {
    for (const { interfaceIndex } of routes)
      if (interfaceIndex === null || !(await isGoing(interfaceIndex))) return true;
    return false;
  }

  return {
    name: 'local route',
    isNotified: true,

    async verify() {
      const [routes, lo, source] = [await found(), await loopback(), await sourceAddress()];
      const ours = routes.filter((route) => isOurs(route, lo));
      if (ours.some((route) => route.preferredSource === source)) return null;
      const [first] = routes;
      // The first route decides about the source address, also if the kernel has added one of its own behind it.
      if (first !== undefined && isOurs(first, lo)) {
        return `the route ${words} has src ${first.preferredSource ?? 'none'}, not ${source}`;
      }
      const [special] = routes.filter(({ type }) => type === 'broadcast' || type === 'anycast');
      if (special !== undefined)
        throw new KernelError(
          `${key.destination} is the ${special.type} address of a network of this node: choose another --vs`,
          null,
        );
      // If an interface has the address, it is local already, by a route of the kernel, which is not ours to replace.
      const kernels = routes.filter(({ protocol }) => madeByKernel(protocol));
      if (await anyStays(kernels)) return null;
      // IPv4 would replace the first route, whatever program created it.
      if (first !== undefined && !kernels.includes(first)) {
        const whose = `type ${first.type}, protocol ${first.protocol}`;
        throw new KernelError(
          `table local has a route of another program to ${key.destination} (${whose}): remove it`,
          null,
        );
      }
      return `no route ${words} src ${source}`;
    },

    async repair() {
      const [lo, source] = [await loopback(), await sourceAddress()];
      try {
        await rtnetlink.replaceRoute({
          ...key,
          interfaceIndex: lo,
          preferredSource: source,
          protocol: MADE_BY_ADMINISTRATOR,
        });
      } catch (error) {
        throw explain(error, `ip route replace ${words} table local src ${source}`, source);
      }
    },

    async find() {
      const lo = await loopback();
      return (await found()).some((route) => isOurs(route, lo)) ? `route ${words}` : null;
    },

    async remove() {
      const lo = await loopback();
      const ours = (await found()).filter((route) => isOurs(route, lo));
      for (const route of ours) {
        try {
          // All that distinguishes it from the kernel's own route if lo has the address: IPv6 compares the metric, IPv4
          // the rest.
          const { metric, protocol, preferredSource } = route;
          await rtnetlink.deleteRoute({ ...key, metric, interfaceIndex: lo, protocol, preferredSource });
        } catch (error) {
          // ESRCH: it is gone already.
          if (error instanceof NetlinkError && error.code === 'ESRCH') continue;
          throw explain(error, `ip route del ${words} table local`, null);
        }
      }
      return ours.length === 0 ? null : `route ${words}`;
    },
  };
}

function isOurs({ type, protocol, interfaceIndex }: Route, loopback: number): boolean {
  return type === 'local' && madeByHand(protocol) && interfaceIndex === loopback;
}

function explain(error: unknown, command: string, source: string | null): Error {
  if ((error as NetlinkError).code === 'EINVAL' && source !== null) {
    return new KernelError(`${command}: is ${source} an address of this node?`, error);
  }
  return explainRefusal(error, command);
}
