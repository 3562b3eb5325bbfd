import {
  checkIpv6,
  checkMode,
  checkNodeAddress,
  checkReversePath,
  checkRoutes,
  checkVirtualAddress,
} from '../../src/doctor/check-network.js';
import type { NodeRoute } from '../../src/doctor/ports.js';
import { NodeAddressGone } from '../../src/host/node-address.js';
import { onMaster, table, VS6, well } from './check-table.js';
import { VS, type FakeNode } from './fake-node.js';

const DISABLE = '/proc/sys/net/ipv6/conf/all/disable_ipv6';
table('ipv6', checkIpv6, [
  ['IPv4', well, 'skip: the virtual server has an IPv4 address'],
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
    'by the route, because the hosts file has one of another node',
    (fake) =>
      void (fake.nodeAddress = {
        address: '10.0.0.9',
        from: 'the route to 10.0.0.1',
        gone: {
          address: '10.0.0.7',
          from: "the hosts file's lvscare.node.ip",
          why: "10.0.0.7 (the hosts file's lvscare.node.ip) is not an address of this node",
        },
      }),
    /^warn: 10\.0\.0\.7 \(the hosts file's lvscare\.node\.ip\) is not an address of this node: lvscare uses 10\.0\.0\.9 on eth0 \(the route to 10\.0\.0\.1\) -> correct --ip/,
  ],
  [
    'gone, and no real server to choose another by',
    (fake) => {
      fake.nodeAddress = new NodeAddressGone({
        address: '10.0.0.7',
        from: '--ip',
        why: '10.0.0.7 (--ip) is not an address of this node',
      });
      return { realServers: [] };
    },
    /^fail: 10\.0\.0\.7 \(--ip\) is not an address of this node, .* -> give lvscare --ip/,
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

table('mode', checkMode, [
  ['local', well, 'ok: local'],
  ['route', () => ({ mode: 'route' }), /^ok: route/],
  [
    'route on a master',
    (fake) => {
      onMaster(fake);
      return { mode: 'route' };
    },
    /^warn: mode route cannot reach 10\.0\.0\.1:6443, because it runs on this node.* -> give lvscare --mode local$/,
  ],
  ['link, masqueraded', () => ({ mode: 'link', masquerade: true }), 'ok: link, masqueraded'],
  ['link', () => ({ mode: 'link' }), /^warn: link without --masquerade/],
  ['none', () => ({ mode: 'none' }), /^ok: none/],
]);

const holding =
  (interfaceName: string, { prefixLength = 32, onDummy = false } = {}) =>
  (fake: FakeNode): void => {
    fake.addresses.push({ address: VS.address, prefixLength, interfaceName, onDummy });
  };
const route = (to: string, more: Partial<NodeRoute> = {}): NodeRoute => ({
  to,
  gateway: null,
  interfaceName: 'eth0',
  metric: null,
  ofModeRoute: false,
  inMainTable: true,
  byKernel: false,
  ...more,
});
table('vip-address', checkVirtualAddress, [
  ['nobody has it', well, 'ok: no interface has 10.103.97.2'],
  ...(['eth1', 'lo', 'other0'] as const).flatMap((name) =>
    [24, 32].map((prefixLength): Parameters<typeof table>[2][number] => [
      `${name}, with a prefix of ${prefixLength}: no remedy removes it`,
      holding(name, { prefixLength, onDummy: name === 'other0' }),
      `fail: ${name} has 10.103.97.2/${prefixLength}: lvscare takes port 6443 from the node itself, and local clients use this address as their source -> choose a --vs that no host has as its address; or, if this node does not need it, stop the program that added it, such as keepalived`,
    ]),
  ),
  [
    'an interface of --iface that is no dummy',
    (fake) => {
      holding('eth1')(fake);
      return { iface: 'eth1' };
    },
    /^fail: eth1 has 10\.103\.97\.2\/32: /,
  ],
  [
    'left over from mode link, on an interface that has another address',
    (fake) => {
      holding('lvscare', { onDummy: true })(fake);
      fake.addresses.push({ address: '10.9.9.9', prefixLength: 32, interfaceName: 'lvscare', onDummy: true });
    },
    /^warn: .* left over from mode link -> ip address del 10\.103\.97\.2\/32 dev lvscare$/,
  ],
  [
    'a service of that address',
    holding('kube-ipvs0'),
    /^fail: .*kube-ipvs0: kube-proxy in ipvs mode has a service/,
  ],
  [
    'left over from mode link',
    holding('lvscare', { onDummy: true }),
    'warn: 10.103.97.2 is an address of lvscare: left over from mode link -> ip link del lvscare',
  ],
  [
    'mode link',
    (fake) => {
      holding('lvscare')(fake);
      return { mode: 'link' };
    },
    'ok: lvscare has 10.103.97.2, as mode link requires',
  ],
]);

table('routes', checkRoutes, [
  ['none', well, 'ok: no other route to 10.103.97.2/32'],
  [
    'the gateway of this node',
    (fake) => {
      fake.routes.push(route('10.103.97.2/32'));
      fake.routes.push(route('0.0.0.0/0', { gateway: '10.103.97.2' }));
    },
    /^fail: 10\.103\.97\.2 is the gateway of the route to 0\.0\.0\.0\/0 -> .* do not remove/,
  ],
  [
    'to another host',
    (fake) => void fake.routes.push(route('10.103.97.2/32', { gateway: '10.0.0.1', metric: 100 })),
    /^warn: .* made the route 10\.103\.97\.2\/32 via 10\.0\.0\.1, so a host may have this address, .* do not remove/,
  ],
  [
    "the kernel's own",
    (fake) => void fake.routes.push(route('10.103.97.2/32', { byKernel: true })),
    'ok: no other route to 10.103.97.2/32',
  ],
  [
    'left over from mode route',
    (fake) =>
      void fake.routes.push(route('10.103.97.2/32', { gateway: '10.0.0.9', metric: 50, ofModeRoute: true })),
    /^warn: there is a route 10\.103\.97\.2\/32 via 10\.0\.0\.9 metric 50, from an earlier start in mode route; .* -> ip route del 10\.103\.97\.2\/32 metric 50$/,
  ],
  [
    'mode route',
    (fake) => {
      fake.routes.push(route('10.103.97.2/32', { gateway: '10.0.0.9' }));
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
  [
    'no route to a server',
    (fake) => void (fake.towards['10.0.0.2'] = null),
    'skip: there is no route to 10.0.0.2:6443',
  ],
  ['IPv6', () => ({ virtualServer: VS6 }), /^skip/],
]);
