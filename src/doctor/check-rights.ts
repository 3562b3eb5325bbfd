/** What this process is allowed to do on this node. */
import type { SysctlSpec } from '../host/sysctl.js';
import { effectiveCapabilities, hasNetAdmin } from '../values/process-rights.js';
import { fail, ok, skip, warn, about, type Said } from './finding.js';
import { textOf, type Node, type Subject } from './ports.js';

export async function checkCapabilities({ files, uid }: Node): Promise<Said> {
  const status = await files.read('/proc/self/status');
  if (!hasNetAdmin(status))
    return fail(
      `uid ${uid} has no NET_ADMIN (CapEff ${effectiveCapabilities(status).toString(16)})`,
      "run it as root, or add NET_ADMIN to the container's capabilities",
    );
  const map = (await textOf(files, '/proc/self/uid_map'))?.trim().split(/\s+/).join(' ');
  if (map !== undefined && map !== '0 0 4294967295')
    return warn(
      `NET_ADMIN, but in a user namespace (${map}), where it does not apply to the network of the host`,
      'run it without a user namespace: hostUsers: true, or a container engine that is not rootless',
    );
  return ok(`uid ${uid} has NET_ADMIN`);
}

const RUN_DIRECTORY = '/run/lvscare';

export async function checkRunDirectory({ files }: Node): Promise<Said> {
  const own = await files.whyNotWritable(RUN_DIRECTORY);
  // lvscare creates it in /run.
  const why = own === 'ENOENT' ? await files.whyNotWritable('/run') : own;
  if (why === null)
    return ok(own === 'ENOENT' ? `${RUN_DIRECTORY} can be created` : `${RUN_DIRECTORY} can be written`);
  return warn(
    `${RUN_DIRECTORY} cannot be written (${why}): lvscare cannot save there what --clean has to remove`,
    `mkdir -p ${RUN_DIRECTORY}; in a pod, mount that directory of the host, as manifests/lvscare.yaml does`,
  );
}

export async function checkSysctls(node: Node, { sysctls, setsSysctls }: Subject): Promise<readonly Said[]> {
  return await Promise.all(sysctls.map((wanted) => checkSysctl(node, wanted, setsSysctls)));
}

async function checkSysctl({ files }: Node, wanted: SysctlSpec, setsSysctls: boolean): Promise<Said> {
  const { name, value, without } = wanted;
  const file = name.replaceAll('.', '/');
  const found = (await textOf(files, `/proc/sys/${file}`))?.trim() ?? null;
  if (found === null) return about(name, skip('the kernel has it only while ip_vs is loaded'));
  if (found === value) return about(name, ok(value));
  const places = await Promise.all(
    ['/proc/sys', '/host/proc/sys'].map((root) => files.whyNotWritable(`${root}/${file}`)),
  );
  const evidence = `${found}, not ${value}`;
  if (!setsSysctls)
    return about(name, warn(`${evidence}, and --sysctl=false: ${without}`, `sysctl -w ${name}=${value}`));
  if (places.includes(null)) return about(name, ok(`${evidence}; lvscare sets it`));
  return about(
    name,
    warn(
      `${evidence}, and it cannot be written here (${places[0] ?? ''}): ${without}`,
      `sysctl -w ${name}=${value} on the host; in a pod, mount /proc/sys/net as manifests/lvscare.yaml does`,
    ),
  );
}

export async function checkNft(node: Node, { masquerade }: Subject): Promise<Said> {
  const version = await node.nftVersion();
  if (version !== null) return ok(version);
  const remedy = 'apt-get install nftables, or dnf install nftables';
  return masquerade
    ? fail('nft is not installed, and --masquerade needs it', remedy)
    : warn(
        'nft is not installed: neighbours may send packets for the virtual server to this node, and large answers hang where its MTU is smaller than that of the real servers',
        remedy,
      );
}
