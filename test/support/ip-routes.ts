/** `ip route` as values of netlink-ts, to compare with what it lists. */
import { readFileSync } from 'node:fs';
import type { InterfaceAddress, IpFamily, Route, RouteType } from '../../src/netlink/index.js';
import { ipJson } from './tools.js';

// RTN_*, from <linux/rtnetlink.h>.
const routeTypes: readonly (RouteType | null)[] = [
  null,
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
];

export function interfaceIndex(name: string): number {
  return Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'ascii'));
}

/** `ip -N route show table TABLE`: every field a number or an address, no names. */
export async function ipRoutes(family: IpFamily, selector = 'table all'): Promise<Route[]> {
  const shown = await ipJson(`-N -d ${family === 'ipv4' ? '-4' : '-6'} route show ${selector}`);
  return shown.map((each) => routeOf(family, each));
}

function routeOf(family: IpFamily, shown: Record<string, unknown>): Route {
  const text = (name: string): string | null => {
    const value = shown[name];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
  };
  const [address, length] = (text('dst') ?? '').split('/');
  const anything = address === 'default';
  const bits = family === 'ipv4' ? 32 : 128;
  const type = routeTypes[Number(text('type'))];
  if (type === null || type === undefined) throw new Error(`what type is ${JSON.stringify(shown)}?`);
  const via = shown['via'] as { host: string } | undefined;
  const dev = text('dev');
  const metric = text('metric');
  return {
    family,
    destination: anything ? (family === 'ipv4' ? '0.0.0.0' : '::') : (address ?? ''),
    prefixLength: anything ? 0 : Number(length ?? bits),
    table: Number(text('table') ?? 254),
    type,
    metric: Number(metric ?? 0),
    gateway: via?.host ?? text('gateway'),
    interfaceIndex: dev === null ? null : interfaceIndex(dev),
    preferredSource: text('prefsrc'),
    protocol: Number(text('protocol')),
    scope: Number(text('scope')),
  };
}

/** `ip address`. */
export async function ipAddresses(selector = ''): Promise<InterfaceAddress[]> {
  const shownLinks = await ipJson(`address show ${selector}`);
  return shownLinks.flatMap((link) =>
    (link['addr_info'] as Record<string, unknown>[])
      .filter((shown) => shown['family'] !== undefined)
      .map((shown) => ({
        family: shown['family'] === 'inet6' ? ('ipv6' as const) : ('ipv4' as const),
        address: String(shown['local']),
        prefixLength: Number(shown['prefixlen']),
        interfaceIndex: Number(link['ifindex']),
      })),
  );
}

/** For comparisons that do not care for order. */
export function sorted<T>(values: readonly T[]): T[] {
  const text = new Map(values.map((value) => [value, JSON.stringify(value)]));
  return [...values].sort((a, b) => ((text.get(a) ?? '') < (text.get(b) ?? '') ? -1 : 1));
}
