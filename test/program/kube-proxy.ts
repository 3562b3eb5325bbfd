/** The rules of kube-proxy in nftables mode, as Kubernetes 1.33 makes them: to be loaded by `nft -f`. */
import { createHash } from 'node:crypto';

type Family = 'ipv4' | 'ipv6';

/** A service of one TCP port. */
interface Service {
  /** `default/kubernetes` */
  readonly name: string;
  /** The port's name. */
  readonly portName: string;
  readonly clusterIp: string;
  readonly port: number;
  /** Default none. */
  readonly nodePort?: number;
  /** Who serves; none means that clients are refused. */
  readonly endpoints: readonly { readonly address: string; readonly port: number }[];
}

interface Cluster {
  readonly family: Family;
  readonly serviceCidr: string;
  readonly podCidr: string;
  /** The node's address, at which node ports are. */
  readonly nodeIp: string;
  readonly services: readonly Service[];
}

/** What marks a connection that is to be masqueraded. */
const MARK = '0x4000';

const DIALECTS = {
  ipv4: { table: 'ip kube-proxy', ip: 'ip', addressType: 'ipv4_addr' },
  ipv6: { table: 'ip6 kube-proxy', ip: 'ip6', addressType: 'ipv6_addr' },
} as const;

export function kubeProxyTable(family: Family): string {
  return `table ${DIALECTS[family].table}`;
}

/** The whole table. */
export function kubeProxyRules({ family, serviceCidr, podCidr, nodeIp, services }: Cluster): string {
  const { ip, addressType } = DIALECTS[family];
  const keyed = `type ${addressType} . inet_proto . inet_service : verdict`;
  const ported = 'type inet_proto . inet_service : verdict';
  const looked = 'meta l4proto . th dport vmap';
  const made = services.map((service) => serviceRules(service, family, podCidr));
  const elements = (of: (rules: ServiceRules) => readonly string[]): string => {
    const all = made.flatMap(of);
    return all.length === 0 ? '' : `elements = { ${all.join(', ')} }`;
  };
  return `${kubeProxyTable(family)} {
  comment "rules for kube-proxy"
  set cluster-ips { type ${addressType}; ${elements(({ clusterIp }) => [clusterIp])}; }
  set nodeport-ips { type ${addressType}; elements = { ${nodeIp} }; }
  chain mark-for-masquerade { mark set mark or ${MARK}; }
${made.flatMap(({ chains }) => chains).join('\n')}
  chain reject-chain { reject; }
  map firewall-ips { ${keyed}; }
  map no-endpoint-services { ${keyed}; ${elements(({ refused }) => refused)}; }
  map no-endpoint-nodeports { ${ported}; ${elements(({ refusedNodePorts }) => refusedNodePorts)}; }
  map service-ips { ${keyed}; ${elements(({ served }) => served)}; }
  map service-nodeports { ${ported}; ${elements(({ servedNodePorts }) => servedNodePorts)}; }

  chain filter-prerouting-pre-dnat {
    type filter hook prerouting priority dstnat - 10;
    ct state new jump firewall-check
  }
  chain filter-output-pre-dnat {
    type filter hook output priority -110;
    ct state new jump firewall-check
  }
  chain filter-input {
    type filter hook input priority filter;
    ct state new jump nodeport-endpoints-check
    ct state new jump service-endpoints-check
  }
  chain filter-forward {
    type filter hook forward priority filter;
    ct state new jump service-endpoints-check
    ct state new jump cluster-ips-check
  }
  chain filter-output {
    type filter hook output priority filter;
    ct state new jump service-endpoints-check
    ct state new jump cluster-ips-check
  }
  chain nat-prerouting { type nat hook prerouting priority dstnat; jump services; }
  chain nat-output { type nat hook output priority -100; jump services; }
  chain nat-postrouting { type nat hook postrouting priority srcnat; jump masquerading; }

  chain services {
    ${ip} daddr . ${looked} @service-ips
    ${ip} daddr @nodeport-ips ${looked} @service-nodeports
  }
  chain service-endpoints-check { ${ip} daddr . ${looked} @no-endpoint-services; }
  chain nodeport-endpoints-check { ${ip} daddr @nodeport-ips ${looked} @no-endpoint-nodeports; }
  chain firewall-check { ${ip} daddr . ${looked} @firewall-ips; }
  chain cluster-ips-check {
    ${ip} daddr @cluster-ips reject
    ${ip} daddr ${serviceCidr} drop
  }
  chain masquerading {
    mark and ${MARK} == 0 return
    mark set mark xor ${MARK}
    masquerade fully-random
  }
}
`;
}

interface ServiceRules {
  readonly clusterIp: string;
  readonly chains: readonly string[];
  /** Elements of the maps. */
  readonly served: readonly string[];
  readonly servedNodePorts: readonly string[];
  readonly refused: readonly string[];
  readonly refusedNodePorts: readonly string[];
}

function serviceRules(service: Service, family: Family, podCidr: string): ServiceRules {
  const { name, portName, clusterIp, port, nodePort, endpoints } = service;
  const { ip } = DIALECTS[family];
  const id = `${name}/tcp/${portName}`;
  const [cluster, external] = ['service', 'external'].map((kind) => `${kind}-${named(id)}`);
  const at = `${clusterIp} . tcp . ${port}`;
  const atNodePort = nodePort === undefined ? [] : [`tcp . ${nodePort}`];
  if (endpoints.length === 0) {
    return {
      clusterIp,
      chains: [],
      served: [],
      servedNodePorts: [],
      refused: [`${at} : goto reject-chain`],
      refusedNodePorts: atNodePort.map((key) => `${key} : goto reject-chain`),
    };
  }
  const each = endpoints.map((endpoint) => {
    const target = family === 'ipv6' ? `[${endpoint.address}]` : endpoint.address;
    // Colons are for nobody's name in nft.
    const chain = `endpoint-${named(`${id}__${endpoint.address.replaceAll(':', '.')}/${endpoint.port}`)}`;
    const rules = [
      `${ip} saddr ${endpoint.address} jump mark-for-masquerade`,
      `meta l4proto tcp dnat to ${target}:${endpoint.port}`,
    ];
    return { chain, text: chainText(chain, rules) };
  });
  const turns = each.map(({ chain }, index) => `${index} : goto ${chain}`).join(', ');
  return {
    clusterIp,
    chains: [
      ...each.map(({ text }) => text),
      chainText(cluster ?? '', [
        `${ip} daddr ${clusterIp} ${ip} saddr != ${podCidr} jump mark-for-masquerade`,
        `numgen random mod ${each.length} vmap { ${turns} }`,
      ]),
      ...atNodePort.map(() => chainText(external ?? '', ['jump mark-for-masquerade', `goto ${cluster}`])),
    ],
    served: [`${at} : goto ${cluster}`],
    servedNodePorts: atNodePort.map((key) => `${key} : goto ${external}`),
    refused: [],
    refusedNodePorts: [],
  };
}

function chainText(name: string, rules: readonly string[]): string {
  return `  chain ${name} {\n${rules.map((rule) => `    ${rule}\n`).join('')}  }`;
}

/** A name as kube-proxy makes it: the first of its hash, in base 32, before it. */
function named(name: string): string {
  const bits = [...createHash('sha256').update(name).digest().subarray(0, 5)]
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('');
  const letters = bits.match(/.{5}/g)?.map((five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number(`0b${five}`)]);
  return `${letters?.join('')}-${name}`;
}
