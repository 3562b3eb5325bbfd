// Who has which TCP socket, as ss sees it too. What ends one is in end-sockets.kernel.test.ts.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SockDiag, type TcpSocket, type TcpState } from '../../src/netlink/index.js';
import { Loopback } from '../support/connections.js';
import { many, patience } from '../support/netlink.js';
import { lines, shell } from '../support/tools.js';

const CONNECTED: readonly TcpState[] = ['established', 'fin-wait-1', 'fin-wait-2', 'close-wait'];

describe('TCP sockets', () => {
  let diagnostics: SockDiag;
  const loopbacks: Loopback[] = [];
  before(async () => {
    await shell('ip link set lo up');
    diagnostics = SockDiag.open(patience);
  });
  after(async () => {
    await diagnostics.close();
    await Promise.all(loopbacks.map((loopback) => loopback.close()));
  });

  async function listen(address: string): Promise<Loopback> {
    const loopback = await Loopback.listen(address);
    loopbacks.push(loopback);
    return loopback;
  }

  /** `LOCAL REMOTE sk:COOKIE` of each connected to one of these, as ss shows the same. */
  async function listed(
    ...remotes: readonly { readonly address: string; readonly port: number }[]
  ): Promise<[ours: string[], theirs: string[]]> {
    const sockets = await diagnostics.listTcpSockets({ remotes, states: CONNECTED });
    const states = CONNECTED.map((state) => `state ${state}`).join(' ');
    const to = remotes.map(({ address, port }) => `dst ${endText(address, port)}`).join(' or ');
    const shown = await shell(`ss -Hten ${states} '( ${to} )'`);
    return [
      sockets.map(asShown).sort(),
      lines(shown)
        .map((line) => {
          const [, , , local = '', remote = ''] = line.trim().split(/\s+/);
          return `${local} ${remote} ${/sk:\w+/.exec(line)?.[0] ?? ''}`;
        })
        .sort(),
    ];
  }

  for (const [what, address, host] of [
    ['IPv4', '127.0.0.1', '127.0.0.1'],
    ['IPv6', '::1', '::1'],
    ['IPv6 that speaks IPv4', '127.0.0.1', '::ffff:127.0.0.1'],
  ] as const)
    it(`of ${what} are those that ss shows`, async () => {
      const loopback = await listen(address);
      for (let count = 0; count < 3; count += 1) await loopback.connect(host);
      const [ours, theirs] = await listed({ address, port: loopback.port });
      assert.equal(ours.length, 3);
      assert.deepEqual(ours, theirs);
    });

  it('are those to the remote addresses and in the states that were asked for', async () => {
    const [one, other, third] = [await listen('127.0.0.1'), await listen('127.0.0.1'), await listen('::1')];
    await one.connect('127.0.0.1');
    await third.connect('::1');
    const { server } = await other.connect('127.0.0.1');
    const remotes = [one, other, third].map(({ port }, i) => ({
      address: i < 2 ? '127.0.0.1' : '::1',
      port,
    }));
    const absent = Array.from({ length: 150 }, (_, i) => ({ address: `127.0.1.${i}`, port: one.port }));
    for (const [some, count] of [
      [remotes.slice(0, 1), 1],
      [remotes, 3],
      [[...absent, ...remotes], 3],
      [absent, 0],
      [[{ address: '127.0.0.1', port: third.port }], 0],
    ] as const) {
      const [ours, theirs] = await listed(...some);
      assert.equal(ours.length, count);
      assert.deepEqual(ours, theirs);
    }
    const states = async (wanted: readonly TcpState[]): Promise<TcpState[]> =>
      (await diagnostics.listTcpSockets({ remotes: remotes.slice(1, 2), states: wanted }, patience)).map(
        ({ state }) => state,
      );
    assert.deepEqual(await states(['established']), ['established']);
    assert.deepEqual(await states(['listening', 'close-wait']), []);
    server.end();
    await shell(
      `timeout 60 sh -c 'until ss -Htn state close-wait dport = :${other.port} | grep -q .; do :; done'`,
    );
    assert.deepEqual(await states(['established', 'close-wait']), ['close-wait']);
  });

  it('are none without a connection', async () => {
    const loopback = await listen('127.0.0.1');
    const [ours, theirs] = await listed({ address: '127.0.0.1', port: loopback.port });
    assert.deepEqual([ours, theirs], [[], []]);
  });

  it('are listed to the last one when they are many', async () => {
    const loopback = await listen('127.0.0.1');
    const count = many(400);
    for (let made = 0; made < count; made += 1) await loopback.connect('127.0.0.1');
    const [ours, theirs] = await listed({ address: '127.0.0.1', port: loopback.port });
    assert.equal(ours.length, count);
    assert.deepEqual(ours, theirs);
  });
});

function asShown({ localAddress, localPort, remoteAddress, remotePort, cookie }: TcpSocket): string {
  const [low, high] = cookie;
  const number = (BigInt(high) << 32n) | BigInt(low);
  return `${endText(localAddress, localPort)} ${endText(remoteAddress, remotePort)} sk:${number.toString(16)}`;
}

function endText(address: string, port: number): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}
