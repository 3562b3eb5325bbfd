/** How this node reaches the virtual server and the real servers. */
import { hostLength } from '../values/endpoint.js';
import { NodeAddressGone, type NodeAddress } from '../host/node-address.js';
import { fail, NO_SERVERS, ok, skip, warn, type Said } from './finding.js';
import { textOf, type Address, type Node, type Subject } from './ports.js';

/** The interface to which kube-proxy in ipvs mode adds the addresses of services. */
const KUBE_IPVS = 'kube-ipvs0';

export async function checkIpv6({ files }: Node, { virtualServer }: Subject): Promise<Said> {
  if (virtualServer.family === 'ipv4') return skip('the virtual server has an IPv4 address');
  const all = (await textOf(files, '/proc/sys/net/ipv6/conf/all/disable_ipv6'))?.trim() ?? null;
  if (all === null)
    return fail('this kernel has no IPv6', 'boot without ipv6.disable=1, or use an IPv4 virtual server');
  const one = 'net.ipv6.conf.all.disable_ipv6';
  return all === '0' ? ok('enabled') : fail(`${one} is ${all}`, `sysctl -w ${one}=0`);
}

export async function checkNodeAddress({ network }: Node, subject: Subject): Promise<Said> {
  let found: NodeAddress;
  try {
    found = await network.nodeAddress(subject);
  } catch (error) {
    if (subject.realServers.length === 0 && !(error instanceof NodeAddressGone)) return NO_SERVERS;
    return fail((error as Error).message, 'give lvscare --ip with an address of this node');
  }
  const { address, from, gone } = found;
  const holder = (await network.addresses()).find((held) => held.address === address);
  const evidence =
    holder === undefined ? `${address} (${from})` : `${address} on ${holder.interfaceName} (${from})`;
  if (gone === null) return ok(evidence);
  return warn(
    `${gone.why}: lvscare uses ${evidence}`,
    'correct --ip, LVSCARE_NODE_IP or the line of lvscare.node.ip in /etc/hosts, or remove it',
  );
}

export async function checkMode(
  { network }: Node,
  { mode, masquerade, virtualServer, realServers }: Subject,
): Promise<Said> {
  const own = new Set((await network.addresses()).map(({ address }) => address));
  const here = realServers.find(({ address }) => own.has(address));
  switch (mode) {
    case 'route':
      if (here !== undefined)
        return warn(
          `mode route cannot reach ${here.text}, because it runs on this node: local clients sent to it will fail`,
          'give lvscare --mode local',
        );
      return ok('route: clients of a removed server hang; in mode local they are reset');
    case 'link':
      if (!masquerade)
        return warn(
          `link without --masquerade: local clients use the source address ${virtualServer.address}, to which real servers may have no route`,
          'give lvscare --masquerade, or --mode local',
        );
      return ok('link, masqueraded');
    case 'none':
      return ok(`none: another program must provide the route to ${virtualServer.address}`);
    case 'local':
      return ok('local');
  }
}

export async function checkVirtualAddress({ network }: Node, subject: Subject): Promise<Said> {
  const {
    virtualServer: { address, port },
    mode,
    iface,
  } = subject;
  const all = await network.addresses();
  const holders = all.filter((held) => held.address === address);
  const others = holders.filter(({ interfaceName }) => mode !== 'link' || interfaceName !== iface);
  const [other] = others;
  if (other === undefined)
    return ok(
      holders.length === 0 ? `no interface has ${address}` : `${iface} has ${address}, as mode link requires`,
    );
  const { interfaceName, prefixLength } = other;
  if (interfaceName === KUBE_IPVS)
    return fail(
      `${address} is an address of ${interfaceName}: kube-proxy in ipvs mode has a service of that address`,
      'choose a --vs outside the service CIDR, or delete that service',
    );
  // lvscare or the Go lvscare created it in mode link.
  if (interfaceName === iface && other.onDummy) {
    const isAlone = all.every((one) => one.interfaceName !== iface || one === other || isLinkLocal(one));
    return warn(
      `${address} is an address of ${interfaceName}: left over from mode link`,
      isAlone ? `ip link del ${iface}` : `ip address del ${address}/${prefixLength} dev ${interfaceName}`,
    );
  }
  // Whether the node needs it cannot be known, so no remedy removes it.
  return fail(
    `${interfaceName} has ${address}/${prefixLength}: lvscare takes port ${port} from the node itself, and local clients use this address as their source`,
    'choose a --vs that no host has as its address; or, if this node does not need it, stop the program that added it, such as keepalived',
  );
}

function isLinkLocal({ address }: Address): boolean {
  return address.startsWith('fe80:');
}

export async function checkRoutes(
  { network }: Node,
  { virtualServer: { address, family }, mode }: Subject,
): Promise<Said> {
  const host = `${address}/${hostLength(family)}`;
  const all = await network.routes(family);
  const found = all.filter(({ to, inMainTable, byKernel }) => to === host && inMainTable && !byKernel);
  if (mode === 'route' || mode === 'none')
    return found.length > 0 ? ok(`there is a route to ${host}`) : skip(`no route to ${host} yet`);
  const [route] = found;
  if (route === undefined) return ok(`no other route to ${host}`);
  const { gateway, interfaceName, metric, ofModeRoute } = route;
  const device = interfaceName === null ? '' : ` dev ${interfaceName}`;
  const words = `${host}${gateway === null ? device : ` via ${gateway}`}`;
  if (ofModeRoute)
    return warn(
      `there is a route ${words} metric ${metric}, from an earlier start in mode route; mode ${mode} does not need it`,
      `ip${family === 'ipv6' ? ' -6' : ''} route del ${host} metric ${metric}`,
    );
  const remedy =
    'choose a --vs that no host has as its address; do not remove this route, the node may need it';
  const behind = all.find((one) => one.gateway === address);
  return behind === undefined
    ? warn(
        `another program or an administrator made the route ${words}, so a host may have this address, which clients here no longer reach`,
        remedy,
      )
    : fail(`${address} is the gateway of the route to ${behind.to}`, remedy);
}

export async function checkReversePath({ files, network }: Node, subject: Subject): Promise<Said> {
  const { virtualServer, realServers, mode } = subject;
  if (virtualServer.family === 'ipv6') return skip('IPv6 has no rp_filter');
  if (realServers.length === 0) return NO_SERVERS;
  if (mode === 'none') return skip('mode none');
  const node = await network.nodeAddress(subject).catch(() => null);
  const holder = (await network.addresses()).find(({ address }) => address === node?.address);
  if (holder === undefined) return skip("this node's address is not known");
  const unreached: string[] = [];
  for (const { address, text } of realServers) {
    const towards = await network.interfaceTowards(address);
    if (towards === null) unreached.push(text);
    if (towards === null || towards === holder.interfaceName || towards === 'lo') continue;
    const values = await Promise.all(
      ['all', towards].map((name) => textOf(files, `/proc/sys/net/ipv4/conf/${name}/rp_filter`)),
    );
    // The larger one counts; 1 is strict.
    if (Math.max(...values.map((value) => Number(value?.trim() ?? 0))) === 1)
      return warn(
        `${text} is reached through ${towards}, while ${holder.address} is on ${holder.interfaceName}, and rp_filter is strict: the node drops answers that arrive on another interface`,
        `sysctl -w net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.${towards}.rp_filter=2, or give lvscare --ip with the address of ${towards}`,
      );
  }
  if (unreached.length > 0) return skip(`there is no route to ${unreached.join(', ')}`);
  return ok('answers of real servers are expected on the interface on which they arrive');
}
