// What we would say of sockets, beside what ss said to a kernel; and what the kernel said, as ss shows it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeMessage, encodeEndTcpSocket, encodeListTcpSockets, type DecodedMessage } from './codec.js';
import type { IpFamily, TcpSocket } from '../../src/netlink/index.js';
import { capturedCommand } from '../support/captured.js';

const HEADER_BYTES = 16;
/** Of a struct inet_diag_req_v2. */
const REQUEST_BYTES = 56;
/** Of idiag_ext in a struct inet_diag_req_v2: which attributes are asked for. */
const EXT = 2;
/** tcp_info. */
const INFO = 1 << 1;

const toMapped: TcpSocket = {
  family: 'ipv6',
  state: 'established',
  localAddress: '::ffff:127.0.0.2',
  localPort: 40002,
  remoteAddress: '::ffff:127.0.0.2',
  remotePort: 7002,
  interfaceIndex: null,
  cookie: [4, 0],
  progress: null,
};

function decoded(command: string): DecodedMessage[] {
  return capturedCommand('diag', command).received.map((bytes) => decodeMessage('diag', bytes));
}

/** As ss shows it: `LOCAL REMOTE sk:COOKIE`. */
function asShown({ localAddress, localPort, remoteAddress, remotePort, family, cookie }: TcpSocket): string {
  const end = (address: string, port: number): string =>
    `${family === 'ipv6' ? `[${address}]` : address}:${port || '*'}`;
  return `${end(localAddress, localPort)} ${end(remoteAddress, remotePort)} sk:${cookie[0].toString(16)}`;
}

describe('sockets that the kernel lists', () => {
  for (const family of ['ipv4', 'ipv6'] as const) {
    const command = `ss -Hten${family.at(-1) ?? ''} state established`;
    it(`are those that ss shows: ${command}`, () => {
      const sockets = decoded(command).flatMap((each) => (each.kind === 'tcpSocket' ? [each.socket] : []));
      const shown = capturedCommand('diag', command).shown.map((line) => {
        const [, , local, remote, , cookie] = line.split(/\s+/);
        return [local, remote, cookie].join(' ');
      });
      assert.equal(sockets.length, 3);
      assert.deepEqual(sockets.map(asShown), shown);
      for (const socket of sockets) assert.deepEqual([socket.family, socket.state], [family, 'established']);
      assert.deepEqual(decoded(command).at(-1), { kind: 'done', error: null });
    });
  }

  it('have a state', () => {
    const [first] = decoded('ss -Htan4 state listening');
    assert.ok(first?.kind === 'tcpSocket');
    assert.deepEqual([first.socket.state, first.socket.localPort], ['listening', 7000]);
    assert.deepEqual([first.socket.remoteAddress, first.socket.remotePort], ['0.0.0.0', 0]);
  });

  it('may be of IPv6 and speak IPv4', () => {
    const [first] = decoded('ss -Hten6 state established');
    assert.deepEqual(first, { kind: 'tcpSocket', socket: toMapped });
  });

  it('are not ended by a kernel that was built without: it says so', () => {
    const last = decoded('ss -HtK4 state established dst 127.0.0.1 dport = :7000').at(-1);
    assert.ok(last?.kind === 'acknowledgment');
    assert.equal(last.error?.code, 'EOPNOTSUPP');
  });
});

describe('sock_diag requests beside those of ss', () => {
  function sent(command: string, at: number): Buffer {
    const bytes = capturedCommand('diag', command).sent[at];
    assert.ok(bytes !== undefined);
    const copy = Buffer.from(bytes);
    // Sequence number and port id.
    copy.fill(0, 8, HEADER_BYTES);
    // ss asks for other attributes.
    copy.writeUInt8(at === 0 ? INFO : 0, HEADER_BYTES + EXT);
    return copy;
  }

  for (const family of ['ipv4', 'ipv6'] as const) {
    const command = `ss -Hten${family.at(-1) ?? ''} state established`;
    it(command, () => {
      const remotes = [{ address: '10.103.97.2', port: 6443 }];
      const [ours] = encodeListTcpSockets({ remotes, states: ['established'] }).slice(
        family === 'ipv4' ? 0 : 1,
      );
      // ss has no filter here.
      const bytes = Buffer.from(ours ?? []).subarray(0, HEADER_BYTES + REQUEST_BYTES);
      bytes.writeUInt32LE(bytes.length, 0);
      assert.equal(bytes.toString('hex'), sent(command, 0).toString('hex'));
    });
  }

  it('of several states', () => {
    const remotes = [{ address: '10.103.97.2', port: 6443 }];
    const [bytes] = encodeListTcpSockets({ remotes, states: ['established', 'close-wait'] });
    assert.equal(Buffer.from(bytes ?? []).readUInt32LE(HEADER_BYTES + 4), (1 << 1) | (1 << 8));
  });

  it('are of IPv6 only for IPv6 addresses, of both families for IPv4 ones, and 64 addresses in each', () => {
    const count = (address: string, many: number): number =>
      encodeListTcpSockets({ remotes: Array<object>(many).fill({ address, port: 1 }) as never, states: [] })
        .length;
    assert.deepEqual(
      [count('10.0.0.1', 1), count('fd00::1', 1), count('10.0.0.1', 65), count('fd00::1', 0)],
      [2, 1, 4, 0],
    );
  });

  const ends: readonly (readonly [
    command: string,
    family: IpFamily,
    address: string,
    port: number,
    cookie: number,
  ])[] = [
    ['ss -HtK4 state established dst 127.0.0.1 dport = :7000', 'ipv4', '127.0.0.1', 7000, 2],
    ['ss -HtK6 state established dst [::1] dport = :7001', 'ipv6', '::1', 7001, 5],
  ];
  for (const [command, family, address, port, cookie] of ends)
    it(command, () => {
      const ours = encodeEndTcpSocket({
        family,
        state: 'established',
        localAddress: address,
        localPort: port + 33_000,
        remoteAddress: address,
        remotePort: port,
        interfaceIndex: null,
        cookie: [cookie, 0],
        progress: null,
      });
      assert.equal(Buffer.from(ours).toString('hex'), sent(command, 1).toString('hex'));
    });

  it('name the interface that a socket is bound to, and both halves of its cookie', () => {
    const bytes = Buffer.from(
      encodeEndTcpSocket({ ...toMapped, interfaceIndex: 7, cookie: [0xffff_ffff, 0x1234_5678] }),
    );
    assert.deepEqual(
      [44, 48, 52].map((at) => bytes.readUInt32LE(HEADER_BYTES + at)),
      [7, 0xffff_ffff, 0x1234_5678],
    );
  });
});

describe('arguments about sockets', () => {
  const anything = (value: unknown): never => value as never;
  const wrong: readonly (readonly [what: string, act: () => unknown, says: RegExp])[] = [
    ['no filter', () => encodeListTcpSockets(anything(null)), /^filter: expected an object, got null$/],
    [
      'a remote address',
      () => encodeListTcpSockets({ remotes: [{ address: 'here', port: 1 }], states: [] }),
      /^filter\.remotes\[0\]\.address: expected an IPv4 or IPv6 address, got 'here'$/,
    ],
    [
      'a port',
      () => encodeListTcpSockets({ remotes: [{ address: '::1', port: 65_536 }], states: [] }),
      /^filter\.remotes\[0\]\.port: expected an integer from 0 to 65535, got 65536$/,
    ],
    [
      'a state',
      () => encodeListTcpSockets({ remotes: [], states: ['close', anything('open')] }),
      /^filter\.states\[1\]: expected one of established, .*, got 'open'$/,
    ],
    [
      'an address',
      () => encodeEndTcpSocket({ ...toMapped, localAddress: 'here' }),
      /^socket\.localAddress: expected an IPv4 or IPv6 address, got 'here'$/,
    ],
    [
      'half a cookie',
      () => encodeEndTcpSocket({ ...toMapped, cookie: anything([1]) }),
      /^socket\.cookie: expected the two halves of a cookie, got \[ 1 \]$/,
    ],
    [
      'the cookie that is any socket',
      () => encodeEndTcpSocket({ ...toMapped, cookie: [0xffff_ffff, 0xffff_ffff] }),
      /^socket\.cookie: expected the two halves of a cookie, got/,
    ],
    [
      'an interface',
      () => encodeEndTcpSocket({ ...toMapped, interfaceIndex: 0 }),
      /^socket\.interfaceIndex: expected an integer from 1 to 2147483647, got 0$/,
    ],
  ];
  for (const [what, act, says] of wrong)
    it(`that are wrong are refused by name: ${what}`, () => {
      assert.throws(act, (error) => error instanceof TypeError && says.test(error.message));
    });
});
