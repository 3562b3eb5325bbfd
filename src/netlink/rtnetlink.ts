import { type AddressFilter, addressFromWire } from './address.js';
import { Handle } from './channel.js';
import type { WireFailure, WireValue } from './contract.js';
import { malformedError } from './errors.js';
import { linkFromWire } from './link.js';
import { lookupFromWire, type RouteFilter, routeFromWire } from './route.js';
import { type RtnetlinkRequest, rtnetlinkRequestToWire } from './rtnetlink-request.js';
import { subscribe } from './subscription.js';
import type {
  InterfaceAddress,
  InterfaceAddressKey,
  Link,
  RequestOptions,
  Route,
  RouteLookup,
  RouteQuery,
  RouteSelector,
  RouteSpec,
  RtnetlinkEvent,
  SubscribeOptions,
} from './types.js';

/**
 * Links, addresses and routes of this network namespace. Changes need CAP_NET_ADMIN (`EPERM` without); reading does not.
 *
 * Methods reject with a TypeError that names the field if an argument is wrong, before anything is sent; with a
 * {@link NetlinkError} if the kernel refuses or does not answer in time. Requests are carried out in the order of their
 * calls.
 */
export class Rtnetlink extends Handle {
  private constructor(options: RequestOptions) {
    super('route', options);
  }

  /** `timeoutMs` is the deadline of requests that name none: 5000 by default. */
  static open(options: RequestOptions = {}): Rtnetlink {
    return new Rtnetlink(options);
  }

  /** `ip link` */
  async listLinks(options?: RequestOptions): Promise<Link[]> {
    return links(await this.#request({ kind: 'listLinks' }, options));
  }

  /** `ip link show dev NAME`. null if there is no such link. */
  async findLink(name: string, options?: RequestOptions): Promise<Link | null> {
    // ENODEV: no link has this name.
    const values = await this.#request({ kind: 'findLink', name }, options, ({ code }) => code === 'ENODEV');
    return links(values)[0] ?? null;
  }

  /** `ip link add NAME type dummy`; it is down. `EEXIST` if any link has this name. */
  async createDummyLink(name: string, options?: RequestOptions): Promise<void> {
    await this.#request({ kind: 'createDummyLink', name }, options);
  }

  /** `ip link set DEV up`. `ENODEV` if there is no such link. */
  async setLinkUp(index: number, options?: RequestOptions): Promise<void> {
    await this.#request({ kind: 'setLinkUp', index }, options);
  }

  /** `ip link del DEV`. `ENODEV` if there is no such link; `EOPNOTSUPP` if it is none that can be deleted. */
  async deleteLink(index: number, options?: RequestOptions): Promise<void> {
    await this.#request({ kind: 'deleteLink', index }, options);
  }

  /** `ip address [show dev DEV] [to ADDRESS]`. Of a link that does not exist there are none. */
  async listAddresses(filter: AddressFilter = {}, options?: RequestOptions): Promise<InterfaceAddress[]> {
    // ENODEV: there is no such link; only kernels that filter (4.20) say so.
    const values = await this.#request(
      { kind: 'listAddresses', filter },
      options,
      ({ code }) => code === 'ENODEV',
    );
    return values.flatMap((value) =>
      value.kind === 'address' ? [addressFromWire('listAddresses', value)] : [],
    );
  }

  /** `ip address add ADDRESS/LENGTH dev DEV`. `EEXIST` if the link has it. */
  async addAddress(address: InterfaceAddressKey, options?: RequestOptions): Promise<void> {
    await this.#request({ kind: 'addAddress', address }, options);
  }

  /** `ip address del ADDRESS/LENGTH dev DEV`. `EADDRNOTAVAIL` if the link does not have it. */
  async deleteAddress(address: InterfaceAddressKey, options?: RequestOptions): Promise<void> {
    await this.#request({ kind: 'deleteAddress', address }, options);
  }

  /** `ip [-6] route show table all`, or of one table, or to one address. Of a table that does not exist there are none. */
  async listRoutes(filter: RouteFilter = {}, options?: RequestOptions): Promise<Route[]> {
    // ENOENT: there is no such table; only kernels that filter (4.20) say so.
    const noSuchTable = ({ code }: WireFailure): boolean => code === 'ENOENT' && filter.table !== undefined;
    const values = await this.#request({ kind: 'listRoutes', filter }, options, noSuchTable);
    return values.flatMap((value) => (value.kind === 'route' ? [routeFromWire('listRoutes', value)] : []));
  }

  /**
   * `ip route replace [TYPE] DESTINATION/LENGTH [via GATEWAY] [dev DEV] table TABLE [src SOURCE] [metric METRIC]`: adds
   * the route, or changes the one with this destination, table and metric.
   */
  async replaceRoute(route: RouteSpec, options?: RequestOptions): Promise<void> {
    await this.#request({ kind: 'replaceRoute', route }, options);
  }

  /** `ip route del`, of the first route that has all that is named. `ESRCH` if there is none. */
  async deleteRoute(route: RouteSelector, options?: RequestOptions): Promise<void> {
    await this.#request({ kind: 'deleteRoute', route }, options);
  }

  /**
   * `ip route get DESTINATION [from SOURCE] [oif DEV]`. `ENETUNREACH` if there is no route; `EHOSTUNREACH`, `EACCES` or
   * `EINVAL` if the route is of type unreachable, prohibit or blackhole.
   */
  async lookupRoute(query: RouteQuery, options?: RequestOptions): Promise<RouteLookup> {
    for (const value of await this.#request({ kind: 'lookupRoute', query }, options)) {
      if (value.kind === 'route') return lookupFromWire('lookupRoute', value);
    }
    throw malformedError('lookupRoute', 'no answer in it');
  }

  /**
   * `ip monitor link address route`, as an iterable that ends when the signal is aborted. It is subscribed when this
   * returns: each change from then on is an event. Events that are not taken are kept, up to 4096; then, or when the
   * kernel's buffer overflows, the event `overrun` stands for those that were dropped. A turn of the event loop takes 256.
   *
   * Throws, and the iterable's `next()` rejects with, a {@link NetlinkError} of the operation `subscribe`. It has its
   * own socket and thread, and goes on when this object is closed. Waiting for an event keeps the process alive; a
   * subscription without a waiting reader does not.
   */
  subscribe(options: SubscribeOptions): AsyncIterableIterator<RtnetlinkEvent, undefined> {
    this.channel.assertOpen('subscribe');
    return subscribe(options);
  }

  async #request(
    request: RtnetlinkRequest,
    options: RequestOptions | undefined,
    absent?: (failure: WireFailure) => boolean,
  ): Promise<WireValue[]> {
    const lists = await this.channel.requests(request.kind, rtnetlinkRequestToWire(request), options, absent);
    return lists.flat();
  }
}

function links(values: readonly WireValue[]): Link[] {
  return values.flatMap((value) => (value.kind === 'link' ? [linkFromWire(value)] : []));
}
