// What we would say of sockets, beside what ss said to a kernel; and what the kernel said, as ss shows it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeMessage, encodeEndTcpSocket, encodeListTcpSockets, type DecodedMessage } from './codec.js';
import type { IpFamily, TcpSocket } from '../../src/netlink/index.js';
import { capturedCommand } from '../support/captured.js';

const HEADER_BYTES = 16;
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
      const ours = encodeListTcpSockets({ family, remotePort: 0, states: ['established'] });
      assert.equal(Buffer.from(ours).toString('hex'), sent(command, 0).toString('hex'));
    });
  }

  it('of one remote port, and of several states', () => {
    const bytes = Buffer.from(
      encodeListTcpSockets({ family: 'ipv4', remotePort: 6443, states: ['established', 'close-wait'] }),
    );
    assert.equal(bytes.readUInt32LE(HEADER_BYTES + 4), (1 << 1) | (1 << 8));
    assert.equal(bytes.readUInt16BE(HEADER_BYTES + 8), 0, 'any local port');
    assert.equal(bytes.readUInt16BE(HEADER_BYTES + 10), 6443);
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
      'a family',
      () => encodeListTcpSockets({ family: anything('inet'), remotePort: 0, states: [] }),
      /^filter\.family: expected one of ipv4, ipv6, got 'inet'$/,
    ],
    [
      'a port',
      () => encodeListTcpSockets({ family: 'ipv4', remotePort: 65_536, states: [] }),
      /^filter\.remotePort: expected an integer from 0 to 65535, got 65536$/,
    ],
    [
      'a state',
      () => encodeListTcpSockets({ family: 'ipv4', remotePort: 0, states: ['close', anything('open')] }),
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
