// The options of TCP sockets that Node made, on loopback. What they do to a silent peer is in tcp.kernel.test.ts.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { loadAddon } from '../../src/netlink/addon.js';
import { getTcpLiveness, NetlinkError, setTcpLiveness } from '../../src/netlink/index.js';
import type { TcpLivenessOptions } from '../../src/netlink/index.js';

const options: TcpLivenessOptions = {
  keepAliveIdleS: 700,
  keepAliveIntervalS: 11,
  keepAliveProbes: 5,
  userTimeoutMs: 12_345,
};

/** What TypeScript would not let anybody write, and JavaScript does. */
const anything = (value: unknown): never => value as never;

// Of the column `tr`.
const NONE = '00';
const KEEPALIVE = '02';

/** A local address and port as /proc/net writes them. */
function hex(port = 0): string {
  return `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** The columns of the row of /proc/net that has this text. */
function row(file: string, text: string): string[] {
  const lines = readFileSync(file, 'ascii').split('\n');
  const line = lines.find((each) => each.includes(text)) ?? assert.fail(`no ${text} in ${file}`);
  return line.trim().split(/\s+/);
}

/** What the kernel waits for with a connection of ours, as /proc/net/tcp tells it. */
function timer(socket: Socket): { readonly kind: string; readonly seconds: number } {
  const [kind, when] =
    row('/proc/net/tcp', `${hex(socket.localPort)} ${hex(socket.remotePort)}`)[5]?.split(':') ?? [];
  // In ticks of USER_HZ, which is 100 everywhere.
  return { kind: `${kind}`, seconds: parseInt(`${when}`, 16) / 100 };
}

/** The descriptor of a socket of ours, as the kernel lists it. */
function descriptorOnPort(file: string, port: number): number {
  const link = `socket:[${row(file, hex(port))[9]}]`;
  const linkOf = (fd: string): string => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // ENOENT: that of the directory itself.
    }
  };
  return Number(readdirSync('/proc/self/fd').find((fd) => linkOf(fd) === link));
}

function isKeptAlive(socket: Socket): void {
  const { kind, seconds } = timer(socket);
  assert.equal(kind, KEEPALIVE);
  assert.ok(seconds > 600 && seconds <= 700, `${seconds} s until the first probe`);
}

function refused(act: () => void, code: string, operation = 'setTcpLiveness'): void {
  assert.throws(act, (error) => {
    assert.ok(error instanceof NetlinkError, String(error));
    assert.deepEqual([error.code, error.operation], [code, operation], error.message);
    assert.ok(error.errno > 0);
    return true;
  });
}

function withoutDescriptor(socket: Socket, what: RegExp): void {
  for (const act of [
    () => void getTcpLiveness(socket),
    () => {
      setTcpLiveness(socket, options);
    },
  ]) {
    assert.throws(act, (error) => {
      assert.ok(error instanceof TypeError, String(error));
      assert.match(error.message, /^socket: expected .*, got /);
      assert.match(error.message, what);
      assert.equal((error as NodeJS.ErrnoException).code, 'ERR_NO_DESCRIPTOR');
      return true;
    });
  }
}

describe('the liveness of a TCP socket', () => {
  let server: Server;
  let port: number;
  const accepted: Socket[] = [];
  let socket: Socket;

  before(async () => {
    server = createServer((connection) => {
      connection.on('error', () => undefined);
      accepted.push(connection);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  beforeEach(async () => {
    const accepting = once(server, 'connection');
    socket = connect(port, '127.0.0.1');
    await Promise.all([once(socket, 'connect'), accepting]);
  });
  afterEach(() => {
    socket.destroy();
  });
  after(() => {
    for (const connection of accepted) connection.destroy();
    server.close();
  });

  it('is set in the kernel, which then waits to probe', () => {
    assert.equal(timer(socket).kind, NONE);
    assert.equal(getTcpLiveness(socket).keepAlive, false);
    setTcpLiveness(socket, options);
    isKeptAlive(socket);
    assert.deepEqual(getTcpLiveness(socket), { keepAlive: true, ...options });
  });

  it('can be set again, to the least and to the most', () => {
    for (const [seconds, probes, userTimeoutMs] of [
      [1, 1, 0],
      [32767, 127, 2147483647],
    ] as const) {
      const extreme = {
        keepAliveIdleS: seconds,
        keepAliveIntervalS: seconds,
        keepAliveProbes: probes,
        userTimeoutMs,
      };
      setTcpLiveness(socket, extreme);
      assert.deepEqual(getTcpLiveness(socket), { keepAlive: true, ...extreme });
    }
  });

  it('is set on an accepted socket, and on that one alone', () => {
    const mine = accepted.at(-1) ?? assert.fail();
    assert.equal(mine.remotePort, socket.localPort);
    setTcpLiveness(mine, options);
    isKeptAlive(mine);
    assert.equal(getTcpLiveness(socket).keepAlive, false);
  });

  it('goes by what Node says later, but for the user timeout', () => {
    setTcpLiveness(socket, options);
    socket.setKeepAlive(true, 60_000);
    const { keepAliveIdleS, userTimeoutMs } = getTcpLiveness(socket);
    assert.deepEqual([keepAliveIdleS, userTimeoutMs], [60, 12_345]);
    setTcpLiveness(socket, options);
    assert.deepEqual(getTcpLiveness(socket), { keepAlive: true, ...options });
  });

  it('leaves the connection as it is: data passes', async () => {
    setTcpLiveness(socket, options);
    const mine = accepted.at(-1) ?? assert.fail();
    socket.write('hello');
    const [chunk] = (await once(mine, 'data')) as [Buffer];
    assert.equal(chunk.toString(), 'hello');
  });

  it('of a TLS socket is that of the connection under it', async () => {
    // Nobody answers the handshake, which these options do not wait for.
    const own = connectTls({ port, host: '127.0.0.1' });
    await once(own, 'connect');
    setTcpLiveness(own, options);
    isKeptAlive(own);
    own.destroy();

    const over = connectTls({ socket });
    setTcpLiveness(over, options);
    isKeptAlive(socket);
    over.destroy();
  });

  describe('is refused, and may be done without,', () => {
    it('before the socket is connected', async () => {
      withoutDescriptor(new Socket(), /never connected$/);
      const connecting = connect(port, '127.0.0.1');
      withoutDescriptor(connecting, /still connecting$/);
      await once(connecting, 'connect');
      setTcpLiveness(connecting, options);
      connecting.destroy();
    });

    it('after its end', async () => {
      socket.destroy();
      withoutDescriptor(socket, /destroyed$/);
      await once(socket, 'close');
      withoutDescriptor(socket, /destroyed$/);
    });

    it('of TLS over a stream that is no socket', () => {
      const over = connectTls({ socket: Duplex.from({ readable: socket, writable: socket }) });
      over.on('error', () => undefined);
      withoutDescriptor(over, /TLS over a stream/);
      over.destroy();
    });

    for (const [what, handle] of Object.entries({
      'no handle': undefined,
      'a handle without a descriptor': {},
      'a descriptor that is none': { fd: '1' },
    })) {
      it(`by a Node that shows ${what}`, () => {
        withoutDescriptor(withHandle(handle), /a Node that shows none/);
      });
    }
  });

  describe('is refused by the kernel', () => {
    it('of a socket that is not TCP: EPROTOTYPE', async () => {
      const directory = await mkdtemp(join(tmpdir(), 'tcp-test-'));
      const path = join(directory, 'socket');
      const local = createServer((connection) => connection.resume()).listen(path);
      await once(local, 'listening');
      const client = connect(path);
      await once(client, 'connect');
      refused(() => {
        setTcpLiveness(client, options);
      }, 'EPROTOTYPE');
      refused(() => void getTcpLiveness(client), 'EPROTOTYPE', 'getTcpLiveness');
      client.destroy();
      local.close();
      await rm(directory, { recursive: true });
    });

    it('of a datagram socket: EPROTOTYPE', async () => {
      const datagrams = createSocket('udp4').bind(0, '127.0.0.1').unref();
      await once(datagrams, 'listening');
      const fd = descriptorOnPort('/proc/net/udp', datagrams.address().port);
      refused(() => {
        setTcpLiveness(withHandle({ fd }), options);
      }, 'EPROTOTYPE');
      datagrams.close();
    });

    it('of a file: ENOTSOCK; of nothing: EBADF', () => {
      const fd = openSync('/dev/null', 'r');
      refused(() => {
        setTcpLiveness(withHandle({ fd }), options);
      }, 'ENOTSOCK');
      refused(() => void getTcpLiveness(withHandle({ fd })), 'ENOTSOCK', 'getTcpLiveness');
      closeSync(fd);
      for (const none of [fd, 0x7fff_ffff]) {
        refused(() => {
          setTcpLiveness(withHandle({ fd: none }), options);
        }, 'EBADF');
        refused(() => void getTcpLiveness(withHandle({ fd: none })), 'EBADF', 'getTcpLiveness');
      }
    });
  });

  it('names a wrong argument, before anything is set', () => {
    const names = (act: () => void, field: string): void => {
      assert.throws(act, (error) => {
        assert.ok(error instanceof TypeError, String(error));
        assert.ok(error.message.startsWith(`${field}: expected `), error.message);
        assert.match(error.message, /, got /);
        return true;
      });
    };
    const wrong = [-1, 1.5, NaN, Infinity, 2 ** 31, '1', 1n, null, undefined, {}];
    const least = { keepAliveIdleS: 1, keepAliveIntervalS: 1, keepAliveProbes: 1, userTimeoutMs: 0 };
    const most = {
      keepAliveIdleS: 32767,
      keepAliveIntervalS: 32767,
      keepAliveProbes: 127,
      userTimeoutMs: 2 ** 31 - 1,
    };
    for (const field of [
      'keepAliveIdleS',
      'keepAliveIntervalS',
      'keepAliveProbes',
      'userTimeoutMs',
    ] as const) {
      for (const value of [...wrong, least[field] - 1, most[field] + 1])
        names(() => {
          setTcpLiveness(socket, { ...options, [field]: anything(value) });
        }, `options.${field}`);
    }
    for (const value of [null, undefined, 1, 'text']) {
      names(() => {
        setTcpLiveness(socket, anything(value));
      }, 'options');
      names(() => {
        setTcpLiveness(anything(value), options);
      }, 'socket');
      names(() => void getTcpLiveness(anything(value)), 'socket');
    }
    names(() => {
      setTcpLiveness(anything({ _handle: { fd: 1 } }), options);
    }, 'socket');
    assert.equal(getTcpLiveness(socket).keepAlive, false);
  });
});

describe('the addon, called with what TypeScript checks before,', () => {
  const native = { keepAlive: 1, keepIdle: 1, keepInterval: 1, keepCount: 1, userTimeout: 1 };

  it('throws a TypeError', () => {
    const addon = loadAddon();
    for (const fd of [-1, 1.5, NaN, Infinity, 2 ** 31, '1', 1n, null, undefined, {}]) {
      assert.throws(
        () => addon.setTcpOptions(anything(fd), native),
        /^TypeError: fd: expected a file descriptor$/,
      );
      assert.throws(() => addon.getTcpOptions(anything(fd)), /^TypeError: fd: expected a file descriptor$/);
    }
    for (const value of [null, undefined, 1, 'text'])
      assert.throws(
        () => addon.setTcpOptions(0, anything(value)),
        /^TypeError: options: expected an object$/,
      );
    for (const field of Object.keys(native)) {
      for (const value of [-1, 1.5, NaN, 2 ** 31, '1', 1n, null, undefined])
        assert.throws(
          () => addon.setTcpOptions(0, { ...native, [field]: anything(value) }),
          new RegExp(`^TypeError: options\\.${field}: expected an unsigned integer that fits$`),
        );
    }
  });
});

/** A socket that says this is its handle. */
function withHandle(handle: unknown): Socket {
  return Object.defineProperty(new Socket(), '_handle', { value: handle });
}
