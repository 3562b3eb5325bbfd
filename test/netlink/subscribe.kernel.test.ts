// Notifications of links, addresses and routes, caused by ip.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Rtnetlink } from '../../src/netlink/index.js';
import type { RtnetlinkEvent } from '../../src/netlink/index.js';
import { childScript, startChild } from '../support/child.js';
import { NETLINK_ROUTE, startForger } from '../support/forger.js';
import { interfaceIndex } from '../support/ip-routes.js';
import { netlinkSockets, openDescriptors, patience } from '../support/netlink.js';
import { ip, ipBatch, shell, shellSync } from '../support/tools.js';

type RouteEvent = Extract<RtnetlinkEvent, { kind: 'route' }>;

describe('subscriptions', () => {
  let rtnetlink: Rtnetlink;
  let controller: AbortController;
  before(() => {
    rtnetlink = Rtnetlink.open(patience);
  });
  beforeEach(async () => {
    controller = new AbortController();
    await ipBatch(['link add events0 type dummy', 'link set events0 addrgenmode none']);
  });
  afterEach(async () => {
    controller.abort();
    await shell(
      'for name in events0 events1; do [[ ! -e /sys/class/net/$name ]] || ip link delete $name; done',
    );
  });
  after(async () => {
    await rtnetlink.close();
  });

  const subscribe = (): AsyncIterator<RtnetlinkEvent> =>
    rtnetlink.subscribe({ signal: controller.signal })[Symbol.asyncIterator]();

  /** Reads events until one that `wanted` accepts. */
  async function next<Kind extends RtnetlinkEvent['kind']>(
    events: AsyncIterator<RtnetlinkEvent>,
    kind: Kind,
    wanted: (event: Extract<RtnetlinkEvent, { kind: Kind }>) => boolean = () => true,
  ): Promise<Extract<RtnetlinkEvent, { kind: Kind }>> {
    for (;;) {
      const result = await events.next();
      assert.ok(result.done !== true, `the subscription ended before ${kind}`);
      const event = result.value as Extract<RtnetlinkEvent, { kind: Kind }>;
      if (event.kind === kind && wanted(event)) return event;
    }
  }

  it('links: made, set up, deleted', async () => {
    const events = subscribe();
    await ip('link add events1 type dummy');
    const made = await next(events, 'link', ({ link }) => link.name === 'events1');
    assert.deepEqual(made, {
      kind: 'link',
      change: 'new',
      link: {
        index: interfaceIndex('events1'),
        name: 'events1',
        kind: 'dummy',
        up: false,
        carrier: false,
        mtu: 1500,
      },
    });
    await ip('link set events1 up');
    const up = await next(events, 'link', ({ link }) => link.name === 'events1' && link.up);
    assert.equal(up.change, 'new');
    await ip('link delete events1');
    const deleted = await next(events, 'link', ({ change }) => change === 'deleted');
    assert.equal(deleted.link.index, made.link.index);
    assert.equal(deleted.link.name, 'events1');
  });

  const addresses = [
    ['ipv4', '10.90.0.1', 24],
    ['ipv6', 'fd90::1', 64],
  ] as const;
  for (const [family, address, prefixLength] of addresses) {
    it(`${family} addresses: added and deleted`, async () => {
      await ip('link set events0 up');
      const expected = { family, address, prefixLength, interfaceIndex: interfaceIndex('events0') };
      const events = subscribe();
      await ip(`addr add ${address}/${prefixLength} dev events0`);
      assert.deepEqual(await next(events, 'address'), { kind: 'address', change: 'new', address: expected });
      await ip(`addr del ${address}/${prefixLength} dev events0`);
      assert.deepEqual(await next(events, 'address', ({ change }) => change === 'deleted'), {
        kind: 'address',
        change: 'deleted',
        address: expected,
      });
    });
  }

  it('routes: added, replaced and deleted, of both families', async () => {
    await shell(`
      ip link set events0 up
      ip addr add 10.90.0.1/24 dev events0
      ip addr add fd90::1/64 dev events0 nodad
    `);
    const events = subscribe();
    const expected = {
      family: 'ipv4',
      destination: '10.89.0.0',
      prefixLength: 16,
      table: 1000,
      type: 'unicast',
      metric: 20,
      gateway: '10.90.0.2',
      interfaceIndex: interfaceIndex('events0'),
      preferredSource: '10.90.0.1',
      protocol: 3,
      scope: 0,
    } as const;
    // The kernel adds the local route of the IPv6 address when it gets to it.
    const isOurs = (event: RouteEvent): boolean => event.route.destination === '10.89.0.0';
    await ip('route add 10.89.0.0/16 via 10.90.0.2 metric 20 table 1000 src 10.90.0.1');
    assert.deepEqual(await next(events, 'route', isOurs), { kind: 'route', change: 'new', route: expected });
    await ip('route replace 10.89.0.0/16 via 10.90.0.3 metric 20 table 1000 src 10.90.0.1');
    assert.deepEqual(await next(events, 'route', isOurs), {
      kind: 'route',
      change: 'new',
      route: { ...expected, gateway: '10.90.0.3' },
    });
    await ip('route del 10.89.0.0/16 table 1000');
    assert.deepEqual(await next(events, 'route', isOurs), {
      kind: 'route',
      change: 'deleted',
      route: { ...expected, gateway: '10.90.0.3' },
    });

    await ip('-6 route add fd89::/64 via fd90::2');
    const route = await next(events, 'route', (event) => event.route.destination === 'fd89::');
    assert.equal(route.change, 'new');
    assert.equal(route.route.gateway, 'fd90::2');
    await ip('-6 route del fd89::/64');
    const gone = await next(events, 'route', (event) => event.route.destination === 'fd89::');
    assert.equal(gone.change, 'deleted');
  });

  it('loses nothing between subscribe() and the first next(), and keeps the order', async () => {
    await ip('link set events0 up');
    const events = subscribe();
    await ipBatch(Array.from({ length: 200 }, (_, i) => `addr add 10.88.0.${i}/32 dev events0`));
    for (let i = 0; i < 200; i++) {
      const { address } = await next(events, 'address');
      assert.equal(address.address, `10.88.0.${i}`);
    }
  });

  it('delivers only the groups asked for', async () => {
    const options = { signal: controller.signal, groups: ['address'], families: ['ipv4'] } as const;
    const events = rtnetlink.subscribe(options);
    await shell(`
      ip link set events0 up
      ip addr add fd90::1/64 dev events0 nodad
      ip addr add 10.90.0.1/24 dev events0
      ip link add events1 type dummy
      ip addr add 10.90.0.2/32 dev events0
    `);
    const kinds: string[] = [];
    for (let i = 0; i < 2; i++) {
      const { value } = (await events.next()) as IteratorYieldResult<RtnetlinkEvent>;
      kinds.push(value.kind === 'address' ? value.address.address : value.kind);
    }
    assert.deepEqual(kinds, ['10.90.0.1', '10.90.0.2']);
  });

  it('two of them both see everything, and ending one leaves the other', async () => {
    await ip('link set events0 up');
    const first = new AbortController();
    const one = rtnetlink.subscribe({ signal: first.signal })[Symbol.asyncIterator]();
    const two = subscribe();
    await ip('addr add 10.90.0.1/32 dev events0');
    assert.deepEqual(await next(one, 'address'), await next(two, 'address'));
    first.abort();
    assert.equal((await one.next()).done, true);
    await ip('addr add 10.90.0.2/32 dev events0');
    assert.equal(
      (await next(two, 'address', ({ address }) => address.address === '10.90.0.2')).change,
      'new',
    );
  });

  it('ends with its signal while someone waits, and gives its socket and descriptors back', async () => {
    const [sockets, descriptors] = [netlinkSockets(), openDescriptors()];
    for (let round = 0; round < 20; round++) {
      const each = new AbortController();
      const events = rtnetlink.subscribe({ signal: each.signal })[Symbol.asyncIterator]();
      const waiting = events.next();
      assert.ok(netlinkSockets() > sockets);
      each.abort();
      assert.equal((await waiting).done, true);
      assert.equal((await events.next()).done, true);
    }
    assert.equal(netlinkSockets(), sockets);
    // The last descriptor goes when the event loop has finished with the thread.
    for (let turn = 0; turn < 100 && openDescriptors() > descriptors; turn++) await setImmediate();
    assert.equal(openDescriptors(), descriptors);
  });

  it('with a signal that is aborted already ends at once', async () => {
    const events = rtnetlink.subscribe({ signal: AbortSignal.abort() })[Symbol.asyncIterator]();
    assert.equal((await events.next()).done, true);
  });

  it('ends when its loop is left by break', async () => {
    const sockets = netlinkSockets();
    await ip('link set events0 up');
    const events = rtnetlink.subscribe({ signal: controller.signal });
    await ip('addr add 10.90.0.1/32 dev events0');
    for await (const event of events) {
      assert.ok(event.kind === 'address' || event.kind === 'route');
      break;
    }
    assert.equal(netlinkSockets(), sockets);
  });

  it('reports an overrun when events come faster than they are read, then goes on', async () => {
    await ip('link set events0 up');
    const events = subscribe();
    // The event loop stands still for as long as this takes; each command makes two events, of which the
    // subscription keeps 4096.
    shellSync(`ip -batch - <<'COMMANDS'\n${addAndDelete('10.87.0.1', 1300)}\nCOMMANDS`);
    await next(events, 'overrun');
    await ip('addr add 10.90.0.9/32 dev events0');
    const { address } = await next(events, 'address', (event) => event.address.address === '10.90.0.9');
    assert.equal(address.prefixLength, 32);
  });

  it('gives the event loop its turn while it delivers many events', async () => {
    await ip('link set events0 up');
    const events = subscribe();
    // The event loop stands still until all of them wait.
    shellSync(`ip -batch - <<'COMMANDS'\n${addAndDelete('10.87.0.1', 500)}\nCOMMANDS`);
    let turns = 0;
    let running = true;
    const turn = (): void => {
      turns++;
      if (running) globalThis.setImmediate(turn);
    };
    turn();
    // Of each a notification of the address and one of its route.
    for (let seen = 0; seen < 2000; seen++) {
      const { value } = (await events.next()) as IteratorYieldResult<RtnetlinkEvent>;
      assert.notEqual(value.kind, 'overrun');
    }
    running = false;
    assert.ok(turns >= 2000 / 256, `${turns} turns`);
  });

  it('delivers only the routes to the address asked for', async () => {
    await ip('link set events0 up');
    const options = {
      signal: controller.signal,
      groups: ['route'],
      families: ['ipv4'],
      routeDestination: '10.89.0.7',
    } as const;
    const events = rtnetlink.subscribe(options);
    // More of others than are kept.
    shellSync(`ip -batch - <<'COMMANDS'\n${addAndDelete('10.87.0.1', 2100)}\nCOMMANDS`);
    await ip('route add 10.89.0.7/32 dev events0');
    const { value } = (await events.next()) as IteratorYieldResult<RtnetlinkEvent>;
    assert.equal(value.kind === 'route' ? value.route.destination : value.kind, '10.89.0.7');
  });

  it('reports an overrun of the kernel behind all that came before the loss', async () => {
    await ip('link set events0 up');
    const child = startChild('subscribe-stopped');
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const line = async (): Promise<unknown> => (await lines.next()).value;
    try {
      assert.equal(await line(), 'subscribed');
      child.kill('SIGSTOP');
      // 1 MiB in the kernel, which counts twice that, holds some 2700.
      shellSync(`ip -batch - <<'COMMANDS'\n${addAndDelete('10.87.0.1', 2000)}\nCOMMANDS`);
      child.kill('SIGCONT');
      assert.equal(await line(), 'overrun');
      await ip('addr add 10.90.0.9/32 dev events0');
      assert.equal(await line(), '10.90.0.9');
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('takes no notifications from other processes', async () => {
    const RTM_NEWADDR = 20;
    const before = portIds();
    const events = subscribe();
    const mine = portIds().filter((port) => !before.includes(port));
    const [portId] = mine;
    assert.ok(portId !== undefined && mine.length === 1, `sockets: ${mine.join()}`);
    const forger = startForger();
    const arrived = await forger.forge({
      protocol: NETLINK_ROUTE,
      portId,
      firstSequence: 0,
      lastSequence: 3,
      messageType: RTM_NEWADDR,
    });
    await forger.stop();
    assert.equal(arrived, 0);
    await ip('link set events0 up');
    await ip('addr add 10.90.0.1/32 dev events0');
    assert.equal((await next(events, 'address')).address.address, '10.90.0.1');
  });

  it('works in a worker', async () => {
    const worker = new Worker(childScript('subscribe-worker'));
    const [ready] = (await once(worker, 'message')) as [string];
    assert.equal(ready, 'subscribed');
    // Listened for before it can happen: the worker ends as soon as it has sent its event.
    const [sent, ended] = [once(worker, 'message'), once(worker, 'exit')];
    await ip('link set events0 up');
    await ip('addr add 10.90.0.1/32 dev events0');
    const [event] = (await sent) as [RtnetlinkEvent];
    assert.equal(event.kind === 'address' ? event.address.address : event.kind, '10.90.0.1');
    const [code] = (await ended) as [number];
    assert.equal(code, 0);
  });
});

/** Commands for ip: an address of events0 comes and goes so many times. Each time makes four notifications. */
function addAndDelete(address: string, times: number): string {
  const pair = `addr add ${address}/32 dev events0\naddr del ${address}/32 dev events0`;
  return Array.from({ length: times }, () => pair).join('\n');
}

/** The port ids of all netlink sockets for routing. */
function portIds(): number[] {
  return readFileSync('/proc/net/netlink', 'ascii')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, protocol, portId]) => protocol === '0' && portId !== undefined && portId !== '0')
    .map(([, , portId]) => Number(portId));
}
