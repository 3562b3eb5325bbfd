import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clientSockets } from '../../src/ipvs/client-sockets.js';
import type { IpVsConnection } from '../../src/ipvs/ip-vs-connections.js';
import type { Service, TcpProgress, TcpSocket, TcpSocketFilter } from '../../src/netlink/index.js';
import { endpoint } from '../../src/values/endpoint.js';

const VS = endpoint('ipv4', '10.103.97.2', 6443);
const SERVER = endpoint('ipv4', '10.103.97.200', 6443);

/** Nothing was sent yet. */
const CONNECTED: TcpProgress = {
  retransmits: 0,
  unacknowledged: 0,
  sinceLastSentMs: 400,
  bytesAcknowledged: 1,
  bytesReceived: 0,
};

function socket(more: Partial<TcpSocket> = {}): TcpSocket {
  return {
    family: 'ipv4',
    state: 'established',
    localAddress: '10.103.97.100',
    localPort: 4711,
    remoteAddress: '10.103.97.2',
    remotePort: 6443,
    interfaceIndex: null,
    cookie: [7, 1],
    progress: CONNECTED,
    ...more,
  };
}

function socketsOf(sockets: readonly TcpSocket[], connections: readonly IpVsConnection[] = []) {
  const diagnostics = {
    listTcpSockets: ({ family }: TcpSocketFilter) =>
      Promise.resolve(sockets.filter((one) => one.family === family)),
  };
  const ipvs = { getService: () => Promise.resolve<Service | null>(null) };
  return clientSockets(VS, { diagnostics, ipvs }, async function* () {
    await Promise.resolve();
    yield* connections;
  });
}

describe('for what a client waits', () => {
  for (const [what, more, waitsFor, waitedMs] of [
    ['to connect', { state: 'syn-sent', progress: null }, 'connection', null],
    ['for nothing: it has sent nothing yet', {}, null, null],
    [
      'for its first answer, to what is acknowledged',
      { progress: { ...CONNECTED, bytesAcknowledged: 518 } },
      'answer',
      400,
    ],
    [
      'for its first answer, to what is on its way',
      { progress: { ...CONNECTED, unacknowledged: 1 } },
      'answer',
      400,
    ],
    [
      'for an acknowledgment of what it sent again',
      {
        progress: {
          ...CONNECTED,
          unacknowledged: 1,
          retransmits: 2,
          bytesAcknowledged: 900,
          bytesReceived: 5000,
        },
      },
      'acknowledgment',
      null,
    ],
    [
      'for nothing: it has had an answer, and a watch may be silent for minutes',
      { progress: { ...CONNECTED, bytesAcknowledged: 900, bytesReceived: 5000, sinceLastSentMs: 600_000 } },
      null,
      null,
    ],
    ['for nothing that is known: the kernel does not say', { progress: null }, null, null],
  ] as const)
    it(what, async () => {
      assert.deepEqual(await socketsOf([socket(more)]).list(), [
        { id: '7-1', client: '10.103.97.100:4711', waitsFor, waitedMs },
      ]);
    });
});

describe("the sockets of this node's clients", () => {
  it('are those to the virtual server, IPv6 sockets that speak IPv4 among them', async () => {
    const found = await socketsOf([
      socket(),
      socket({ remoteAddress: '10.103.97.3', localPort: 4712 }),
      socket({
        family: 'ipv6',
        localAddress: '::ffff:10.103.97.100',
        remoteAddress: '::ffff:10.103.97.2',
        localPort: 4713,
      }),
    ]).list();
    assert.deepEqual(
      found.map(({ client }) => client),
      ['10.103.97.100:4711', '10.103.97.100:4713'],
    );
  });

  it('are of connections that IPVS gave to a server', async () => {
    const client = endpoint('ipv4', '10.103.97.100', 4711);
    const connection = { client, server: SERVER } as IpVsConnection;
    assert.deepEqual(await socketsOf([], [connection]).servers(), new Map([[client.text, SERVER]]));
  });

  it('have had no connections while there is no virtual server', async () => {
    assert.equal(await socketsOf([]).connections(), 0n);
  });
});
