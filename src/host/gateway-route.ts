import type { HostResource } from '../control-loop/ports.js';
import { hostLength, type Endpoint } from '../values/endpoint.js';
import { NetlinkError, RouteTable, type Route, type RouteKey, type Rtnetlink } from '../netlink/index.js';
import { explainRefusal, KernelError } from '../values/errors.js';
import { MADE_BY_ADMINISTRATOR, madeByHand } from './route-protocol.js';

/** Distinguishes our route from others to the same address. The Go lvscare uses it, too. */
const METRIC = 50;

/**
 * Mode `route`: `ip route replace VIP/32 via NODE_IP metric 50`, like the Go lvscare. No interface has the address; the
 * route only makes the kernel send the packets of local clients, and IPVS takes them before they leave. IPv6 does not accept
 * the node's own address as a gateway: there it is `dev DEV src NODE_IP metric 50`.
 *
 * @param nodeAddress NODE_IP as of now; it may change while we run.
 */
export function gatewayRoute(
  rtnetlink: Rtnetlink,
  virtualServer: Endpoint,
  nodeAddress: () => Promise<string>,
): HostResource {
  const { family, address } = virtualServer;
  const key: RouteKey = {
    family,
    destination: address,
    prefixLength: hostLength(family),
    table: RouteTable.main,
    type: 'unicast',
    metric: METRIC,
  };
  const host = `${address}/${key.prefixLength}`;

  async function found(): Promise<Route[]> {
    const routes = await rtnetlink.listRoutes({ family, table: key.table, destination: address });
    return routes.filter(
      ({ prefixLength, metric }) => prefixLength === key.prefixLength && metric === METRIC,
    );
  }

  /** The index of the interface that has an address. */
  async function interfaceOf(source: string): Promise<number> {
    const [of] = await rtnetlink.listAddresses({ family, address: source });
    if (of === undefined) throw new KernelError(`no interface of this node has the address ${source}`, null);
    return of.interfaceIndex;
  }

  /** The attributes that the route must have. */
  async function wanted(): Promise<Pick<Route, 'gateway' | 'interfaceIndex' | 'preferredSource'>> {
    const source = await nodeAddress();
    return family === 'ipv4'
      ? { gateway: source, interfaceIndex: null, preferredSource: null }
      : { gateway: null, interfaceIndex: await interfaceOf(source), preferredSource: source };
  }

  function say({ gateway, preferredSource }: Pick<Route, 'gateway' | 'preferredSource'>): string {
    return `${host} ${gateway === null ? `src ${preferredSource ?? 'none'}` : `via ${gateway}`} metric ${METRIC}`;
  }

  return {
    name: 'route',
    isNotified: true,

    async verify() {
      const [routes, want] = [await found(), await wanted()];
      const [first] = routes;
      if (first === undefined) return `no route ${say(want)}`;
      if (!isOurs(first)) {
        throw new KernelError(
          `another program has a route to ${host} with metric ${METRIC} (type ${first.type}, protocol ${first.protocol}): remove it`,
          null,
        );
      }
      const right =
        family === 'ipv4'
          ? first.gateway === want.gateway
          : first.interfaceIndex === want.interfaceIndex && first.preferredSource === want.preferredSource;
      return right ? null : `the route is ${say(first)}, not ${say(want)}`;
    },

    async repair() {
      const want = await wanted();
      try {
        // For IPv6 the kernel would keep a route by another interface beside it.
        if (family === 'ipv6') for (const route of (await found()).filter(isOurs)) await drop(route);
        await rtnetlink.replaceRoute({ ...key, ...want, protocol: MADE_BY_ADMINISTRATOR });
      } catch (error) {
        const { code } = error as NetlinkError;
        if (code === 'EINVAL' || code === 'ENETUNREACH' || code === 'EHOSTUNREACH')
          throw new KernelError(
            `ip route replace ${say(want)}: is ${await nodeAddress()} an address of this node?`,
            error,
          );
        throw explainRefusal(error, `ip route replace ${say(want)}`);
      }
    },

    async find() {
      const [first] = (await found()).filter(isOurs);
      return first === undefined ? null : `route ${say(first)}`;
    },

    async remove() {
      const ours = (await found()).filter(isOurs);
      for (const route of ours) await drop(route);
      const [first] = ours;
      return first === undefined ? null : `route ${say(first)}`;
    },
  };

  async function drop({ gateway, interfaceIndex, protocol }: Route): Promise<void> {
    try {
      await rtnetlink.deleteRoute({ ...key, gateway, interfaceIndex, protocol });
    } catch (error) {
      // ESRCH: it is gone already.
      if (error instanceof NetlinkError && error.code === 'ESRCH') return;
      throw explainRefusal(error, `ip route del ${host} metric ${METRIC}`);
    }
  }
}

function isOurs({ type, protocol }: Route): boolean {
  return type === 'unicast' && madeByHand(protocol);
}

/** Whether lvscare or the Go lvscare made it in mode `route`, as far as the route shows it. */
export function isOfModeRoute(route: Route): boolean {
  return isOurs(route) && route.metric === METRIC;
}
