import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ClientSockets } from '../../src/control-loop/ports.js';
import { clientSockets } from '../../src/ipvs/client-sockets.js';
import type { IpVsConnection } from '../../src/ipvs/ip-vs-connections.js';
import type { TcpProgress, TcpSocket } from '../../src/netlink/index.js';
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

function socketsOf(
  sockets: readonly TcpSocket[],
  connections: readonly IpVsConnection[] = [],
): ClientSockets {
  const diagnostics = { listTcpSockets: () => Promise.resolve([...sockets]) };
  return clientSockets(diagnostics, async function* () {
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
      const client = { id: '7-1', client: '10.103.97.100:4711', virtualServer: VS.text };
      assert.deepEqual(
        await socketsOf([socket(more)]).waiting([VS]),
        waitsFor === null ? [] : [{ ...client, waitsFor, waitedMs }],
      );
    });
});

describe("the sockets of this node's clients", () => {
  it('are those that wait for one of the virtual servers, IPv6 sockets that speak IPv4 among them', async () => {
    const connects = { state: 'syn-sent', progress: null } as const;
    const found = await socketsOf([
      socket(connects),
      socket({
        ...connects,
        family: 'ipv6',
        localAddress: '::ffff:10.103.97.100',
        remoteAddress: '::ffff:10.103.97.2',
        localPort: 4713,
      }),
      socket({
        ...connects,
        family: 'ipv6',
        localAddress: 'fd00::64',
        remoteAddress: 'fd00::2',
        localPort: 4714,
      }),
    ]).waiting([VS, endpoint('ipv6', 'fd00::2', 6443)]);
    assert.deepEqual(
      found.map(({ client, virtualServer }) => [client, virtualServer]),
      [
        ['10.103.97.100:4711', '10.103.97.2:6443'],
        ['10.103.97.100:4713', '10.103.97.2:6443'],
        ['[fd00::64]:4714', '[fd00::2]:6443'],
      ],
    );
  });

  it('are of connections that IPVS gave to a server', async () => {
    const client = endpoint('ipv4', '10.103.97.100', 4711);
    const connection = { client, server: SERVER } as IpVsConnection;
    assert.deepEqual(await socketsOf([], [connection]).servers(VS), new Map([[client.text, SERVER]]));
  });
});
