import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { X509Certificate } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { endpoint } from '../../src/values/endpoint.js';
import { checkFirewall } from '../../src/doctor/check-firewall.js';
import { checkIpvs, checkKernel, checkScheduler } from '../../src/doctor/check-kernel.js';
import { checkHosts, checkKubeProxy, checkServiceCidr } from '../../src/doctor/check-kubernetes.js';
import {
  checkForwarding,
  checkIpv6,
  checkMode,
  checkNodeAddress,
  checkReversePath,
  checkRoutes,
  checkVirtualAddress,
} from '../../src/doctor/check-network.js';
import {
  checkGoLeftovers,
  checkInstances,
  checkRecords,
  checkVirtualServer,
} from '../../src/doctor/check-ownership.js';
import {
  checkCapabilities,
  checkNft,
  checkRunDirectory,
  checkSysctls,
} from '../../src/doctor/check-rights.js';
import {
  checkCertificates,
  checkClock,
  checkServers,
  checkVirtualServerAnswers,
} from '../../src/doctor/check-servers.js';
import { examine } from '../../src/doctor/checks.js';
import type { Said } from '../../src/doctor/finding.js';
import type { Node, Subject } from '../../src/doctor/ports.js';
import { issuer } from '../probe/issuer.js';
import {
  addProcess,
  answer,
  lineOf,
  nodeFrom,
  NOW_MS,
  RS,
  SUBJECT,
  VS,
  wellNode,
  type FakeNode,
} from './fake-node.js';

type Look = (node: Node, subject: Subject) => Promise<Said | readonly Said[]>;
/** What is broken, and the line that says so; a RegExp for a line that is long. */
type Case = readonly [what: string, breakIt: (fake: FakeNode) => unknown, ...lines: (string | RegExp)[]];

function without({ files }: FakeNode, path: string): FakeNode['files'] {
  return Object.fromEntries(Object.entries(files).filter(([file]) => file !== path));
}

function table(name: string, look: Look, cases: readonly Case[]): void {
  describe(`doctor: ${name}`, () => {
    for (const [what, breakIt, ...expected] of cases)
      it(what, async () => {
        const fake = wellNode();
        // What it gives back is another subject, if it is anything.
        const subject = { ...SUBJECT, ...((breakIt(fake) ?? {}) as Partial<Subject>) };
        const lines = [await look(nodeFrom(fake), subject)].flat().map(lineOf);
        assert.equal(lines.length, expected.length, lines.join('\n'));
        lines.forEach((line, index) => {
          const wanted = expected[index] ?? '';
          if (typeof wanted === 'string') assert.equal(line, wanted);
          else assert.match(line, wanted);
        });
      });
  });
}

const well = (): undefined => undefined;
const DEP = '/lib/modules/6.1.0-28-amd64/modules.dep';

table('kernel', checkKernel, [
  ['of today', well, 'ok: Linux 6.1.0-28-amd64'],
  ['the oldest that was tried', (fake) => void (fake.release = '3.10.0-1160.el7'), /^ok/],
  [
    'older',
    (fake) => void (fake.release = '2.6.32-754.el6'),
    /^warn: .* is older .* -> install a kernel of 3\.10/,
  ],
]);

const unloaded = (fake: FakeNode, dep: string | null): void => {
  delete fake.files['/proc/net/ip_vs'];
  fake.files['/proc/modules'] = 'ip_vs_other 1 0 - Live 0x0\n';
  if (dep !== null) fake.files[DEP] = dep;
};
const IPVS_FILES = 'kernel/net/netfilter/ipvs/ip_vs.ko: x\nkernel/net/netfilter/ipvs/ip_vs_rr.ko.xz: y\n';

table('ipvs', checkIpvs, [
  ['loaded', well, 'ok: the kernel has it'],
  [
    'not for us to read: it is there',
    (fake) => void (fake.files['/proc/net/ip_vs'] = null),
    'ok: the kernel has it',
  ],
  [
    'loadable',
    (fake) => {
      unloaded(fake, IPVS_FILES);
    },
    /^ok: ip_vs is not loaded yet; .*\/ip_vs\.ko\)$/,
  ],
  [
    'built in',
    (fake) => {
      unloaded(fake, '');
      fake.files['/lib/modules/6.1.0-28-amd64/modules.builtin'] = 'kernel/net/netfilter/ipvs/ip_vs.ko\n';
    },
    'ok: the kernel has ip_vs',
  ],
  [
    'no module',
    (fake) => {
      unloaded(fake, 'kernel/x_ip_vs.ko: \n');
    },
    /^fail: kernel 6\.1\.0-28-amd64 has no module ip_vs -> install/,
  ],
  [
    'not to be seen',
    (fake) => {
      unloaded(fake, null);
    },
    /^warn: .* is not to be seen: .* -> modprobe ip_vs$/,
  ],
  [
    'no loader',
    (fake) => {
      unloaded(fake, IPVS_FILES);
      fake.files['/proc/sys/kernel/modprobe'] = '/bin/false\n';
    },
    'fail: ip_vs is not loaded, and kernel.modprobe is /bin/false: the kernel loads nothing by itself -> modprobe ip_vs',
  ],
  [
    'a module that the kernel does not load by itself',
    (fake) => {
      unloaded(fake, IPVS_FILES);
      fake.files['/lib/modules/6.1.0-28-amd64/modules.alias'] = 'alias ipt_ipvs xt_ipvs\n';
    },
    'fail: ip_vs is not loaded, and Linux 6.1.0-28-amd64 does not load it by itself -> modprobe ip_vs',
  ],
  [
    'a module that the kernel loads by itself',
    (fake) => {
      unloaded(fake, IPVS_FILES);
      fake.files['/lib/modules/6.1.0-28-amd64/modules.alias'] =
        'alias net-pf-16-proto-16-family-IPVS ip_vs\n';
    },
    /^ok: .* the kernel loads it when lvscare asks/,
  ],
  [
    'hardened',
    (fake) => {
      unloaded(fake, IPVS_FILES);
      fake.files['/etc/modprobe.d/cis.conf'] = '# x\ninstall ip_vs /bin/true\n';
    },
    /^fail: .*\/etc\/modprobe\.d\/cis\.conf keeps ip_vs from being loaded/,
  ],
  [
    'sealed',
    (fake) => {
      unloaded(fake, IPVS_FILES);
      fake.files['/proc/sys/kernel/modules_disabled'] = '1\n';
    },
    /^fail: .*kernel\.modules_disabled is 1/,
  ],
]);

table('scheduler', checkScheduler, [
  ['loaded', well, 'ok: the kernel has ip_vs_rr'],
  [
    'compressed file',
    (fake) => {
      unloaded(fake, IPVS_FILES);
    },
    /^ok: ip_vs_rr is not loaded yet.*ip_vs_rr\.ko\.xz\)$/,
  ],
  [
    'in use',
    (fake) => {
      fake.files['/proc/net/ip_vs'] = 'TCP  0A676102:192B sh\n';
      return { scheduler: 'sh' };
    },
    'ok: sh is in use',
  ],
  [
    'no such one',
    (fake) => {
      fake.files[DEP] = IPVS_FILES;
      return { scheduler: 'bogus' };
    },
    /^fail: .* has no module ip_vs_bogus/,
  ],
]);

table('capabilities', checkCapabilities, [
  ['root', well, 'ok: uid 0 has NET_ADMIN'],
  [
    'all but NET_ADMIN',
    (fake) => void (fake.files['/proc/self/status'] = 'CapEff:\t000001ffffffefff\n'),
    /^fail: uid 0 has no NET_ADMIN \(CapEff 1ffffffefff\) -> run it as root/,
  ],
  [
    'rootless',
    (fake) => void (fake.files['/proc/self/uid_map'] = '0 1000 1\n'),
    /^warn: NET_ADMIN, but in a user namespace \(0 1000 1\)/,
  ],
]);

table('run-directory', checkRunDirectory, [
  ['writable', well, 'ok: /run/lvscare can be written'],
  ['yet to be made', (fake) => void (fake.writable = ['/run']), 'ok: /run/lvscare can be made'],
  [
    'read-only',
    (fake) => {
      fake.writable = [];
      fake.files['/run/lvscare/1/x.json'] = '{}';
    },
    /^warn: \/run\/lvscare cannot be written \(EROFS\): .* -> mkdir -p/,
  ],
]);

const SYSCTL = '/proc/sys/net/ipv4/vs/expire_nodest_conn';
table('sysctl', checkSysctls, [
  ['as wanted', well, 'ok net.ipv4.vs.expire_nodest_conn: 1'],
  [
    'to be set by lvscare',
    (fake) => {
      fake.files[SYSCTL] = '0\n';
      fake.writable = [SYSCTL];
    },
    'ok net.ipv4.vs.expire_nodest_conn: 0, not 1; lvscare sets it',
  ],
  [
    'to be set by lvscare at its mount',
    (fake) => {
      fake.files[SYSCTL] = '0\n';
      fake.writable = [`/host${SYSCTL}`];
    },
    /^ok .*lvscare sets it$/,
  ],
  [
    'read-only',
    (fake) => void (fake.files[SYSCTL] = '0\n'),
    /^warn net\S+: 0, not 1, and it cannot be written here \(EROFS\): connections hang -> sysctl -w net\.ipv4\.vs\.expire_nodest_conn=1/,
  ],
  [
    'not to be set',
    (fake) => {
      fake.files[SYSCTL] = '0\n';
      fake.writable = [SYSCTL];
      return { setsSysctls: false };
    },
    'warn net.ipv4.vs.expire_nodest_conn: 0, not 1, and --sysctl=false: connections hang -> sysctl -w net.ipv4.vs.expire_nodest_conn=1',
  ],
  [
    'without IPVS',
    (fake) => {
      fake.files = without(fake, SYSCTL);
    },
    /^skip net\S+: it is there once ip_vs is loaded$/,
  ],
]);

table('nft', checkNft, [
  ['not needed', well, 'skip: nothing is masqueraded'],
  ['there', () => ({ masquerade: true }), 'ok: nftables v1.0.6'],
  [
    'missing',
    (fake) => {
      fake.nft = null;
      return { masquerade: true };
    },
    /^fail: there is no nft, .* -> apt-get install nftables/,
  ],
]);

const VS6 = endpoint('ipv6', 'fd00::2', 6443);
const DISABLE = '/proc/sys/net/ipv6/conf/all/disable_ipv6';
table('ipv6', checkIpv6, [
  ['IPv4', well, 'skip: the virtual server is of IPv4'],
  [
    'enabled',
    (fake) => {
      fake.files[DISABLE] = '0\n';
      return { virtualServer: VS6 };
    },
    'ok: enabled',
  ],
  [
    'disabled',
    (fake) => {
      fake.files[DISABLE] = '1\n';
      return { virtualServer: VS6 };
    },
    'fail: net.ipv6.conf.all.disable_ipv6 is 1 -> sysctl -w net.ipv6.conf.all.disable_ipv6=0',
  ],
  ['not built', () => ({ virtualServer: VS6 }), /^fail: this kernel has no IPv6/],
]);

table('node-address', checkNodeAddress, [
  ['by the route', well, 'ok: 10.0.0.9 on eth0 (the route to 10.0.0.1)'],
  [
    'of another node, by the hosts file',
    (fake) =>
      void (fake.nodeAddress = {
        address: '10.0.0.7',
        source: 'hosts',
        from: "the hosts file's lvscare.node.ip",
      }),
    /^fail: 10\.0\.0\.7 \(the hosts file's lvscare\.node\.ip\) is no address of this node -> correct the line/,
  ],
  [
    'not known',
    (fake) => void (fake.nodeAddress = new Error('no route')),
    /^fail: no route -> give lvscare --ip/,
  ],
  [
    'not known, and no real server to tell',
    (fake) => {
      fake.nodeAddress = new Error('no route');
      return { realServers: [] };
    },
    'skip: no --rs',
  ],
]);

const onMaster = (fake: FakeNode): void => {
  fake.addresses.push({ address: '10.0.0.1', prefixLength: 24, interfaceName: 'eth0' });
};
table('mode', checkMode, [
  ['local', well, 'ok: local'],
  ['route', () => ({ mode: 'route' }), /^ok: route/],
  [
    'route on a master',
    (fake) => {
      onMaster(fake);
      return { mode: 'route' };
    },
    /^warn: route, and 10\.0\.0\.1:6443 is this node itself.* -> give lvscare --mode local$/,
  ],
  ['link, masqueraded', () => ({ mode: 'link', masquerade: true }), 'ok: link, masqueraded'],
  ['link', () => ({ mode: 'link' }), /^warn: link without --masquerade/],
  ['none', () => ({ mode: 'none' }), /^ok: none/],
]);

const holding =
  (interfaceName: string) =>
  (fake: FakeNode): void => {
    fake.addresses.push({ address: VS.address, prefixLength: 32, interfaceName });
  };
table('vip-address', checkVirtualAddress, [
  ['nobody has it', well, 'ok: no interface has 10.103.97.2'],
  [
    'another interface',
    holding('eth1'),
    /^fail: 10\.103\.97\.2 is an address of eth1: .* -> ip address del 10\.103\.97\.2\/32 dev eth1$/,
  ],
  [
    'a service of that address',
    holding('kube-ipvs0'),
    /^fail: .*kube-ipvs0: kube-proxy in ipvs mode has a service/,
  ],
  [
    'left over from mode link',
    holding('lvscare'),
    'warn: 10.103.97.2 is an address of lvscare: left over from mode link -> ip link del lvscare',
  ],
  [
    'mode link',
    (fake) => {
      holding('lvscare')(fake);
      return { mode: 'link' };
    },
    'ok: lvscare has 10.103.97.2, as mode link wants',
  ],
]);

table('routes', checkRoutes, [
  ['none', well, 'ok: no other route to 10.103.97.2/32'],
  [
    'left over from mode route',
    (fake) => void fake.routes.push({ gateway: '10.0.0.9', interfaceName: 'eth0' }),
    /^warn: .*left over from mode route.* -> ip route del 10\.103\.97\.2\/32 via 10\.0\.0\.9$/,
  ],
  [
    'mode route',
    (fake) => {
      fake.routes.push({ gateway: '10.0.0.9', interfaceName: 'eth0' });
      return { mode: 'route' };
    },
    'ok: there is a route to 10.103.97.2/32',
  ],
  ['mode none', () => ({ mode: 'none' }), /^skip/],
]);

table('rp-filter', checkReversePath, [
  ['the same way back', well, /^ok/],
  [
    'another way, strict',
    (fake) => {
      fake.towards['10.0.0.2'] = 'eth1';
      fake.files['/proc/sys/net/ipv4/conf/all/rp_filter'] = '0\n';
      fake.files['/proc/sys/net/ipv4/conf/eth1/rp_filter'] = '1\n';
    },
    /^warn: 10\.0\.0\.2:6443 is reached through eth1, while 10\.0\.0\.9 is on eth0.* -> sysctl -w/,
  ],
  [
    'another way, loose',
    (fake) => {
      fake.towards['10.0.0.2'] = 'eth1';
      fake.files['/proc/sys/net/ipv4/conf/all/rp_filter'] = '2\n';
      fake.files['/proc/sys/net/ipv4/conf/eth1/rp_filter'] = '1\n';
    },
    /^ok/,
  ],
  ['IPv6', () => ({ virtualServer: VS6 }), /^skip/],
]);

table('ip-forward', checkForwarding, [
  ['on', well, 'ok: on'],
  [
    'off',
    (fake) => void (fake.files['/proc/sys/net/ipv4/ip_forward'] = '0\n'),
    /^ok: off: enough for clients on the node/,
  ],
]);

/** 10.103.97.2:6443 with the real servers 10.0.0.1 and 10.0.0.2. */
const HELD =
  'TCP  0A676102:192B rr \n  -> 0A000001:192B      Masq    1      0          0\n  -> 0A000002:192B      Masq    1      0          0\n';
const OTHERS = 'TCP  0A676102:192B rr \n  -> 0A630001:01BB      Masq    1      0          0\n';
table('virtual-server', checkVirtualServer, [
  ['nobody has it', well, 'ok: nobody has 10.103.97.2:6443'],
  [
    'no IPVS',
    (fake) => {
      fake.files = without(fake, '/proc/net/ip_vs');
    },
    /^skip/,
  ],
  [
    "lvscare's",
    (fake) => {
      fake.files['/proc/net/ip_vs'] = HELD;
      fake.holder = { pid: 7, uid: 0 };
    },
    'ok: 10.103.97.2:6443 is there with 2 real servers, taken care of',
  ],
  [
    'of an lvscare that ended',
    (fake) => {
      fake.files['/proc/net/ip_vs'] = HELD;
      fake.records.push({ virtualServer: VS.text, realServers: [], held: false });
    },
    /^warn: .*from an earlier lvscare, and none takes care of it -> start lvscare care/,
  ],
  [
    'made by hand',
    (fake) => void (fake.files['/proc/net/ip_vs'] = HELD),
    /^warn: .*not known to lvscare, and none/,
  ],
  [
    "another program's",
    (fake) => void (fake.files['/proc/net/ip_vs'] = OTHERS),
    /^fail: 10\.103\.97\.2:6443 is there with 10\.99\.0\.1:443, not of --rs, .* -> stop that program, then ipvsadm -D -t 10\.103\.97\.2:6443/,
  ],
  [
    'on another port',
    (fake) => void (fake.files['/proc/net/ip_vs'] = OTHERS.replace('192B rr', '01BB rr')),
    /^warn: 10\.103\.97\.2:443 has the same address/,
  ],
  [
    'of UDP: none of ours',
    (fake) => void (fake.files['/proc/net/ip_vs'] = OTHERS.replace('TCP', 'UDP')),
    'ok: nobody has 10.103.97.2:6443',
  ],
]);

const OURS = ['/usr/bin/node', '/usr/bin/lvscare', 'care', '--vs', VS.text, '--rs', 'x'];
const GO = ['/usr/bin/lvscare', 'care', `--vs=${VS.text}`, '--rs', 'x'];
const pod = (args: string): string =>
  `kind: Pod\nspec:\n  containers:\n    - image: lvscare:1\n      args:\n${args}`;
const POD_ARGS = `        - care\n        - --vs=${VS.text}\n        - --rs=10.0.0.1:6443\n`;
table('instance', checkInstances, [
  ['none', well, 'ok: no lvscare is at work'],
  [
    'the one that holds it',
    (fake) => {
      addProcess(fake, 7, OURS);
      fake.holder = { pid: 7, uid: 0 };
    },
    'ok: process 7 takes care of 10.103.97.2:6443',
  ],
  [
    'the one that holds it, in a container',
    (fake) => {
      addProcess(fake, 7, OURS);
      fake.holder = { pid: null, uid: 0 };
    },
    /^ok: an lvscare takes care/,
  ],
  [
    'the Go program',
    (fake) => {
      addProcess(fake, 8, GO);
    },
    /^warn: process 8 \(lvscare care --vs=10\.103\.97\.2:6443\) is at work on .* -> stop it where it is started/,
  ],
  [
    'the Go program beside ours',
    (fake) => {
      addProcess(fake, 7, OURS);
      addProcess(fake, 8, ['sealctl', 'ipvs', '--vs', VS.text]);
      fake.holder = { pid: 7, uid: 0 };
    },
    /^fail: process 8 \(sealctl ipvs --vs\) is at work on \S+ beside process 7, which holds it -> .*kill 8$/,
  ],
  [
    'two that nobody told apart',
    (fake) => {
      addProcess(fake, 7, GO);
      addProcess(fake, 8, GO);
    },
    /^fail: process 7 .* and process 8 .* are at work on .*, each against the others/,
  ],
  [
    "others that are in nobody's way",
    (fake) => {
      addProcess(fake, 2, [...OURS, '--dry-run']);
      addProcess(fake, 3, ['lvscare', 'care', '--vs', '10.9.9.9:6443']);
      addProcess(fake, 4, GO, 'net:[2]');
      addProcess(fake, 5, ['vi', 'care', VS.text]);
      addProcess(fake, 1000, ['node', 'lvscare', 'care']);
    },
    'ok: no lvscare is at work',
  ],
  [
    'a squatter',
    (fake) => void (fake.holder = { pid: 9, uid: 1000 }),
    /^warn: process 9 of uid 1000 has the name .* -> kill 9$/,
  ],
  [
    'two static pods',
    (fake) => {
      fake.files['/etc/kubernetes/manifests/kube-sealos-lvscare.yaml'] = pod(POD_ARGS);
      fake.files['/etc/kubernetes/manifests/lvscare.yaml'] = pod(POD_ARGS);
      fake.files['/etc/kubernetes/manifests/.lvscare.yaml.swp'] = pod(POD_ARGS);
      fake.files['/etc/kubernetes/manifests/other.yaml'] = pod(POD_ARGS.replace('97.2', '97.3'));
    },
    /^fail: \S+kube-sealos-lvscare\.yaml and \S+\/lvscare\.yaml are both for 10\.103\.97\.2:6443.* -> rm/,
  ],
]);

table('records', checkRecords, [
  ['none', well, 'ok: nothing is left of another lvscare'],
  [
    'our own',
    (fake) => void fake.records.push({ virtualServer: VS.text, realServers: [], held: false }),
    /^ok/,
  ],
  [
    'others',
    (fake) => {
      fake.records.push({ virtualServer: '10.9.9.9:1', realServers: [], held: true });
      fake.records.push({ virtualServer: '10.9.9.8:1', realServers: [], held: false });
    },
    'ok 10.9.9.9:1: another lvscare takes care of it',
    /^warn 10\.9\.9\.8:1: an earlier lvscare created it.* -> lvscare care --vs 10\.9\.9\.8:1 --clean$/,
  ],
]);

table('go-leftovers', checkGoLeftovers, [
  ['none', well, 'ok: nothing is left of the Go program'],
  [
    'some',
    (fake) => void (fake.go.taken = ['chain VIRTUAL-SERVICES', 'ipset VIRTUAL-IP']),
    /^warn: the Go program left chain VIRTUAL-SERVICES, ipset VIRTUAL-IP -> lvscare care --vs 10\.103\.97\.2:6443 --clean, with no lvscare running; .* put the manifest back after it$/,
  ],
  ['nothing to look with', (fake) => void (fake.go.unknown = 'there is no ipset'), 'skip: there is no ipset'],
  [
    'not to be read',
    (fake) => void (fake.go.failures = [new Error('ipset: status 1')]),
    /^warn: ipset: status 1/,
  ],
]);

const APISERVER = `kind: Pod
spec:
  containers:
  - command:
    - kube-apiserver
    - --service-cluster-ip-range=10.96.0.0/22,fd00:96::/112
    - --tls-cert-file=/x
    image: x
`;
table('service-cidr', checkServiceCidr, [
  ['a worker', well, /^skip/],
  [
    'outside',
    (fake) => void (fake.files['/etc/kubernetes/manifests/kube-apiserver.yaml'] = APISERVER),
    /^ok: 10\.103\.97\.2 is outside of 10\.96\.0\.0\/22,fd00:96::\/112/,
  ],
  [
    "inside of kubeadm's default",
    (fake) =>
      void (fake.files['/etc/kubernetes/manifests/kube-apiserver.yaml'] = APISERVER.replace('/22', '/12')),
    /^warn: 10\.103\.97\.2 is inside of 10\.96\.0\.0\/12 .* -> choose a --vs outside/,
  ],
  [
    'inside, of a process',
    (fake) => {
      addProcess(fake, 5, ['/usr/local/bin/kube-apiserver', '--service-cluster-ip-range', 'fd00::/64']);
      return { virtualServer: VS6 };
    },
    /^warn: fd00::2 is inside of fd00::\/64 \(kube-apiserver, process 5\)/,
  ],
]);

const proxy =
  (config: string) =>
  (fake: FakeNode): void => {
    addProcess(fake, 6, [
      '/usr/local/bin/kube-proxy',
      '--config=/var/lib/kube-proxy/config.conf',
      '--hostname-override=n',
    ]);
    fake.files['/proc/6/root/var/lib/kube-proxy/config.conf'] = config;
  };
const IPVS_MODE = (excluded: string): string =>
  `apiVersion: kubeproxy.config.k8s.io/v1alpha1\nclusterCIDR: 10.244.0.0/16\nipvs:\n  excludeCIDRs:${excluded}\n  strictARP: false\nkind: KubeProxyConfiguration\nmode: "ipvs"\n`;
table('kube-proxy', checkKubeProxy, [
  ['none', well, 'skip: no kube-proxy runs here'],
  ['iptables by default', proxy('ipvs:\n  excludeCIDRs: null\nmode: ""\n'), /^ok: mode iptables/],
  ['nftables', proxy('mode: nftables\n'), /^ok: mode nftables/],
  [
    'ipvs, nothing excluded',
    proxy(IPVS_MODE(' null')),
    /^fail: mode ipvs .* excludeCIDRs has none, .*kubectl .*ipvs\.excludeCIDRs: \["10\.103\.97\.2\/32"\]/,
  ],
  [
    'ipvs, another excluded',
    proxy(IPVS_MODE('\n  - 10.9.0.0/16')),
    /^fail: .*excludeCIDRs has 10\.9\.0\.0\/16, not 10\.103\.97\.2/,
  ],
  [
    'ipvs, excluded',
    proxy(IPVS_MODE('\n  - 10.9.0.0/16\n  - "10.103.97.2/32"')),
    /^ok: .*which leaves 10\.103\.97\.2\/32 alone$/,
  ],
  ['ipvs, excluded by a wider one', proxy(IPVS_MODE(" ['10.103.97.0/24']")), /^ok: /],
  [
    'not to be read',
    (fake) => {
      addProcess(fake, 6, ['kube-proxy', '--config', '/x']);
    },
    /^warn: .*cannot be read: ENOENT \/proc\/6\/root\/x/,
  ],
  [
    'by flags',
    (fake) => {
      addProcess(fake, 6, ['kube-proxy', '--proxy-mode=ipvs', '--ipvs-exclude-cidrs=10.103.97.2/32']);
    },
    /^ok: mode ipvs/,
  ],
  [
    'seen by its interface',
    (fake) =>
      void fake.addresses.push({ address: '10.96.0.1', prefixLength: 32, interfaceName: 'kube-ipvs0' }),
    /^warn: kube-proxy in ipvs mode has been at work/,
  ],
]);

const KUBELET = '/etc/kubernetes/kubelet.conf';
const kubeconfig = (server: string): string =>
  `apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: x\n    server: ${server}\n  name: k\n`;
const hosts =
  (...lines: string[]) =>
  (fake: FakeNode): void => {
    fake.files['/etc/hosts'] = `127.0.0.1 localhost\n${lines.join('\n')}\n`;
  };
table('hosts', checkHosts, [
  ['none', well, /^skip/],
  [
    'a worker of sealos',
    hosts('10.103.97.2 apiserver.cluster.local', '10.0.0.9 lvscare.node.ip'),
    'ok lvscare.node.ip: 10.0.0.9, of this node',
    'ok apiserver.cluster.local: 10.103.97.2, the virtual server',
  ],
  [
    "another node's address",
    hosts('10.0.0.8 lvscare.node.ip # copied'),
    /^fail lvscare\.node\.ip: 10\.0\.0\.8 is no address of this node -> sed/,
  ],
  [
    'a wrong address',
    hosts('10.0.0.77 apiserver.cluster.local'),
    "fail apiserver.cluster.local: 10.0.0.77 is neither 10.103.97.2 nor a real server -> sed -E -i 's/^\\s*\\S+(\\s(.*\\s)?apiserver\\.cluster\\.local(\\s|$))/10.103.97.2\\1/' /etc/hosts",
  ],
  [
    'one master alone',
    hosts('10.0.0.1 apiserver.cluster.local'),
    /^warn apiserver\.cluster\.local: 10\.0\.0\.1 is one real server alone/,
  ],
  [
    'a master',
    (fake) => {
      hosts('10.0.0.1 apiserver.cluster.local')(fake);
      onMaster(fake);
    },
    /^ok apiserver\.cluster\.local: 10\.0\.0\.1, a real server, as on a master/,
  ],
  [
    "kubeadm's own name",
    (fake) => {
      fake.files[KUBELET] = kubeconfig('https://k8s.example.org:6443');
      hosts('10.0.0.77 k8s.example.org')(fake);
    },
    /^fail k8s\.example\.org: 10\.0\.0\.77/,
  ],
  [
    'the kubelet by the address',
    (fake) => void (fake.files[KUBELET] = kubeconfig('https://10.103.97.2:6443')),
    /^ok \/etc\S+: the kubelet asks 10\.103\.97\.2$/,
  ],
  [
    'the kubelet by one master',
    (fake) => void (fake.files[KUBELET] = kubeconfig('https://10.0.0.1:6443')),
    /^warn \/etc\S+: the kubelet asks 10\.0\.0\.1, not 10\.103\.97\.2: .* -> set server/,
  ],
]);

const filter = (...rules: string[]): FakeNode['iptables'] => ({
  variants: [
    {
      command: 'iptables-nft',
      tables: [
        {
          name: 'filter',
          rules: rules.map((rule) => {
            const [, chain = '', specification = ''] = /^(\S+) (.*)$/.exec(rule) ?? [];
            return { chain, specification };
          }),
        },
      ],
    },
  ],
  failures: [],
});
const DROP = '-m conntrack --ctstate INVALID -j DROP';
const nftablesAt = (hook: string, ...expr: unknown[]): unknown => ({
  nftables: [
    { metainfo: { version: '1.0.6' } },
    { chain: { family: 'inet', table: 'fw', name: 'in', type: 'filter', hook } },
    { chain: { family: 'inet', table: 'fw', name: 'more' } },
    { rule: { family: 'inet', table: 'fw', chain: 'in', expr: [{ jump: { target: 'more' } }] } },
    { rule: { family: 'inet', table: 'fw', chain: 'more', expr } },
  ],
});
const nftables = (...expr: unknown[]): unknown => nftablesAt('input', ...expr);
const invalid = { match: { op: 'in', left: { ct: { key: 'state' } }, right: 'invalid' } };
const TRACKED = '/proc/sys/net/ipv4/vs/conntrack';
table('firewall', checkFirewall, [
  ['nothing to see', well, /^skip/],
  [
    'harmless rules',
    (fake) => void (fake.iptables = filter('INPUT -j ACCEPT', `OUTPUT ${DROP}`)),
    /^ok: nothing drops/,
  ],
  [
    'in INPUT',
    (fake) => void (fake.iptables = filter(`INPUT ${DROP}`)),
    /^warn: iptables-nft -t filter chain INPUT drops INVALID .* -> sysctl -w net\.ipv4\.vs\.conntrack=1/,
  ],
  [
    'as ufw does',
    (fake) => void (fake.iptables = filter('INPUT -j ufw-before-input', `ufw-before-input ${DROP}`)),
    /^warn: iptables-nft -t filter chain ufw-before-input/,
  ],
  [
    'as kube-proxy does',
    (fake) =>
      void (fake.iptables = filter(
        'FORWARD -j KUBE-FORWARD',
        'INPUT -j KUBE-FIREWALL',
        `KUBE-FORWARD ${DROP}`,
      )),
    /^warn of pods: iptables-nft -t filter chain KUBE-FORWARD drops INVALID packets between pods .* -> .*conntrack=1, or give lvscare --masquerade$/,
  ],
  [
    'as kube-proxy does, tracked',
    (fake) => {
      fake.iptables = filter('FORWARD -j KUBE-FORWARD', `KUBE-FORWARD ${DROP}`);
      fake.files[TRACKED] = '1\n';
    },
    /^ok of pods: .*but with net\.ipv4\.vs\.conntrack=1/,
  ],
  [
    'as kube-proxy does, masqueraded',
    (fake) => {
      fake.iptables = filter('FORWARD -j KUBE-FORWARD', `KUBE-FORWARD ${DROP}`);
      return { masquerade: true };
    },
    /^ok of pods: .*lvscare sets/,
  ],
  [
    'in INPUT and FORWARD',
    (fake) => void (fake.iptables = filter(`INPUT ${DROP}`, `FORWARD ${DROP}`)),
    /^warn: .*chain INPUT drops/,
    /^warn of pods: .*chain FORWARD drops/,
  ],
  [
    'nftables, of what is forwarded',
    (fake) => void (fake.ruleset = nftablesAt('forward', invalid, { drop: null })),
    /^warn of pods: nft table inet fw chain more drops/,
  ],
  [
    'only in a comment',
    (fake) =>
      void (fake.iptables = filter('INPUT -m comment --comment "x --ctstate INVALID -j DROP" -j ACCEPT')),
    /^ok/,
  ],
  [
    'all but INVALID',
    (fake) => void (fake.iptables = filter('INPUT -m conntrack ! --ctstate INVALID -j DROP')),
    /^ok/,
  ],
  ['in a circle', (fake) => void (fake.iptables = filter('INPUT -j a', 'a -j b', 'b -j a')), /^ok/],
  [
    'nftables',
    (fake) => void (fake.ruleset = nftables(invalid, { drop: null })),
    /^warn: nft table inet fw chain more drops/,
  ],
  [
    'nftables, a set',
    (fake) =>
      void (fake.ruleset = nftables(
        { match: { op: '==', left: { ct: { key: 'state' } }, right: { set: ['new', 'invalid'] } } },
        { drop: null },
      )),
    /^warn/,
  ],
  [
    'nftables, a map',
    (fake) =>
      void (fake.ruleset = nftables({
        vmap: {
          key: { ct: { key: 'state' } },
          data: {
            set: [
              ['established', { accept: null }],
              ['invalid', { drop: null }],
            ],
          },
        },
      })),
    /^warn/,
  ],
  ['nftables, counted only', (fake) => void (fake.ruleset = nftables(invalid, { counter: null })), /^ok/],
  [
    'nftables of the other family',
    (fake) => {
      fake.ruleset = JSON.parse(
        JSON.stringify(nftables(invalid, { drop: null })).replaceAll('inet', 'ip6'),
      ) as unknown;
    },
    /^ok/,
  ],
  ['nonsense', (fake) => void (fake.ruleset = { nftables: 'x' }), /^ok/],
  [
    'tracked',
    (fake) => {
      fake.iptables = filter(`INPUT ${DROP}`);
      fake.files[TRACKED] = '1\n';
    },
    /^ok: .*but with net\.ipv4\.vs\.conntrack=1/,
  ],
  [
    'masqueraded',
    (fake) => {
      fake.iptables = filter(`INPUT ${DROP}`);
      return { masquerade: true };
    },
    /^ok: .*lvscare sets/,
  ],
  [
    'not to be read',
    (fake) => void (fake.iptables.failures = [new Error('iptables-save: status 4')]),
    /^warn: iptables-save: status 4/,
  ],
]);

const failing =
  (kind: Parameters<typeof answer>[0]) =>
  (fake: FakeNode): void => {
    fake.answers['10.0.0.1:6443'] = answer(kind);
  };
const SECOND_WELL = 'ok 10.0.0.2:6443: status 200 in 4.0 ms';
table('rs', checkServers, [
  ['well', well, 'ok 10.0.0.1:6443: status 200 in 4.0 ms', SECOND_WELL],
  [
    'refused',
    failing({ kind: 'refused', detail: 'ECONNREFUSED' }),
    /^fail 10\.0\.0\.1:6443: refused: ECONNREFUSED -> on 10\.0\.0\.1: crictl/,
    SECOND_WELL,
  ],
  [
    'silent',
    failing({ kind: 'silent', detail: 'no answer' }),
    /^fail .*-> ip route get 10\.0\.0\.1/,
    SECOND_WELL,
  ],
  ['slow', failing({ kind: 'slow', detail: 'x' }), /^fail /, SECOND_WELL],
  ['broken', failing({ kind: 'broken', detail: 'x' }), /^fail /, SECOND_WELL],
  [
    'tls',
    failing({ kind: 'tls', detail: 'x' }),
    /^fail .*-> lvscare probe --rs 10\.0\.0\.1:6443/,
    SECOND_WELL,
  ],
  [
    'status',
    failing({ kind: 'status', detail: 'status 500' }),
    /^fail .*-> curl -k 'https:\/\/10\.0\.0\.1:6443\/readyz\?verbose'$/,
    SECOND_WELL,
  ],
  [
    'hardened',
    (fake) =>
      void (fake.answers['10.0.0.1:6443'] = answer(
        { kind: 'status', detail: 'status 401' },
        { status: 401 },
      )),
    /^fail 10\.0\.0\.1:6443: status: status 401; the apiserver answers no anonymous requests, .* -> give lvscare --health-cert and /,
    SECOND_WELL,
  ],
  [
    'our own fault',
    failing({ kind: 'inconclusive', detail: 'EMFILE' }),
    /^warn .*could not be asked: EMFILE/,
    SECOND_WELL,
  ],
  ['not told', () => ({ realServers: [] }), 'skip: no --rs'],
]);

const ONE = { realServers: RS.slice(0, 1) };
const ahead =
  (...ms: number[]) =>
  (fake: FakeNode): Partial<Subject> => {
    ms.forEach((each, index) => {
      fake.answers[`10.0.0.${index + 1}:6443`] = answer(undefined, { dateMs: NOW_MS + each });
    });
    return { realServers: RS.slice(0, ms.length) };
  };
table('clock', checkClock, [
  ['the same', well, 'ok: within 2 s of 10.0.0.1:6443, 10.0.0.2:6443'],
  [
    'not told',
    (fake) => {
      fake.answers['10.0.0.1:6443'] = answer(undefined, { dateMs: null });
      return ONE;
    },
    /^skip/,
  ],
  ['a second behind, as a date in whole seconds is', ahead(-1000), /^ok/],
  ['2 s ahead', ahead(2000), /^ok/],
  [
    'ours is behind',
    ahead(60_000, 61_000),
    "warn: this node's clock differs from 10.0.0.1:6443 by +60 s, 10.0.0.2:6443 by +61 s -> timedatectl set-ntp true; timedatectl timesync-status",
  ],
  ['ours is ahead', ahead(-60_000), /^warn: this node's clock differs from 10\.0\.0\.1:6443 by -59 s/],
  [
    'theirs is',
    ahead(0, 60_000),
    /^warn: the clocks of these differ from this node's: 10\.0\.0\.2:6443 by \+60 s -> on 10\.0\.0\.2: timedatectl/,
  ],
]);

const there = (fake: FakeNode): void => {
  fake.files['/proc/net/ip_vs'] = HELD;
};
table('through-vip', checkVirtualServerAnswers, [
  ['not there yet', well, 'skip: 10.103.97.2:6443 is not there yet'],
  ['well', there, 'ok: 4.0 ms, directly 4.0 to 4.0 ms'],
  [
    'dead although servers are well',
    (fake) => {
      there(fake);
      fake.answers[VS.text] = answer({ kind: 'silent', detail: 'no answer to connect in 1000 ms' });
    },
    /^fail: silent: .*, though real servers are well -> ipvsadm -Ln -t 10\.103\.97\.2:6443; ip route get 10\.103\.97\.2$/,
  ],
  [
    'dead like all servers',
    (fake) => {
      there(fake);
      for (const text of [VS.text, ...RS.map((server) => server.text)])
        fake.answers[text] = answer({ kind: 'refused', detail: 'x' });
    },
    /^warn: refused: x; but no real server is well either/,
  ],
  [
    'slow',
    (fake) => {
      there(fake);
      fake.answers[VS.text] = answer(undefined, {
        phases: { connectMs: 1, handshakeMs: 1, firstByteMs: 1, totalMs: 1500 },
      });
    },
    /^warn: 1500\.0 ms, directly 4\.0 to 4\.0 ms: slower/,
  ],
  [
    'health elsewhere',
    (fake) => {
      there(fake);
      return { healthPort: 8080 };
    },
    /^skip/,
  ],
]);

describe('doctor: certificate', () => {
  let directory = '';
  let issue: ReturnType<typeof issuer>;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lvscare-doctor-'));
    issue = issuer(directory);
  });
  after(() => rm(directory, { recursive: true }));

  /** What is said of a chain whose own certificate is for these names and these days, counted from now. */
  async function said(
    names: readonly string[],
    days: { readonly from?: number; readonly until?: number; readonly caUntil?: number } = {},
    breakIt: (fake: FakeNode) => void = () => undefined,
  ): Promise<string> {
    const lines = await allSaid(names, days, breakIt);
    assert.equal(lines.length, 1);
    return lines[0] ?? '';
  }
  async function allSaid(
    names: readonly string[],
    days: { readonly from?: number; readonly until?: number; readonly caUntil?: number },
    breakIt: (fake: FakeNode) => void = () => undefined,
  ): Promise<string[]> {
    const { from = -1, until = 300.5, caUntil = 3000 } = days;
    // Certificates are made by the real clock, and judged by the node's.
    const shift = (NOW_MS - Date.now()) / 86_400_000;
    const root = await issue({
      subject: '/CN=root',
      authority: true,
      signer: null,
      fromDay: shift - 40,
      untilDay: shift + caUntil,
    });
    const own = await issue({
      subject: '/CN=a',
      names,
      signer: root,
      fromDay: shift + from,
      untilDay: shift + until,
    });
    const chain = [own, root].map(({ cert }) => new X509Certificate(cert).raw);
    const fake = wellNode();
    breakIt(fake);
    fake.answers['10.0.0.1:6443'] = answer(undefined, {
      session: { protocol: 'TLSv1.3', cipher: 'x', chain, notAfterMs: null },
    });
    return [await checkCertificates(nodeFrom(fake), { ...SUBJECT, ...ONE })].flat().map(lineOf);
  }
  const VIP = 'IP:10.103.97.2';
  const named = (fake: FakeNode): void => {
    hosts('10.103.97.2 apiserver.cluster.local')(fake);
  };

  it('good', async () => {
    assert.equal(await said([VIP]), 'ok 10.0.0.1:6443: for 10.103.97.2; 300 days left');
    assert.match(
      await said([VIP, 'DNS:apiserver.cluster.local'], {}, named),
      /^ok .*for 10\.103\.97\.2, apiserver\.cluster\.local;/,
    );
    assert.match(await said([VIP, 'DNS:*.cluster.local'], {}, named), /^ok /);
  });
  it('expired, or soon', async () => {
    assert.match(
      await said([VIP], { from: -9, until: -1 }),
      /^fail \S+: its certificate expired at 2026-05-31T12:00:0\dZ -> on 10\.0\.0\.1: kubeadm certs renew apiserver/,
    );
    assert.match(await said([VIP], { until: 6.5 }), /^fail \S+: its certificate expires in 6 days/);
    assert.match(await said([VIP], { until: 7.5 }), /^warn \S+: its certificate expires in 7 days/);
    assert.match(await said([VIP], { until: 29.5 }), /^warn /);
    assert.match(await said([VIP], { until: 30.5 }), /^ok /);
  });
  it('not yet valid', async () => {
    assert.match(
      await said([VIP], { from: 1 }),
      /^fail \S+: its certificate is valid from \S+ on: this node's clock is behind.* -> timedatectl/,
    );
  });
  it('of a CA that expires', async () => {
    assert.match(
      await said([VIP], { caUntil: 3.5 }),
      /^fail \S+: the certificate of its CA, CN=root, expires in 3 days/,
    );
  });
  it('not for the virtual server', async () => {
    assert.match(
      await said(['IP:10.0.0.1']),
      /^fail \S+: its certificate is not for 10\.103\.97\.2: it is for IP:10\.0\.0\.1 -> .*certSANs/,
    );
    assert.match(
      await said(['DNS:apiserver.cluster.local'], {}, named),
      /^warn \S+: its certificate is not for 10\.103\.97\.2/,
    );
    assert.match(
      await said([VIP], {}, named),
      /^fail \S+: its certificate is not for apiserver\.cluster\.local/,
    );
    assert.match(await said([]), /^fail .* it is for no name/);
  });
  it('of all that is amiss, the worst first', async () => {
    const lines = await allSaid(['IP:10.0.0.1'], { until: 20.5, caUntil: 4.5 });
    assert.equal(lines.length, 3, lines.join('\n'));
    assert.match(lines[0] ?? '', /^fail \S+: the certificate of its CA, CN=root, expires in 4 days/);
    assert.match(lines[1] ?? '', /^fail \S+: its certificate is not for 10\.103\.97\.2/);
    assert.match(lines[2] ?? '', /^warn \S+: its certificate expires in 20 days/);
  });
  it('none to look at', async () => {
    const lines = [await checkCertificates(nodeFrom(wellNode()), { ...SUBJECT, ...ONE })].flat().map(lineOf);
    assert.deepEqual(lines, ['skip 10.0.0.1:6443: it showed none']);
    const http = [await checkCertificates(nodeFrom(wellNode()), { ...SUBJECT, scheme: 'http' })].flat();
    assert.deepEqual(http.map(lineOf), ['skip: asked by HTTP']);
  });
});

describe('doctor: all of it', () => {
  it('on a node that is well has nothing but ok', async () => {
    const { findings } = await examine(nodeFrom(wellNode()), SUBJECT);
    assert.ok(findings.length > 15);
    for (const { verdict, name, evidence, remedy } of findings)
      assert.deepEqual([verdict, remedy], ['ok', null], `${name}: ${evidence}`);
  });

  it('without a virtual server looks at the node alone', async () => {
    const { findings, skipped } = await examine(nodeFrom(wellNode()), null);
    assert.deepEqual(
      findings.map(({ name }) => name),
      ['kernel', 'ipvs', 'capabilities', 'run-directory'],
    );
    assert.ok(skipped.length > 10);
    assert.deepEqual([...new Set(skipped.map(({ why }) => why))], ['no --vs']);
  });

  it('whatever breaks under it is a warning that says so, with a remedy', async () => {
    const broken = (): Promise<never> => Promise.reject(new Error('out of order'));
    const well = nodeFrom(wellNode());
    const files = { read: broken, list: broken, readLink: broken, whyNotWritable: broken };
    const network = { addresses: broken, hostRoutes: broken, interfaceTowards: broken, nodeAddress: broken };
    const ownership = { holder: broken, records: broken, goLeftovers: broken };
    const firewall = { iptables: broken, nftRuleset: broken, nftVersion: broken };
    for (const part of [
      { files },
      { network },
      { ownership },
      { firewall },
      { ask: broken },
      { files, network, ownership, firewall, ask: broken },
    ]) {
      const { findings } = await examine({ ...well, ...part }, { ...SUBJECT, masquerade: true });
      const amiss = findings.filter(({ verdict }) => verdict !== 'ok');
      assert.ok(
        amiss.some(({ evidence }) => evidence.includes('out of order')),
        JSON.stringify(findings),
      );
      for (const { remedy, name } of amiss) assert.notEqual(remedy ?? '', '', name);
    }
  });
});
