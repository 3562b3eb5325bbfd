import type { HostResource } from '../control-loop/ports.js';
import { hostLength, type Endpoint } from '../values/endpoint.js';
import { NetlinkError, type InterfaceAddressKey, type Link, type Rtnetlink } from '../netlink/index.js';
import { explainRefusal, KernelError } from '../values/errors.js';

/**
 * Mode `link`: a dummy interface that is up and has the virtual server's address, `ip link add NAME type dummy` and
 * `ip address add VIP/32 dev NAME`. Other addresses on it, and an interface of that name that is not a dummy, belong to
 * other programs.
 */
export function dummyInterface(
  rtnetlink: Rtnetlink,
  name: string,
  virtualServer: Endpoint,
): readonly [link: HostResource, address: HostResource] {
  const length = hostLength(virtualServer.family);
  const host = `${virtualServer.address}/${length}`;

  /** The dummy interface, or null if there is none. Rejects if the interface of that name is not a dummy. */
  async function find(): Promise<Link | null> {
    const link = await rtnetlink.findLink(name);
    if (link === null || link.kind === 'dummy') return link;
    throw new KernelError(
      `interface ${name} is ${link.kind ?? 'not virtual'}, not a dummy: choose another name with --iface`,
      null,
    );
  }

  async function addressOn({ index }: Link): Promise<InterfaceAddressKey | null> {
    const { family, address } = virtualServer;
    const held = await rtnetlink.listAddresses({ family, address, interfaceIndex: index });
    // An interface has an IPv6 address only once, with any prefix length.
    return held.find(({ prefixLength }) => family === 'ipv6' || prefixLength === length) ?? null;
  }

  /** The interface if it is a dummy and no other program has added an address to it, else null. */
  async function onlyOurs(): Promise<Link | null> {
    const link = await rtnetlink.findLink(name);
    if (link?.kind !== 'dummy') return null;
    const held = await rtnetlink.listAddresses({ interfaceIndex: link.index });
    const foreign = held.some(
      ({ address }) => address !== virtualServer.address && !address.startsWith(LINK_LOCAL),
    );
    return foreign ? null : link;
  }

  const link: HostResource = {
    name: 'dummy link',
    isNotified: true,

    async verify() {
      const found = await find();
      if (found === null) return `no interface ${name}`;
      return found.up ? null : `interface ${name} is down`;
    },

    async repair() {
      try {
        if ((await find()) === null) await rtnetlink.createDummyLink(name).catch(unless('EEXIST'));
        const made = await find();
        if (made !== null) await rtnetlink.setLinkUp(made.index);
      } catch (error) {
        throw explainRefusal(error, `ip link add ${name} type dummy`);
      }
    },

    async find() {
      return (await onlyOurs()) === null ? null : `interface ${name}`;
    },

    async remove() {
      const made = await onlyOurs();
      if (made === null) return null;
      try {
        // ENODEV: it is gone already.
        await rtnetlink.deleteLink(made.index).catch(unless('ENODEV'));
      } catch (error) {
        throw explainRefusal(error, `ip link del ${name}`);
      }
      return `interface ${name}`;
    },
  };

  const address: HostResource = {
    name: 'address',
    isNotified: true,

    async verify() {
      const found = await find();
      return found !== null && (await addressOn(found)) !== null ? null : `no address ${host} on ${name}`;
    },

    async repair() {
      const found = await find();
      if (found === null) throw new KernelError(`no interface ${name} to add ${host} to`, null);
      const key = { interfaceIndex: found.index, address: virtualServer.address, prefixLength: length };
      try {
        await rtnetlink.addAddress(key).catch(unless('EEXIST'));
      } catch (error) {
        throw explainRefusal(error, `ip address add ${host} dev ${name}`);
      }
    },

    async find() {
      const found = await rtnetlink.findLink(name);
      if (found?.kind !== 'dummy') return null;
      return (await addressOn(found)) === null ? null : `address ${host} on ${name}`;
    },

    async remove() {
      const found = await rtnetlink.findLink(name);
      const key = found?.kind === 'dummy' ? await addressOn(found) : null;
      if (key === null) return null;
      try {
        // EADDRNOTAVAIL: it is gone already; ENODEV: with its interface.
        await rtnetlink.deleteAddress(key).catch(unless('EADDRNOTAVAIL', 'ENODEV'));
      } catch (error) {
        throw explainRefusal(error, `ip address del ${host} dev ${name}`);
      }
      return `address ${host} on ${name}`;
    },
  };

  return [link, address];
}

/** Whether the interface with this index is a dummy of this name. */
export async function isDummy(
  rtnetlink: Pick<Rtnetlink, 'findLink'>,
  name: string,
  index: number,
): Promise<boolean> {
  const link = await rtnetlink.findLink(name);
  return link?.kind === 'dummy' && link.index === index;
}

/** The kernel adds such an address to every interface. */
const LINK_LOCAL = 'fe80:';

function unless(...codes: readonly string[]): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof NetlinkError && codes.includes(error.code))) throw error;
  };
}
