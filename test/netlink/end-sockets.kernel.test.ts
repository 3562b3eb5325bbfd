// The end of sockets of other processes, by SOCK_DESTROY. Who has which socket is in sock-diag.kernel.test.ts.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SockDiag, type TcpSocket } from '../../src/netlink/index.js';
import { runChild } from '../support/child.js';
import { endOf, Loopback, type Ends } from '../support/connections.js';
import { patience } from '../support/netlink.js';
import { lines, shell } from '../support/tools.js';

describe('ending TCP sockets', () => {
  let diagnostics: SockDiag;
  let loopback: Loopback;
  before(async () => {
    await shell('ip link set lo up');
    diagnostics = SockDiag.open(patience);
    loopback = await Loopback.listen('127.0.0.1');
  });
  after(async () => {
    await diagnostics.close();
    await loopback.close();
  });

  /** The socket of a connection's client. */
  async function socketOf({ client }: Ends): Promise<TcpSocket> {
    const sockets = await diagnostics.listTcpSockets({
      remotes: [
        { address: client.remoteAddress?.replace('::ffff:', '') ?? '', port: client.remotePort ?? 0 },
      ],
      states: ['established'],
    });
    const found = sockets.find(({ localPort }) => localPort === client.localPort);
    assert.ok(found !== undefined);
    return found;
  }

  async function connectionsShown(): Promise<number> {
    return lines(await shell(`ss -Htn state established dport = :${loopback.port}`)).length;
  }

  it('aborts the one that is named, at both ends, and leaves the others', async () => {
    const [ended, stays] = [await loopback.connect('127.0.0.1'), await loopback.connect('127.0.0.1')];
    const ends = [endOf(ended.client), endOf(ended.server)];
    assert.deepEqual(await diagnostics.endTcpSockets([await socketOf(ended)]), [{ ok: true }]);
    assert.deepEqual(await Promise.all(ends), ['ECONNABORTED', 'ECONNRESET']);
    assert.equal(await connectionsShown(), 1);
    assert.deepEqual([stays.client.destroyed, stays.server.destroyed], [false, false]);
  });

  it('aborts those of IPv6, and those of IPv6 that speak IPv4', async () => {
    const six = await Loopback.listen('::1');
    try {
      const connections = [await six.connect('::1'), await loopback.connect('::ffff:127.0.0.1')];
      const ends = connections.map(({ client }) => endOf(client));
      const sockets = await Promise.all(connections.map((each) => socketOf(each)));
      assert.deepEqual(
        sockets.map(({ family }) => family),
        ['ipv6', 'ipv6'],
      );
      assert.deepEqual(await diagnostics.endTcpSockets(sockets), [{ ok: true }, { ok: true }]);
      assert.deepEqual(await Promise.all(ends), ['ECONNABORTED', 'ECONNABORTED']);
    } finally {
      await six.close();
    }
  });

  it('is ENOENT when there is none any more, and does not keep the next from its end', async () => {
    const [gone, next] = [await loopback.connect('127.0.0.1'), await loopback.connect('127.0.0.1')];
    const sockets = [await socketOf(gone), await socketOf(next)];
    const ends = [endOf(gone.client), endOf(gone.server), endOf(next.client)];
    gone.server.resetAndDestroy();
    assert.equal(await ends[0], 'ECONNRESET');
    const [first, second] = await diagnostics.endTcpSockets(sockets);
    assert.ok(first?.ok === false);
    assert.equal(first.error.code, 'ENOENT');
    assert.deepEqual(second, { ok: true });
    assert.equal(await ends[2], 'ECONNABORTED');
  });

  it('leaves a listener alone that has the port now, and a later connection: they have other cookies', async () => {
    const before = await loopback.connect('127.0.0.1');
    const socket = await socketOf(before);
    const ends = [endOf(before.client), endOf(before.server)];
    before.server.resetAndDestroy();
    await Promise.all(ends);

    // It is what the kernel finds for these addresses and ports now.
    const listener = await Loopback.listen('0.0.0.0', socket.localPort);
    try {
      const [result] = await diagnostics.endTcpSockets([socket]);
      assert.ok(result?.ok === false);
      assert.equal(result.error.code, 'ENOENT');
      await listener.connect('127.0.0.1');
    } finally {
      await listener.close();
    }

    const later = await loopback.connect('127.0.0.1', socket.localPort);
    const [result] = await diagnostics.endTcpSockets([socket]);
    assert.ok(result?.ok === false);
    assert.equal(result.error.code, 'ENOENT');
    assert.equal(later.client.destroyed, false);
  });

  it('is EPERM without CAP_NET_ADMIN, and nothing ends', async () => {
    const connection = await loopback.connect('127.0.0.1');
    const socket = await socketOf(connection);
    const shown = await connectionsShown();
    const { code, stdout, stderr } = await runChild('end-socket', {
      args: [JSON.stringify(socket)],
      wrapper: ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin', '--'],
    });
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'EPERM');
    assert.equal(await connectionsShown(), shown);
  });

  it('is no request at all for no sockets', async () => {
    assert.deepEqual(await diagnostics.endTcpSockets([]), []);
  });
});
