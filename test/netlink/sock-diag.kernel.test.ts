// Who has which TCP socket, as ss sees it too. What ends one is in end-sockets.kernel.test.ts.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SockDiag, type IpFamily, type TcpSocket, type TcpState } from '../../src/netlink/index.js';
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

  /** `LOCAL REMOTE sk:COOKIE` of each, as ss shows the same. */
  async function listed(family: IpFamily, remotePort: number): Promise<[ours: string[], theirs: string[]]> {
    const sockets = await diagnostics.listTcpSockets({ family, remotePort, states: CONNECTED });
    const states = CONNECTED.map((state) => `state ${state}`).join(' ');
    const flag = family === 'ipv4' ? '-4' : '-6';
    const shown = await shell(`ss -Hten ${flag} ${states} dport = :${remotePort}`);
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

  for (const [what, address, host, family] of [
    ['IPv4', '127.0.0.1', '127.0.0.1', 'ipv4'],
    ['IPv6', '::1', '::1', 'ipv6'],
    ['IPv6 that speaks IPv4', '127.0.0.1', '::ffff:127.0.0.1', 'ipv6'],
  ] as const)
    it(`of ${what} are those that ss shows`, async () => {
      const loopback = await listen(address);
      for (let count = 0; count < 3; count += 1) await loopback.connect(host);
      const [ours, theirs] = await listed(family, loopback.port);
      assert.equal(ours.length, 3);
      assert.deepEqual(ours, theirs);
    });

  it('are those of the remote port and in the states that were asked for', async () => {
    const [one, other] = [await listen('127.0.0.1'), await listen('127.0.0.1')];
    await one.connect('127.0.0.1');
    const { server } = await other.connect('127.0.0.1');
    const [ours] = await listed('ipv4', one.port);
    assert.equal(ours.length, 1);
    const states = async (wanted: readonly TcpState[]): Promise<TcpState[]> =>
      (
        await diagnostics.listTcpSockets({ family: 'ipv4', remotePort: other.port, states: wanted }, patience)
      ).map(({ state }) => state);
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
    const [ours, theirs] = await listed('ipv4', loopback.port);
    assert.deepEqual([ours, theirs], [[], []]);
  });

  it('are listed to the last one when they are many', async () => {
    const loopback = await listen('127.0.0.1');
    const count = many(400);
    for (let made = 0; made < count; made += 1) await loopback.connect('127.0.0.1');
    const [ours, theirs] = await listed('ipv4', loopback.port);
    assert.equal(ours.length, count);
    assert.deepEqual(ours, theirs);
  });
});

function asShown({ family, localAddress, localPort, remoteAddress, remotePort, cookie }: TcpSocket): string {
  const end = (address: string, port: number): string =>
    `${family === 'ipv6' ? `[${address}]` : address}:${port}`;
  const [low, high] = cookie;
  const number = (BigInt(high) << 32n) | BigInt(low);
  return `${end(localAddress, localPort)} ${end(remoteAddress, remotePort)} sk:${number.toString(16)}`;
}
