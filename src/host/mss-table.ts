/** The nftables table that lowers the MSS of connections to the real servers to what the path to each can carry. */
import type { Endpoint } from '../values/endpoint.js';
import { equal, nftTable, type NftTable } from './nft-table.js';

const CHAIN = 'postrouting';
const SET = 'servers';
const MANGLE = -150;
const SYN = 2;

/**
 * A client on the node reaches the virtual server by `lo`, so its SYN announces an MSS of 65495; a pod announces that of its own
 * interface. Where the node's MTU is smaller than the real servers', their answers would be too large for its network. The kernel
 * takes `rt mtu` from the route to the real server that IPVS chose, for each SYN, so it follows a change of the path; it only ever
 * lowers an MSS. What the node itself sends to a real server has no larger one anyway.
 */
export function mssTable(virtualServer: Endpoint, realServers: readonly Endpoint[]): NftTable {
  const [type, protocol] = virtualServer.family === 'ipv4' ? ['ipv4_addr', 'ip'] : ['ipv6_addr', 'ip6'];
  const elements = realServers.map(({ address, port }) => `${address} . ${port}`);
  const field = (of: string, name: string): object => ({ payload: { protocol: of, field: name } });
  return nftTable('inet', virtualServer, {
    body: `  set ${SET} {
    type ${type} . inet_service
${elements.length === 0 ? '' : `    elements = { ${elements.join(', ')} }\n`}  }
  chain ${CHAIN} {
    type filter hook postrouting priority ${MANGLE}; policy accept;
    tcp flags syn ${protocol} daddr . tcp dport @${SET} tcp option maxseg size set rt mtu
  }`,
    objects: [
      [
        'set',
        {
          name: SET,
          type: [type, 'inet_service'],
          elem: realServers.map(({ address, port }) => ({ concat: [address, port] })),
        },
      ],
      ['chain', { name: CHAIN, type: 'filter', hook: 'postrouting', prio: MANGLE, policy: 'accept' }],
      [
        'rule',
        {
          chain: CHAIN,
          expr: [
            { match: { op: 'in', left: field('tcp', 'flags'), right: SYN } },
            equal({ concat: [field(protocol, 'daddr'), field('tcp', 'dport')] }, `@${SET}`),
            {
              mangle: {
                key: { 'tcp option': { name: 'maxseg', field: 'size' } },
                value: { rt: { key: 'mtu' } },
              },
            },
          ],
        },
      ],
    ],
    rule: 'MSS',
    lack: ['nftables TCP options', 'use one with CONFIG_NF_TABLES_INET, Linux 4.14 or later'],
  });
}
