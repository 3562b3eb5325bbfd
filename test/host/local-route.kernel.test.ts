// The local route on a real kernel: made by us and judged by ip, and never mistaken for the kernel's own.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { localRoute } from '../../src/host/local-route.js';
import { Rtnetlink } from '../../src/netlink/index.js';
import { endpoint, type Endpoint } from '../../src/values/endpoint.js';
import { shell } from '../support/tools.js';

interface Family {
  readonly name: string;
  readonly virtualServer: Endpoint;
  /** NODE_IP, and what it was before. */
  readonly source: string;
  readonly formerSource: string;
  readonly ip: string;
  /** The address with the length of one host. */
  readonly host: string;
}

const families: readonly Family[] = [
  {
    name: 'IPv4',
    virtualServer: endpoint('ipv4', '10.103.97.2', 6443),
    source: '10.9.0.1',
    formerSource: '10.9.0.2',
    ip: 'ip -4',
    host: '10.103.97.2/32',
  },
  {
    name: 'IPv6',
    virtualServer: endpoint('ipv6', 'fd00::2', 6443),
    source: 'fd09::1',
    formerSource: 'fd09::2',
    ip: 'ip -6',
    host: 'fd00::2/128',
  },
];

for (const { name, virtualServer, source, formerSource, ip, host } of families) {
  describe(`the local route, ${name}`, () => {
    const rtnetlink = Rtnetlink.open();
    const route = localRoute(rtnetlink, virtualServer, () => Promise.resolve(source));
    const address = virtualServer.address;

    /** The routes to the virtual server in the table `local`, as ip shows them, the first one first. */
    async function shown(): Promise<string[]> {
      const text = await shell(`${ip} route show table local`);
      return text
        .split('\n')
        .filter((line) => line.startsWith(`local ${address} `))
        .map((line) =>
          line
            .trim()
            .replace(/ pref medium$/, '')
            .replaceAll(/ +/g, ' '),
        );
    }
    before(async () => {
      await shell('ip link set lo up; ip link add node type dummy; ip link set node up');
      await shell(`ip address add ${source} dev node; ip address add ${formerSource} dev node`);
    });
    after(async () => {
      await shell('ip link del node');
      await rtnetlink.close();
    });
    afterEach(() =>
      shell(
        `ip address del ${host} dev lo || true; ip address del ${host} dev node || true
         while ${ip} route del local ${address} table local; do :; done || true`,
      ).catch(() => undefined),
    );

    it('is made, found right, and taken away', async () => {
      assert.equal(await route.verify(), `no route local ${address} dev lo src ${source}`);
      await route.repair();
      assert.equal((await shown()).length, 1);
      assert.equal(await route.verify(), null);
      assert.equal(await route.remove(), `route local ${address} dev lo`);
      assert.deepEqual(await shown(), []);
      assert.equal(await route.remove(), null);
    });

    it('follows NODE_IP', async () => {
      await localRoute(rtnetlink, virtualServer, () => Promise.resolve(formerSource)).repair();
      assert.equal(
        await route.verify(),
        `the route local ${address} dev lo has src ${formerSource}, not ${source}`,
      );
      await route.repair();
      assert.deepEqual(
        (await shown()).map((line) => line.includes(` src ${source}`)),
        [true],
      );
    });

    it("leaves the kernel's own route alone, on whatever interface the address is", async () => {
      for (const device of ['node', 'lo']) {
        await shell(`ip address add ${host} dev ${device}`);
        const before = await shown();
        assert.equal(before.length, 1, device);
        assert.equal(await route.verify(), null, device);
        assert.equal(await route.remove(), null, device);
        assert.deepEqual(await shown(), before, device);
        await shell(`ip address del ${host} dev ${device}`);
      }
    });

    it("is there before the kernel's own goes, where its interface is about to go", async () => {
      await shell(`ip address add ${host} dev node`);
      const index = (await rtnetlink.findLink('node'))?.index;
      const before = localRoute(
        rtnetlink,
        virtualServer,
        () => Promise.resolve(source),
        (of) => Promise.resolve(of === index),
      );
      assert.equal(await before.verify(), `no route local ${address} dev lo src ${source}`);
      await before.repair();
      assert.equal(await before.verify(), null);
      const ours = (await shown()).filter((line) => line.includes(`src ${source}`));
      assert.equal(ours.length, 1);
      await shell(`ip address del ${host} dev node`);
      assert.deepEqual(await shown(), ours);
      assert.equal(await before.verify(), null);
      await shell(`ip address add ${host} dev lo`);
      assert.equal(await before.remove(), `route local ${address} dev lo`);
      assert.equal(await before.verify(), null, 'one on another interface stays');
    });

    it("takes its own away from beside the kernel's", async () => {
      await route.repair();
      await shell(`ip address add ${host} dev lo`);
      assert.equal((await shown()).length, 2);
      assert.equal(await route.verify(), null);
      assert.equal(await route.remove(), `route local ${address} dev lo`);
      assert.deepEqual(
        (await shown()).map((line) => line.includes(' proto kernel ')),
        [true],
      );
    });

    it("leaves a routing daemon's alone", async () => {
      await shell(`${ip} route add local ${host} dev lo table local proto bird`);
      await assert.rejects(route.verify(), {
        message: /a route of another program .*\(type local, protocol 12\)/,
      });
      assert.equal(await route.remove(), null);
      assert.equal((await shown()).length, 1);
    });

    it('is listed beside what has no name', async () => {
      await shell('ip -6 route add nat fd01::/64 dev lo table local || true');
      await route.repair();
      assert.equal(await route.verify(), null);
      await shell('ip -6 route del nat fd01::/64 dev lo table local || true');
    });
  });
}

describe("the local route to a special address of the node's own network", () => {
  it('is refused with the reason: the kernel would never deliver a connection to it', async () => {
    await shell('ip link add net0 type dummy; ip address add 10.8.0.1/24 dev net0; ip link set net0 up');
    try {
      await using rtnetlink = Rtnetlink.open();
      const broadcast = endpoint('ipv4', '10.8.0.255', 6443);
      const route = localRoute(rtnetlink, broadcast, () => Promise.resolve('10.8.0.1'));
      await assert.rejects(route.verify(), {
        message: '10.8.0.255 is the broadcast address of a network of this node: choose another --vs',
      });
      assert.equal(await route.find(), null);
      assert.equal(await route.remove(), null);
    } finally {
      await shell('ip link del net0');
    }
  });
});

describe('a local route that is stale', () => {
  it("is repaired also when the kernel's own came behind it", async () => {
    const rtnetlink = Rtnetlink.open();
    try {
      await shell('ip link set lo up; ip link add node type dummy; ip link set node up');
      await shell('ip address add 10.9.0.1 dev node; ip address add 10.9.0.2 dev node');
      const virtualServer = endpoint('ipv4', '10.103.97.2', 6443);
      await localRoute(rtnetlink, virtualServer, () => Promise.resolve('10.9.0.2')).repair();
      await shell('ip address add 10.103.97.2/32 dev node');
      const route = localRoute(rtnetlink, virtualServer, () => Promise.resolve('10.9.0.1'));
      assert.match((await route.verify()) ?? '', /has src 10\.9\.0\.2, not 10\.9\.0\.1/);
      await route.repair();
      assert.equal(await route.verify(), null);
      const text = await shell('ip route show table local 10.103.97.2; ip route get 10.103.97.2');
      assert.match(text, /^local 10\.103\.97\.2 dev lo proto static scope host src 10\.9\.0\.1/);
      assert.match(text, /proto kernel/);
    } finally {
      await rtnetlink.close();
      await shell('ip route del local 10.103.97.2 dev lo table local proto static; ip link del node');
    }
  });
});
