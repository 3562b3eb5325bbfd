/** The nftables table that masquerades for a virtual server: `--masquerade`. */
import type { Endpoint } from '../values/endpoint.js';
import { equal, nftTable, type NftTable } from './nft-table.js';

const CHAIN = 'postrouting';
const SRCNAT = 100;
const TCP = 6;

/**
 * Connections to the virtual server leave this node with the node's own address as source. nftables sees connections of IPVS only
 * with net.ipv4.vs.conntrack=1.
 */
export function masqueradeTable(virtualServer: Endpoint): NftTable {
  const { address, port } = virtualServer;
  const family = virtualServer.family === 'ipv4' ? 'ip' : 'ip6';
  return nftTable(family, virtualServer, {
    body: `  chain ${CHAIN} {
    type nat hook postrouting priority ${SRCNAT}; policy accept;
    ct original ${family} daddr ${address} meta l4proto tcp ct original proto-dst ${port} masquerade
  }`,
    objects: [
      ['chain', { name: CHAIN, type: 'nat', hook: 'postrouting', prio: SRCNAT, policy: 'accept' }],
      [
        'rule',
        {
          chain: CHAIN,
          expr: [
            equal({ ct: { key: `${family} daddr`, dir: 'original' } }, address),
            equal({ meta: { key: 'l4proto' } }, TCP),
            equal({ ct: { key: 'proto-dst', dir: 'original' } }, port),
            { masquerade: null },
          ],
        },
      ],
    ],
    rule: 'masquerade',
    lack: ['nftables NAT', 'load it with modprobe -a nft_chain_nat nft_ct nft_masq'],
  });
}
