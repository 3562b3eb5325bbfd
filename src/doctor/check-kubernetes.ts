/** How Kubernetes on this node uses the virtual server, and what of it conflicts with the virtual server. */
import { isIP } from 'node:net';
import type { Endpoint } from '../values/endpoint.js';
import { exclusionOf } from '../decisions/deletion-contention.js';
import { contains, isCidr } from './cidr.js';
import { hostsEntries } from '../host/hosts-file.js';
import { about, AS_ROOT, fail, ok, skip, warn, type Said } from './finding.js';
import { readIpVs } from './ip-vs-table.js';
import { listsOf, MANIFESTS, scalarOf } from './manifests.js';
import { isTracked, textOf, TRACK, type Node, type Subject } from './ports.js';
import { baseName, flagValue, processes, type Process } from './processes.js';

/** The arguments of a component: those of its process here, else those of its static pod; null if there is neither. */
async function argumentsOf(
  files: Node['files'],
  component: string,
): Promise<{ readonly args: readonly string[]; readonly from: string } | null> {
  const [running] = await processes(files, 'root', ([name = '']) => baseName(name) === component);
  if (running !== undefined) return { args: running.args, from: `${component}, process ${running.pid}` };
  const file = `${MANIFESTS[0]}/${component}.yaml`;
  const text = await textOf(files, file);
  if (text === null) return null;
  return { args: [...listsOf(text, 'command'), ...listsOf(text, 'args')].flat(), from: file };
}

export async function checkServiceCidr({ files }: Node, { virtualServer }: Subject): Promise<Said> {
  for (const component of ['kube-apiserver', 'kube-controller-manager']) {
    const found = await argumentsOf(files, component);
    const range = found === null ? null : flagValue(found.args, 'service-cluster-ip-range');
    if (found === null || range?.split(',').every(isCidr) !== true) continue;
    const inside = range.split(',').find((cidr) => contains(cidr, virtualServer.address));
    return inside === undefined
      ? ok(`${virtualServer.address} is outside ${range} (${found.from})`)
      : warn(
          `${virtualServer.address} is inside ${inside} (${found.from}): a service with that address would get its clients, and with kube-proxy in nftables mode clients of a removed server hang`,
          'choose a --vs outside the service CIDR, such as 192.0.2.2',
        );
  }
  return await byClusterDns(files, virtualServer);
}

const KUBELET_CONFIG = '/var/lib/kubelet/config.yaml';
/** The service CIDR of kubeadm, unless its configuration names another one. */
const DEFAULT_CIDR = '10.96.0.0/12';

/** On a worker: the DNS server of the cluster is a service. */
async function byClusterDns(files: Node['files'], { address }: Endpoint): Promise<Said> {
  const dns = listsOf((await textOf(files, KUBELET_CONFIG)) ?? '', 'clusterDNS').flat();
  const near = dns.find((server) =>
    [DEFAULT_CIDR, `${server}/${isIP(server) === 4 ? 16 : 108}`].some(
      (cidr) => contains(cidr, server) && contains(cidr, address),
    ),
  );
  if (near !== undefined)
    return warn(
      `${address} is probably inside the service CIDR, as the DNS service ${near} is (${KUBELET_CONFIG}): a service with that address would get its clients`,
      'choose a --vs outside the service CIDR, such as 192.0.2.2',
    );
  return skip(
    dns.length === 0
      ? 'there is no kube-apiserver here, so the service CIDR is not known'
      : `there is no kube-apiserver here, so of the service CIDR only ${dns.join(', ')} is known (clusterDNS)`,
  );
}

export async function checkKubeProxy(node: Node, subject: Subject): Promise<Said> {
  const { files, network } = node;
  const { virtualServer } = subject;
  const [running] = await processes(files, 'NET_ADMIN', ([name = '']) => baseName(name) === 'kube-proxy');
  const { address } = virtualServer;
  const remedy = `kubectl -n kube-system edit configmap kube-proxy   # ${exclusionOf(address)}, then: kubectl -n kube-system rollout restart daemonset kube-proxy`;
  if (running === undefined) {
    const works = (await network.addresses()).some(({ interfaceName }) => interfaceName === 'kube-ipvs0');
    return works
      ? warn('kube-proxy in ipvs mode has run here (kube-ipvs0), and its process is not visible', remedy)
      : skip('no kube-proxy runs here');
  }
  const settings = await kubeProxySettings(files, running);
  if (typeof settings === 'string') return warn(settings, AS_ROOT);
  const { mode, excluded, from } = settings;
  const evidence = `mode ${mode} (${from})`;
  if (mode === 'iptables' && !(await isTracked(node, subject)))
    return warn(
      `${evidence}: its chain KUBE-FORWARD drops the answers of real servers to clients in pods as INVALID, unless its conntrack.tcpBeLiberal is set`,
      `if clients in pods use ${virtualServer.text}: ${TRACK}`,
    );
  if (mode !== 'ipvs') return ok(evidence);
  const covering = excluded.find((cidr) => contains(cidr, address));
  if (covering !== undefined) return ok(`${evidence}; it excludes ${covering}`);
  const exclusions = excluded.length === 0 ? 'is empty' : `has ${excluded.join(', ')}, not ${address}`;
  return fail(`${evidence} deletes ${virtualServer.text} at each sync: excludeCIDRs ${exclusions}`, remedy);
}

interface KubeProxySettings {
  readonly mode: string;
  readonly excluded: readonly string[];
  readonly from: string;
}

/** The settings of kube-proxy, or a text that says why they cannot be read. */
async function kubeProxySettings(
  files: Node['files'],
  { pid, args }: Process,
): Promise<KubeProxySettings | string> {
  const path = flagValue(args, 'config');
  if (path === null) {
    const excluded = flagValue(args, 'ipvs-exclude-cidrs')?.split(',').filter(isCidr) ?? [];
    return { mode: modeIn(flagValue(args, 'proxy-mode')), excluded, from: `process ${pid}` };
  }
  // kube-proxy has a file system of its own.
  const file = `/proc/${pid}/root${path}`;
  try {
    const text = await files.readStored(file);
    return {
      mode: modeIn(scalarOf(text, 'mode')),
      excluded: listsOf(text, 'excludeCIDRs').flat().filter(isCidr),
      from: file,
    };
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    return `the configuration of kube-proxy cannot be read: ${why} ${file}`;
  }
}

/** The mode, which is iptables by default on Linux. Its file may be any file, of which no other text may be shown. */
function modeIn(mode: string | null): string {
  if (mode === null || mode === '' || mode === 'null') return 'iptables';
  return ['iptables', 'ipvs', 'nftables'].includes(mode) ? mode : 'unknown';
}

/** The name that sealos gives to the control plane's endpoint. */
const SEALOS_NAME = 'apiserver.cluster.local';
const OWN_NAME = 'lvscare.node.ip';
const KUBELET = '/etc/kubernetes/kubelet.conf';

/** The host of the apiserver that kubelet uses, or null if there is no kubelet here. */
async function kubeletServer(files: Node['files']): Promise<string | null> {
  const server = scalarOf((await textOf(files, KUBELET)) ?? '', 'server') ?? '';
  return URL.canParse(server) ? new URL(server).hostname.replace(/^\[|\]$/g, '') : null;
}

async function hostsOf(files: Node['files']): Promise<ReturnType<typeof hostsEntries>> {
  return hostsEntries((await textOf(files, '/etc/hosts')) ?? '');
}

/** The names by which clients on this node know the virtual server. */
export async function controlPlaneNames(files: Node['files']): Promise<readonly string[]> {
  const kubelet = await kubeletServer(files);
  const inHosts = (await hostsOf(files)).some(({ names }) => names.includes(SEALOS_NAME));
  const names = [
    ...(kubelet === null || isIP(kubelet) !== 0 ? [] : [kubelet]),
    ...(inHosts ? [SEALOS_NAME] : []),
  ];
  return [...new Set(names)];
}

/** Whether the kubelet, or a name of the control plane in the hosts file, leads to this address. */
export async function isControlPlane(files: Node['files'], address: string): Promise<boolean> {
  if ((await kubeletServer(files)) === address) return true;
  const names = await controlPlaneNames(files);
  return (await hostsOf(files)).some(
    (entry) => entry.address === address && entry.names.some((name) => names.includes(name)),
  );
}

export async function checkHosts(node: Node, subject: Subject): Promise<readonly Said[]> {
  const { files, network } = node;
  const { virtualServer, realServers } = subject;
  const own = new Set((await network.addresses()).map(({ address }) => address));
  const apiserver = await textOf(files, `${MANIFESTS[0]}/kube-apiserver.yaml`);
  const isMaster = apiserver !== null || realServers.some(({ address }) => own.has(address));
  const table = await readIpVs(files);
  const isThere = table?.some(({ server }) => server.text === virtualServer.text) === true;
  const entries = await hostsOf(files);
  const version = virtualServer.family === 'ipv4' ? 4 : 6;
  const addressesOf = (name: string): string[] =>
    entries
      .filter(({ address, names }) => names.includes(name) && isIP(address) === version)
      .map(({ address }) => address);
  const said: Said[] = [];

  for (const address of addressesOf(OWN_NAME))
    said.push(
      about(
        OWN_NAME,
        own.has(address)
          ? ok(`${address}, an address of this node`)
          : fail(
              `${address} is not an address of this node`,
              `${renaming(OWN_NAME, [address], null)}; lvscare then takes the address of the route to the real servers`,
            ),
      ),
    );

  const kubelet = await kubeletServer(files);
  if (kubelet !== null && isIP(kubelet) !== 0)
    said.push(
      about(
        KUBELET,
        kubelet === virtualServer.address || isMaster
          ? ok(`kubelet uses ${kubelet}`)
          : warn(
              `kubelet uses ${kubelet} directly instead of the virtual server ${virtualServer.address}, so it fails when ${kubelet} fails`,
              `set server: https://${virtualServer.text} in ${KUBELET}, then: systemctl restart kubelet`,
            ),
      ),
    );

  for (const name of await controlPlaneNames(files)) {
    const addresses = addressesOf(name);
    if (addresses.length > 0) said.push(about(name, sayName(name, addresses, isMaster, isThere, subject)));
  }
  return said.length === 0
    ? [skip('neither /etc/hosts nor the configuration of kubelet names the control plane')]
    : said;
}

/** The command that takes a name from the lines of these addresses, whose other names stay, and adds it with another one if given. */
function renaming(name: string, from: readonly string[], to: string | null): string {
  const [lines, pattern] = [from.join('|'), name].map((text) => text.replaceAll('.', '\\.'));
  const scripts = [
    ...(to === null ? [] : [`$a${to} ${name}`]),
    `/^\\s*(${lines})\\s/s/^([^#]*)\\s${pattern}(\\s|#|$)/\\1\\2/`,
    `/^\\s*(${lines})\\s*$/d`,
  ];
  return `sed -E -i ${scripts.map((script) => `-e '${script}'`).join(' ')} /etc/hosts`;
}

function sayName(
  name: string,
  addresses: readonly string[],
  isMaster: boolean,
  isThere: boolean,
  { virtualServer, realServers }: Subject,
): Said {
  const wrong = addresses.filter((address) => address !== virtualServer.address);
  const change = renaming(name, wrong, virtualServer.address);
  // Before the virtual server exists, its address leads nowhere.
  const remedy = isThere ? change : `start lvscare care; when ${virtualServer.text} answers: ${change}`;
  const [first] = wrong;
  if (first === undefined) return ok(`${addresses.join(', ')}, the virtual server`);
  if (realServers.some(({ address }) => address === first)) {
    // On a master its own apiserver starts before the virtual server exists.
    if (isMaster) return ok(`${first}, a real server, as on a master`);
    return warn(`${first} is a single real server: this node loses the control plane when it fails`, remedy);
  }
  return fail(`${first} is neither ${virtualServer.address} nor a real server`, remedy);
}
