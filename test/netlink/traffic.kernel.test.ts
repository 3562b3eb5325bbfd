// Counters, judged by ipvsadm while real connections go through a virtual server on this machine's loopback.
import assert from 'node:assert/strict';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { after, afterEach, before, describe, it } from 'node:test';
import { until } from '../../lab/until.js';
import { Ipvs, ServiceFlag } from '../../src/netlink/index.js';
import type { AddressServiceKey, Destination, Stats } from '../../src/netlink/index.js';
import { tcp, udp, patience } from '../support/netlink.js';
import { ip, ipvsadm, lines } from '../support/tools.js';

const backend = { ipv4: '10.7.0.2', ipv6: 'fd07::2' };
const vip = { ipv4: '10.7.0.1', ipv6: 'fd07::1' };
const addresses = [...Object.values(vip), ...Object.values(backend)];

/** The columns of the first row of a service in ipvsadm's tables: of the destination. */
async function row(options: string): Promise<string[]> {
  const found = lines(await ipvsadm(`-L -n ${options}`)).find((line) => /^ {2}-> .*:\d/.test(line));
  assert.ok(found !== undefined, 'ipvsadm lists no destination');
  return found.trim().split(/\s+/).slice(2);
}

/** The columns of the first service. */
async function head(options: string): Promise<string[]> {
  const found = lines(await ipvsadm(`-L -n ${options}`)).find((line) => /^(TCP|UDP) /.test(line));
  assert.ok(found !== undefined, 'ipvsadm lists no service');
  return found.trim().split(/\s+/).slice(2);
}

const totals = (stats: Stats | null): string[] => {
  assert.ok(stats !== null);
  return [stats.connections, stats.packetsIn, stats.packetsOut, stats.bytesIn, stats.bytesOut].map(String);
};
const rates = (stats: Stats | null): string[] => {
  assert.ok(stats !== null);
  return [
    stats.connectionsPerSecond,
    stats.packetsInPerSecond,
    stats.packetsOutPerSecond,
    stats.bytesInPerSecond,
    stats.bytesOutPerSecond,
  ].map(String);
};

/** Reads with `ours` between two equal readings of `theirs`: both then saw the same moment. */
async function atRest<T>(theirs: () => Promise<string[]>, ours: () => Promise<T>): Promise<[string[], T]> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const first = await theirs();
    const value = await ours();
    const second = await theirs();
    if (first.join() === second.join()) return [second, value];
  }
  throw new Error('the counters do not come to rest');
}

/** Asks again until the kernel has taken notice: there is no event to wait for. */
async function eventually<T>(ask: () => Promise<T>, enough: (value: T) => boolean): Promise<T> {
  const found = await until(
    async () => {
      const value = await ask();
      return enough(value) ? { value } : null;
    },
    { timeoutMs: 15_000, everyMs: 50, what: enough.toString() },
  );
  return found.value;
}

describe('counters of real traffic', () => {
  let ipvs: Ipvs;
  const toClose: (() => void)[] = [];

  before(async () => {
    ipvs = Ipvs.open(patience);
    await ipvsadm('-C');
    for (const address of addresses) {
      await ip(`addr add ${address}/${address.includes(':') ? '128 dev lo nodad' : '32 dev lo'}`);
    }
  });
  afterEach(async () => {
    for (const close of toClose.splice(0)) close();
    await ipvsadm('-C');
  });
  after(async () => {
    await ipvs.close();
    for (const address of addresses)
      await ip(`addr del ${address}/${address.includes(':') ? '128' : '32'} dev lo`);
  });

  async function echoServer(address: string): Promise<number> {
    const server: Server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.pipe(socket);
      toClose.push(() => socket.destroy());
    });
    toClose.push(() => server.close());
    server.listen(0, address);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  async function roundTrip(socket: Socket, bytes: number): Promise<void> {
    let missing = bytes;
    socket.write(Buffer.alloc(bytes));
    while (missing > 0) {
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      missing -= chunk.length;
    }
  }

  async function only(service: AddressServiceKey): Promise<Destination> {
    const [destination, ...others] = await ipvs.listDestinations(service);
    assert.ok(destination !== undefined && others.length === 0);
    return destination;
  }

  for (const family of ['ipv4', 'ipv6'] as const) {
    it(`${family}: connections, packets, bytes and rates are what ipvsadm -Ln, --stats and --rate say`, async () => {
      const port = await echoServer(backend[family]);
      const service = tcp(vip[family], port);
      await ipvs.createService(service, { scheduler: 'rr' });
      await ipvs.createDestination(service, { address: backend[family], port }, {});

      const sockets: Socket[] = [];
      for (let i = 0; i < 5; i++) {
        const socket = connect(port, vip[family]);
        toClose.push(() => socket.destroy());
        await once(socket, 'connect');
        await roundTrip(socket, 10_000 * (i + 1));
        sockets.push(socket);
      }
      const gone = sockets.splice(0, 2);
      for (const socket of gone) {
        socket.end();
        await once(socket, 'close');
      }
      const busy = await eventually(
        () => only(service),
        (destination) => destination.inactiveConnections === 2,
      );
      assert.equal(busy.activeConnections, 3);
      assert.deepEqual(await row(''), ['Masq', '1', '3', '2']);

      // The kernel sums its counters up every two seconds, and estimates rates from the sums. That of connections comes to
      // nothing where a slow guest made less than two of them in a second; that of bytes is there for a minute.
      const { stats } = await eventually(
        () => only(service),
        (destination) => destination.stats?.connections === 5n && destination.stats.bytesInPerSecond > 0n,
      );
      assert.ok(stats !== null && stats.bytesIn > 150_000n && stats.bytesOut > 150_000n);
      const [rowTotals, destination] = await atRest(
        () => row('--stats --exact'),
        () => only(service),
      );
      assert.deepEqual(totals(destination.stats), rowTotals);
      const [rowRates, rated] = await atRest(
        () => row('--rate --exact'),
        () => only(service),
      );
      assert.deepEqual(rates(rated.stats), rowRates);

      const [headTotals, found] = await atRest(
        () => head('--stats --exact'),
        () => ipvs.getService(service),
      );
      assert.deepEqual(totals(found?.stats ?? null), headTotals);
      assert.equal(typeof found?.stats?.bytesIn, 'bigint');
    });
  }

  it('persistent connections are what ipvsadm --persistent-conn says', async () => {
    const port = await echoServer(backend.ipv4);
    const service = tcp(vip.ipv4, port);
    await ipvs.createService(service, { scheduler: 'rr', flags: ServiceFlag.persistent, timeoutSeconds: 60 });
    await ipvs.createDestination(service, { address: backend.ipv4, port }, {});
    const socket = connect(port, vip.ipv4);
    toClose.push(() => socket.destroy());
    await once(socket, 'connect');
    const destination = await only(service);
    assert.equal(destination.persistentConnections, 1);
    // Weight, PersistConn, ActiveConn, InActConn.
    assert.deepEqual(await row('--persistent-conn'), ['1', '1', '1', '0']);
  });

  it('UDP: connections are inactive ones', async () => {
    const server: UdpSocket = createSocket('udp4');
    toClose.push(() => server.close());
    server.on('message', (message, from) => {
      server.send(message, from.port, from.address);
    });
    server.bind(0, backend.ipv4);
    await once(server, 'listening');
    const { port } = server.address();
    const service = udp(vip.ipv4, port);
    await ipvs.createService(service, { scheduler: 'rr' });
    await ipvs.createDestination(service, { address: backend.ipv4, port }, {});
    const client = createSocket('udp4');
    toClose.push(() => client.close());
    client.connect(port, vip.ipv4);
    await once(client, 'connect');
    client.send('hello');
    await once(client, 'message');
    const destination = await eventually(
      () => only(service),
      ({ stats }) => stats?.connections === 1n,
    );
    assert.deepEqual(totals(destination.stats), await row('--stats --exact'));
    assert.deepEqual(totals(destination.stats), ['1', '1', '1', '33', '33']);
    assert.equal(destination.activeConnections, 0);
    assert.equal(destination.inactiveConnections, 1);
  });
});
