import { checkHosts, checkKubeProxy, checkServiceCidr } from '../../src/doctor/check-kubernetes.js';
import { hosts, onMaster, table, VS6, well } from './check-table.js';
import { addProcess, STATUS, type FakeNode } from './fake-node.js';

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
    /^ok: 10\.103\.97\.2 is outside 10\.96\.0\.0\/22,fd00:96::\/112/,
  ],
  [
    "inside of kubeadm's default",
    (fake) =>
      void (fake.files['/etc/kubernetes/manifests/kube-apiserver.yaml'] = APISERVER.replace('/22', '/12')),
    /^warn: 10\.103\.97\.2 is inside 10\.96\.0\.0\/12 .* -> choose a --vs outside/,
  ],
  [
    "inside, of a user's process",
    (fake) => {
      const args = ['kube-apiserver', '--service-cluster-ip-range=10.96.0.0/12'];
      addProcess(fake, 5, args, 'net:[1]', { status: STATUS.user });
    },
    /^skip/,
  ],
  [
    'inside, of a process',
    (fake) => {
      addProcess(fake, 5, ['/usr/local/bin/kube-apiserver', '--service-cluster-ip-range', 'fd00::/64']);
      return { virtualServer: VS6 };
    },
    /^warn: fd00::2 is inside fd00::\/64 \(kube-apiserver, process 5\)/,
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
table('service-cidr', checkServiceCidr, [
  [
    "a worker with kubeadm's default",
    (fake) => void (fake.files['/var/lib/kubelet/config.yaml'] = 'clusterDNS:\n- 10.96.0.10\n'),
    /^warn: 10\.103\.97\.2 is probably inside the service CIDR, as the DNS service 10\.96\.0\.10 is .* -> choose a --vs outside the service CIDR, such as 192\.0\.2\.2$/,
  ],
  [
    'a worker with another network near the virtual server',
    (fake) => void (fake.files['/var/lib/kubelet/config.yaml'] = 'clusterDNS: [10.103.0.10]\n'),
    /^warn: .* as the DNS service 10\.103\.0\.10 is/,
  ],
  [
    'a worker with another network',
    (fake) => void (fake.files['/var/lib/kubelet/config.yaml'] = 'clusterDNS:\n- 172.20.0.10\n'),
    'skip: there is no kube-apiserver here, so of the service CIDR only 172.20.0.10 is known (clusterDNS)',
  ],
]);

table('kube-proxy', checkKubeProxy, [
  ['none', well, 'skip: no kube-proxy runs here'],
  [
    'iptables by default',
    proxy('ipvs:\n  excludeCIDRs: null\nmode: ""\n'),
    /^warn: mode iptables .*: its chain KUBE-FORWARD drops .* -> if clients in pods use 10\.103\.97\.2:6443: sysctl -w net\.ipv4\.vs\.conntrack=1, or give/,
  ],
  [
    'iptables, with IPVS connections tracked',
    (fake) => {
      proxy('mode: iptables\n')(fake);
      fake.files['/proc/sys/net/ipv4/vs/conntrack'] = '1\n';
    },
    /^ok: mode iptables/,
  ],
  [
    'iptables, with masquerading',
    (fake) => {
      proxy('mode: iptables\n')(fake);
      return { masquerade: true };
    },
    /^ok: mode iptables/,
  ],
  ['nftables', proxy('mode: nftables\n'), /^ok: mode nftables/],
  [
    'ipvs, nothing excluded',
    proxy(IPVS_MODE(' null')),
    /^fail: mode ipvs .* excludeCIDRs is empty.*kubectl .*ipvs\.excludeCIDRs: \["10\.103\.97\.2\/32"\]/,
  ],
  [
    'ipvs, another excluded',
    proxy(IPVS_MODE('\n  - 10.9.0.0/16')),
    /^fail: .*excludeCIDRs has 10\.9\.0\.0\/16, not 10\.103\.97\.2/,
  ],
  [
    'ipvs, excluded',
    proxy(IPVS_MODE('\n  - 10.9.0.0/16\n  - "10.103.97.2/32"')),
    /^ok: .*; it excludes 10\.103\.97\.2\/32$/,
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
    "a user's process of that name",
    (fake) => {
      addProcess(fake, 6, ['kube-proxy', '--config=/x'], 'net:[1]', { status: STATUS.user });
      fake.files['/proc/6/root/x'] = 'mode: ipvs\n';
    },
    'skip: no kube-proxy runs here',
  ],
  [
    'one of root in a container without NET_ADMIN',
    (fake) => {
      addProcess(fake, 6, ['kube-proxy', '--config=/x'], 'net:[1]', { status: STATUS.powerless });
      fake.files['/proc/6/root/x'] = 'mode: ipvs\n';
    },
    'skip: no kube-proxy runs here',
  ],
  [
    'one with all capabilities of another user namespace',
    (fake) => {
      addProcess(fake, 6, ['kube-proxy', '--config=/x'], 'net:[1]', { userNamespace: 'user:[2]' });
      fake.files['/proc/6/root/x'] = 'mode: ipvs\n';
    },
    'skip: no kube-proxy runs here',
  ],
  [
    'a file that is no configuration of kube-proxy, of which nothing is shown',
    proxy('mode: secret-of-root\nexcludeCIDRs: [another-secret]\n'),
    'ok: mode unknown (/proc/6/root/var/lib/kube-proxy/config.conf)',
  ],
  [
    'text among the networks, which is not shown',
    proxy(IPVS_MODE(' [secret-of-root, 10.9.0.0/16]')),
    /^fail: .*: excludeCIDRs has 10\.9\.0\.0\/16, not 10\.103\.97\.2 -> /,
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
      void fake.addresses.push({
        address: '10.96.0.1',
        prefixLength: 32,
        interfaceName: 'kube-ipvs0',
        onDummy: true,
      }),
    /^warn: kube-proxy in ipvs mode has run here/,
  ],
]);

const KUBELET = '/etc/kubernetes/kubelet.conf';
const kubeconfig = (server: string): string =>
  `apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: x\n    server: ${server}\n  name: k\n`;

table('hosts', checkHosts, [
  ['none', well, /^skip/],
  [
    'a worker of sealos',
    hosts('10.103.97.2 apiserver.cluster.local', '10.0.0.9 lvscare.node.ip'),
    'ok lvscare.node.ip: 10.0.0.9, an address of this node',
    'ok apiserver.cluster.local: 10.103.97.2, the virtual server',
  ],
  [
    "another node's address",
    hosts('10.0.0.8 lvscare.node.ip # copied'),
    /^fail lvscare\.node\.ip: 10\.0\.0\.8 is not an address of this node -> sed/,
  ],
  [
    'a wrong address',
    hosts('10.0.0.77 apiserver.cluster.local'),
    "fail apiserver.cluster.local: 10.0.0.77 is neither 10.103.97.2 nor a real server -> start lvscare care; when 10.103.97.2:6443 answers: sed -E -i -e '$a10.103.97.2 apiserver.cluster.local' -e '/^\\s*(10\\.0\\.0\\.77)\\s/s/^([^#]*)\\sapiserver\\.cluster\\.local(\\s|#|$)/\\1\\2/' -e '/^\\s*(10\\.0\\.0\\.77)\\s*$/d' /etc/hosts",
  ],
  [
    'one master alone',
    hosts('10.0.0.1 apiserver.cluster.local'),
    /^warn apiserver\.cluster\.local: 10\.0\.0\.1 is a single real server/,
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
    /^ok \/etc\S+: kubelet uses 10\.103\.97\.2$/,
  ],
  [
    'the kubelet by one master',
    (fake) => void (fake.files[KUBELET] = kubeconfig('https://10.0.0.1:6443')),
    /^warn \/etc\S+: kubelet uses 10\.0\.0\.1 directly instead of the virtual server 10\.103\.97\.2, .* -> set server/,
  ],
]);
