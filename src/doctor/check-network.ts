/** The way to the virtual server, and what stands in it. */
import { hostLength } from '../values/endpoint.js';
import { fail, ok, skip, warn, type Said } from './finding.js';
import { textOf, type Node, type NodeAddress, type Subject } from './ports.js';

/** The interface that kube-proxy in ipvs mode puts the addresses of services on. */
const KUBE_IPVS = 'kube-ipvs0';

export async function checkIpv6({ files }: Node, { virtualServer }: Subject): Promise<Said> {
  if (virtualServer.family === 'ipv4') return skip('the virtual server is of IPv4');
  const all = (await textOf(files, '/proc/sys/net/ipv6/conf/all/disable_ipv6'))?.trim() ?? null;
  if (all === null)
    return fail('this kernel has no IPv6', 'boot without ipv6.disable=1, or use a virtual server of IPv4');
  const one = 'net.ipv6.conf.all.disable_ipv6';
  return all === '0' ? ok('enabled') : fail(`${one} is ${all}`, `sysctl -w ${one}=0`);
}

export async function checkNodeAddress({ network }: Node, subject: Subject): Promise<Said> {
  let found: NodeAddress;
  try {
    found = await network.nodeAddress(subject);
  } catch (error) {
    if (subject.realServers.length === 0) return skip('no --rs');
    return fail((error as Error).message, 'give lvscare --ip with an address of this node');
  }
  const { address, source, from } = found;
  const holder = (await network.addresses()).find((held) => held.address === address);
  if (holder === undefined)
    return fail(
      `${address} (${from}) is no address of this node`,
      source === 'hosts'
        ? 'correct the line of lvscare.node.ip in /etc/hosts'
        : 'give lvscare --ip with an address of this node',
    );
  return ok(`${address} on ${holder.interfaceName} (${from})`);
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
          `route, and ${here.text} is this node itself: IPVS does not serve it to clients here`,
          'give lvscare --mode local',
        );
      return ok('route: a client of a removed server hangs, where in mode local it is reset');
    case 'link':
      if (!masquerade)
        return warn(
          `link without --masquerade: clients here speak from ${virtualServer.address}, and real servers may not know the way back`,
          'give lvscare --masquerade, or --mode local',
        );
      return ok('link, masqueraded');
    case 'none':
      return ok(`none: somebody else has to route ${virtualServer.address}`);
    case 'local':
      return ok('local');
  }
}

export async function checkVirtualAddress(
  { network }: Node,
  { virtualServer: { address }, mode, iface }: Subject,
): Promise<Said> {
  const holders = (await network.addresses()).filter((held) => held.address === address);
  const others = holders.filter(({ interfaceName }) => mode !== 'link' || interfaceName !== iface);
  const [other] = others;
  if (other === undefined)
    return ok(
      holders.length === 0 ? `no interface has ${address}` : `${iface} has ${address}, as mode link wants`,
    );
  const { interfaceName, prefixLength } = other;
  const evidence = `${address} is an address of ${interfaceName}`;
  if (interfaceName === KUBE_IPVS)
    return fail(
      `${evidence}: kube-proxy in ipvs mode has a service of that address`,
      'choose a --vs outside of the service CIDR, or delete that service',
    );
  const remedy = `ip address del ${address}/${prefixLength} dev ${interfaceName}`;
  // A dummy of that name is lvscare's or the Go program's, of a start in mode link.
  if (interfaceName === iface)
    return warn(`${evidence}: left over from mode link`, `ip link del ${interfaceName}`);
  return fail(`${evidence}: the node answers for it itself, and clients speak from it`, remedy);
}

export async function checkRoutes(
  { network }: Node,
  { virtualServer: { address, family }, mode }: Subject,
): Promise<Said> {
  const host = `${address}/${hostLength(family)}`;
  const found = await network.hostRoutes(address);
  if (mode === 'route' || mode === 'none')
    return found.length > 0 ? ok(`there is a route to ${host}`) : skip(`no route to ${host} yet`);
  const [route] = found;
  if (route === undefined) return ok(`no other route to ${host}`);
  const via = route.gateway === null ? `dev ${route.interfaceName ?? '?'}` : `via ${route.gateway}`;
  return warn(
    `${host} ${via} is left over from mode route, or somebody else's; mode ${mode} does without`,
    `ip${family === 'ipv6' ? ' -6' : ''} route del ${host} ${via}`,
  );
}

export async function checkReversePath({ files, network }: Node, subject: Subject): Promise<Said> {
  const { virtualServer, realServers, mode } = subject;
  if (virtualServer.family === 'ipv6') return skip('IPv6 has no rp_filter');
  if (realServers.length === 0) return skip('no --rs');
  if (mode === 'none') return skip('mode none');
  const node = await network.nodeAddress(subject).catch(() => null);
  const holder = (await network.addresses()).find(({ address }) => address === node?.address);
  if (holder === undefined) return skip("this node's address is not known");
  for (const { address, text } of realServers) {
    const towards = await network.interfaceTowards(address);
    if (towards === null || towards === holder.interfaceName || towards === 'lo') continue;
    const values = await Promise.all(
      ['all', towards].map((name) => textOf(files, `/proc/sys/net/ipv4/conf/${name}/rp_filter`)),
    );
    // The larger one counts; 1 is strict.
    if (Math.max(...values.map((value) => Number(value?.trim() ?? 0))) === 1)
      return warn(
        `${text} is reached through ${towards}, while ${holder.address} is on ${holder.interfaceName}, and rp_filter is strict: answers on another way are dropped`,
        `sysctl -w net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.${towards}.rp_filter=2, or give lvscare --ip with the address of ${towards}`,
      );
  }
  return ok('answers come back on the way that they are expected on');
}

export async function checkForwarding({ files }: Node, { virtualServer }: Subject): Promise<Said> {
  const file =
    virtualServer.family === 'ipv4'
      ? '/proc/sys/net/ipv4/ip_forward'
      : '/proc/sys/net/ipv6/conf/all/forwarding';
  const on = (await textOf(files, file))?.trim() === '1';
  return ok(on ? 'on' : 'off: enough for clients on the node itself; pods and other hosts need it on');
}
