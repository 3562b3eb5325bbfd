// Who is at the other end of a Unix socket that Node made. Other users and containers are in test/program.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { loadAddon } from '../../src/netlink/addon.js';
import { getPeerCredentials, NetlinkError } from '../../src/netlink/index.js';
import { startListener } from '../support/listener.js';

/** What TypeScript would not let anybody write, and JavaScript does. */
const anything = (value: unknown): never => value as never;

const name = (of: string): string => `\0lvscare-test/${process.pid}/${of}`.padEnd(108, '\0');

const ourselves = { pid: process.pid, uid: process.geteuid?.(), gid: process.getegid?.() };

function refused(act: () => unknown, code: string): void {
  assert.throws(act, (error) => {
    assert.ok(error instanceof NetlinkError, String(error));
    assert.deepEqual([error.code, error.operation], [code, 'getPeerCredentials'], error.message);
    assert.ok(error.errno > 0);
    return true;
  });
}

describe('the credentials of a peer', () => {
  let server: Server;
  const accepted: Socket[] = [];
  before(async () => {
    server = createServer((connection) => accepted.push(connection)).listen(name('ours'));
    await once(server, 'listening');
  });
  after(() => {
    for (const connection of accepted) connection.destroy();
    server.close();
  });

  it('are those of the one who listens, and of the one who connected', async () => {
    const accepting = once(server, 'connection');
    const socket = connect(name('ours'));
    await Promise.all([once(socket, 'connect'), accepting]);
    assert.deepEqual(getPeerCredentials(socket), ourselves);
    assert.deepEqual(getPeerCredentials(accepted.at(-1) ?? assert.fail()), ourselves);
    socket.destroy();
  });

  it('are those of another process, also while it is stopped', async () => {
    const listener = await startListener(name('theirs'));
    listener.signal('SIGSTOP');
    const socket = connect(name('theirs'));
    await once(socket, 'connect');
    assert.deepEqual(getPeerCredentials(socket), { ...ourselves, pid: listener.pid });
    socket.destroy();
    await listener.kill();
  });

  it('need a socket that is connected', async () => {
    const withoutDescriptor = (socket: Socket, what: RegExp): void => {
      assert.throws(
        () => getPeerCredentials(socket),
        (error) => {
          assert.ok(error instanceof TypeError, String(error));
          assert.match(error.message, what);
          assert.equal((error as NodeJS.ErrnoException).code, 'ERR_NO_DESCRIPTOR');
          return true;
        },
      );
    };
    withoutDescriptor(new Socket(), /never connected$/);
    const socket = connect(name('ours'));
    withoutDescriptor(socket, /still connecting$/);
    await once(socket, 'connect');
    socket.destroy();
    withoutDescriptor(socket, /destroyed$/);
  });

  it('of a socket that is not of Unix are refused: EPROTOTYPE', async () => {
    const tcp = createServer((connection) => connection.resume()).listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const socket = connect((tcp.address() as AddressInfo).port, '127.0.0.1');
    await once(socket, 'connect');
    refused(() => getPeerCredentials(socket), 'EPROTOTYPE');
    socket.destroy();
    tcp.close();
  });

  it('of a file are refused: ENOTSOCK; of nothing: EBADF', () => {
    const fd = openSync('/dev/null', 'r');
    refused(() => getPeerCredentials(withHandle({ fd })), 'ENOTSOCK');
    closeSync(fd);
    for (const none of [fd, 0x7fff_ffff])
      refused(() => getPeerCredentials(withHandle({ fd: none })), 'EBADF');
  });

  it('names a wrong argument', () => {
    for (const value of [null, undefined, 1, 'text', { _handle: { fd: 1 } }])
      assert.throws(
        () => getPeerCredentials(anything(value)),
        /^TypeError: socket: expected a net\.Socket, got /,
      );
    for (const fd of [-1, 1.5, NaN, Infinity, 2 ** 31, '1', 1n, null, undefined, {}])
      assert.throws(
        () => loadAddon().getPeerCredentials(anything(fd)),
        /^TypeError: fd: expected a file descriptor$/,
      );
  });
});

/** A socket that says this is its handle. */
function withHandle(handle: unknown): Socket {
  return Object.defineProperty(new Socket(), '_handle', { value: handle });
}
