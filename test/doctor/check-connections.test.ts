import { checkIdleConnections } from '../../src/doctor/check-connections.js';
import type { ClientConnection } from '../../src/doctor/ports.js';
import { endpoint } from '../../src/values/endpoint.js';
import { HELD, table, well } from './check-table.js';
import type { FakeNode } from './fake-node.js';

const client = (port: number, rest: Partial<ClientConnection>): ClientConnection => ({
  client: endpoint('ipv4', '10.0.0.9', port),
  expiresInS: 880,
  timerInS: null,
  ...rest,
});

const having =
  (...connections: ClientConnection[]) =>
  (fake: FakeNode): void => {
    fake.files['/proc/net/ip_vs'] = HELD;
    fake.connections = connections;
  };

const RESTART =
  'restart those that hang (ss -tnpo dst 10.103.97.2 shows them), and let them use TCP keepalive of less than 900 s';
const LONGER =
  'or give lvscare --ipvs-tcp-timeout 7500, longer than net.ipv4.tcp_keepalive_time (7200), for clients with the default keepalive';

table('idle-connections', checkIdleConnections, [
  ['no virtual server', well, 'skip: the kernel has no 10.103.97.2:6443'],
  [
    'none',
    having(),
    'ok: IPVS drops connections after 900 s without a packet; none of 0 connections of clients on this node is close to that',
  ],
  [
    'those that send, that were idle for a while, and that send a keepalive in time',
    having(client(1, {}), client(2, { expiresInS: 225 }), client(3, { expiresInS: 100, timerInS: 99.9 })),
    'ok: IPVS drops connections after 900 s without a packet; none of 3 connections of clients on this node is close to that',
  ],
  [
    'one without keepalive, which has little left, and one whose keepalive comes too late',
    having(client(1, { expiresInS: 224 }), client(2, { expiresInS: 100, timerInS: 6400 }), client(3, {})),
    `warn: IPVS drops connections after 900 s without a packet: 2 connections of clients on this node have less than 225 s left (10.0.0.9:1, 10.0.0.9:2) -> ${RESTART}; ${LONGER}`,
  ],
  [
    'some that IPVS has dropped',
    having(
      ...[1, 2, 3, 4, 5].map((port) => client(port, { expiresInS: null, timerInS: 6300 })),
      client(6, {}),
    ),
    `warn: IPVS drops connections after 900 s without a packet: it has dropped 5 connections of clients on this node, which hang or are reset (10.0.0.9:1, 10.0.0.9:2, 10.0.0.9:3 and 2 more) -> ${RESTART}; ${LONGER}`,
  ],
  [
    'both, where the default keepalive is soon enough',
    (fake) => {
      having(client(1, { expiresInS: null }), client(2, { expiresInS: 3 }))(fake);
      fake.files['/proc/sys/net/ipv4/tcp_keepalive_time'] = '300\n';
    },
    `warn: IPVS drops connections after 900 s without a packet: it has dropped 1 connection of clients on this node, which hang or are reset (10.0.0.9:1), and 1 connection of clients on this node has less than 225 s left (10.0.0.9:2) -> ${RESTART}`,
  ],
  [
    'a timeout that lvscare is to set',
    (fake) => {
      having()(fake);
      return { ipvsTcpTimeoutS: 7500 };
    },
    'ok: IPVS drops connections after 900 s without a packet; none of 0 connections of clients on this node is close to that; lvscare with these options sets 7500 s',
  ],
]);
