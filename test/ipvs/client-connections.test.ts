import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ClientConnections } from '../../src/control-loop/ports.js';
import { endpoint, type Endpoint } from '../../src/values/endpoint.js';
import { clientConnections } from '../../src/ipvs/client-connections.js';
import { KernelError } from '../../src/values/errors.js';
import type { IpVsConnection } from '../../src/ipvs/ip-vs-connections.js';
import {
  NetlinkError,
  type BatchResult,
  type IpFamily,
  type TcpSocket,
  type TcpSocketFilter,
} from '../../src/netlink/index.js';

const VS = endpoint('ipv4', '10.103.97.2', 6443);
const [DEAD, ALIVE] = [200, 201].map((host) => endpoint('ipv4', `10.103.97.${host}`, 6443)) as [
  Endpoint,
  Endpoint,
];

function refusal(code: string): NetlinkError {
  return new NetlinkError('endTcpSocket', { errno: 1, code, description: code, kernelMessage: null });
}

function socket(family: IpFamily, local: string, localPort: number, remote: string): TcpSocket {
  return {
    family,
    state: 'established',
    localAddress: local,
    localPort,
    remoteAddress: remote,
    remotePort: 6443,
    interfaceIndex: null,
    cookie: [localPort, 0],
    progress: null,
  };
}

function connection(localPort: number, server: Endpoint, client = '10.103.97.10'): IpVsConnection {
  return { client: endpoint(server.family, client, localPort), server, expiresInS: 880 };
}

/** A kernel with these sockets and connections; it remembers which sockets it ended, by their ports. */
class FakeSockets {
  readonly ended: number[] = [];
  readonly filters: TcpSocketFilter[] = [];
  open = 0;
  /** The virtual servers whose connections were read. */
  readonly read: string[] = [];
  readonly #sockets: readonly TcpSocket[];
  readonly #connections: readonly IpVsConnection[];
  /** What listing, or ending the socket with this port, fails with. */
  readonly #refusals: Readonly<Record<string, NetlinkError>>;

  constructor(
    sockets: readonly TcpSocket[],
    connections: readonly IpVsConnection[],
    refusals: Readonly<Record<string, NetlinkError>> = {},
  ) {
    this.#sockets = sockets;
    this.#connections = connections;
    this.#refusals = refusals;
  }

  diagnose = (): {
    listTcpSockets: (filter: TcpSocketFilter) => Promise<TcpSocket[]>;
    endTcpSockets: (sockets: readonly TcpSocket[]) => Promise<BatchResult[]>;
    close: () => Promise<void>;
  } => {
    this.open += 1;
    return {
      listTcpSockets: (filter) => {
        this.filters.push(filter);
        const failed = this.#refusals['list'];
        if (failed !== undefined) return Promise.reject(failed);
        return Promise.resolve([...this.#sockets]);
      },
      endTcpSockets: (sockets) =>
        Promise.resolve(
          sockets.map(({ localPort }): BatchResult => {
            const error = this.#refusals[String(localPort)];
            if (error !== undefined) return { ok: false, error };
            this.ended.push(localPort);
            return { ok: true };
          }),
        ),
      close: () => {
        this.open -= 1;
        return Promise.resolve();
      },
    };
  };

  // eslint-disable-next-line @typescript-eslint/require-await -- as the file is read
  connections = async function* (this: FakeSockets, virtualServer: Endpoint): AsyncGenerator<IpVsConnection> {
    this.read.push(virtualServer.text);
    yield* this.#connections;
  }.bind(this);
}

async function endAll(connections: ClientConnections, servers: readonly Endpoint[]): Promise<number> {
  return (await connections.find(servers)).end(servers);
}

describe('connections of clients', () => {
  it('are ended when they lead to a server that is gone, and no others', async () => {
    const kernel = new FakeSockets(
      [
        socket('ipv4', '10.103.97.10', 1, VS.address),
        socket('ipv4', '10.103.97.10', 2, VS.address),
        // To another host, from the same port.
        socket('ipv4', '10.103.97.11', 1, '10.9.9.9'),
      ],
      [
        connection(1, DEAD),
        connection(2, ALIVE),
        // A pod's: its socket is in another network namespace.
        connection(3, DEAD, '10.244.0.5'),
      ],
    );
    assert.equal(await endAll(clientConnections(VS, kernel), [DEAD]), 1);
    assert.deepEqual(kernel.ended, [1]);
    assert.deepEqual(kernel.read, [VS.text]);
    assert.equal(kernel.open, 0);
  });

  it('are found when a socket of IPv6 speaks IPv4', async () => {
    const kernel = new FakeSockets(
      [socket('ipv6', '::ffff:10.103.97.10', 1, `::ffff:${VS.address}`)],
      [connection(1, DEAD)],
    );
    const connections = clientConnections(VS, kernel);
    kernel.filters.splice(0);
    assert.equal(await endAll(connections, [DEAD]), 1);
    assert.deepEqual(
      kernel.filters.map(({ remotes }) => remotes),
      [[VS]],
    );
  });

  it('are found in IPv6', async () => {
    const through = endpoint('ipv6', 'fd00::2', 6443);
    const server = endpoint('ipv6', 'fd00::c8', 6443);
    const kernel = new FakeSockets(
      [socket('ipv6', 'fd00::a', 1, 'fd00::2'), socket('ipv6', 'fd00::a', 2, 'fd00::3')],
      [connection(1, server, 'fd00::a'), connection(2, server, 'fd00::a')],
    );
    assert.equal(await endAll(clientConnections(through, kernel), [server]), 1);
    assert.deepEqual(kernel.ended, [1]);
  });

  it('that still connect are left to the kernel, which finds them another server, and so are those that clients closed', async () => {
    const kernel = new FakeSockets([], []);
    await endAll(clientConnections(VS, kernel), [DEAD]);
    for (const { states } of kernel.filters) assert.deepEqual(states, ['established', 'close-wait']);
  });

  it('are looked at once before, for the kernel to load what that takes', () => {
    const kernel = new FakeSockets([], []);
    clientConnections(VS, kernel);
    assert.equal(kernel.filters.length, 1);
  });

  it('are not looked for among all of the node when there is none', async () => {
    const kernel = new FakeSockets([], [connection(1, DEAD)]);
    assert.equal(await endAll(clientConnections(VS, kernel), [DEAD]), 0);
    assert.deepEqual(kernel.read, []);
  });

  it('that ended by themselves do not count', async () => {
    const kernel = new FakeSockets(
      [socket('ipv4', '10.103.97.10', 1, VS.address), socket('ipv4', '10.103.97.10', 2, VS.address)],
      [connection(1, DEAD), connection(2, DEAD)],
      { 1: refusal('ENOENT') },
    );
    assert.equal(await endAll(clientConnections(VS, kernel), [DEAD]), 1);
  });

  it('that were ended count though another one could not be', async () => {
    const kernel = new FakeSockets(
      [socket('ipv4', '10.103.97.10', 1, VS.address), socket('ipv4', '10.103.97.10', 2, VS.address)],
      [connection(1, DEAD), connection(2, DEAD)],
      { 1: refusal('EOPNOTSUPP') },
    );
    assert.equal(await endAll(clientConnections(VS, kernel), [DEAD]), 1);
    assert.deepEqual(kernel.ended, [2]);
  });

  const failures: readonly (readonly [where: string, code: string, says: string])[] = [
    ['1', 'EOPNOTSUPP', 'this kernel cannot end their connections (CONFIG_INET_DIAG_DESTROY)'],
    ['list', 'ENOENT', 'this kernel cannot end their connections (CONFIG_INET_DIAG_DESTROY)'],
    ['1', 'EPERM', 'not permitted: run as root, or with the capability NET_ADMIN'],
  ];
  for (const [where, code, says] of failures)
    it(`that cannot be ended: ${code} of ${where}`, async () => {
      const kernel = new FakeSockets([socket('ipv4', '10.103.97.10', 1, VS.address)], [connection(1, DEAD)], {
        [where]: refusal(code),
      });
      await assert.rejects(
        endAll(clientConnections(VS, kernel), [DEAD]),
        new KernelError(says, refusal(code)),
      );
      assert.equal(kernel.open, 0);
    });

  it('that cannot even be looked for: a kernel without sock_diag', async () => {
    const kernel = new FakeSockets([], []);
    const error = refusal('EPROTONOSUPPORT');
    const none = (): never => {
      throw error;
    };
    await assert.rejects(
      endAll(clientConnections(VS, { diagnose: none, connections: kernel.connections }), [DEAD]),
      new KernelError('this kernel cannot end their connections (CONFIG_INET_DIAG_DESTROY)', error),
    );
  });
});
