/** The nftables table that keeps the node from answering ARP for a virtual server's address. */
import type { Endpoint } from '../values/endpoint.js';
import { equal, nftTable, type NftTable } from './nft-table.js';

const FILTER = 0;

/**
 * The kernel answers ARP requests for any local address on every interface, so neighbours would send packets for the virtual
 * server to this node, which another host may serve. The sysctls arp_ignore and arp_announce would change that for all addresses of
 * the node; this table drops the requests for this one. Requests that the kernel sends itself with this address as sender, which
 * neighbours would remember, get the sender 0.0.0.0, as a probe of RFC 5227 has it.
 *
 * IPv6 needs none of this: the kernel answers neighbour solicitations only on the interface that has the address.
 */
export function arpTable(virtualServer: Endpoint): NftTable {
  const { address } = virtualServer;
  const chain = (hook: string): readonly ['chain', Readonly<Record<string, unknown>>] => [
    'chain',
    { name: hook, type: 'filter', hook, prio: FILTER, policy: 'accept' },
  ];
  const field = (name: string): object => ({ payload: { protocol: 'arp', field: name } });
  return nftTable('arp', virtualServer, {
    body: `  chain input {
    type filter hook input priority ${FILTER}; policy accept;
    arp daddr ip ${address} drop
  }
  chain output {
    type filter hook output priority ${FILTER}; policy accept;
    arp saddr ip ${address} arp saddr ip set ${NO_SENDER}
  }`,
    objects: [
      chain('input'),
      chain('output'),
      ['rule', { chain: 'input', expr: [equal(field('daddr ip'), address), { drop: null }] }],
      [
        'rule',
        {
          chain: 'output',
          expr: [equal(field('saddr ip'), address), { mangle: { key: field('saddr ip'), value: NO_SENDER } }],
        },
      ],
    ],
    rule: 'ARP',
    lack: ['nftables ARP tables', 'use one with CONFIG_NF_TABLES_ARP'],
  });
}

const NO_SENDER = '0.0.0.0';
