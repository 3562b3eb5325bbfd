// How requests behave, whatever they ask for: order, batches, deadlines, strangers, tables that change.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, beforeEach, describe, it } from 'node:test';
import { Ipvs, NetlinkError, Rtnetlink } from '../../src/netlink/index.js';
import type { IpvsOperation, ServiceKey } from '../../src/netlink/index.js';
import { NETLINK_GENERIC, NETLINK_ROUTE, startForger, type Forger } from '../support/forger.js';
import { interfaceIndex } from '../support/ip-routes.js';
import {
  fillTable,
  many,
  freshService,
  keyText,
  netlinkError,
  tcp,
  withIpvs,
  patience,
} from '../support/netlink.js';
import { ip, ipBatch, ipvsadm, savedTable, startTool } from '../support/tools.js';

const rr = { scheduler: 'rr' };
const service = tcp('10.103.97.2', 6443);
const missing = tcp('10.9.9.9', 80);

async function fill(count: number): Promise<string[]> {
  return (await fillTable(count)).map(keyText).sort();
}

const textOf = (services: readonly { key: ServiceKey }[]): string[] =>
  services.map(({ key }) => keyText(key)).sort();

describe('requests on one handle', () => {
  let ipvs: Ipvs;
  beforeEach(async () => {
    await ipvsadm('-C');
  });
  before(() => {
    ipvs = Ipvs.open(patience);
  });
  after(async () => {
    await ipvs.close();
    await ipvsadm('-C');
  });

  it('keep the order of their calls: creations and deletions interleaved, none awaited', async () => {
    const rounds = many(100);
    const settled: number[] = [];
    const seen: Promise<unknown>[] = [];
    for (let i = 0; i < rounds; i++) {
      const steps = [
        ipvs.createService(service, rr),
        ipvs.getService(service),
        ipvs.createService(service, rr).catch((error: unknown) => (error as NetlinkError).code),
        ipvs.deleteService(service),
        ipvs.getService(service),
      ];
      for (const [step, promise] of steps.entries()) {
        seen.push(
          promise.then((value: unknown) => {
            settled.push(i * steps.length + step);
            return value;
          }),
        );
      }
    }
    const present = freshService(service, 'rr');
    const round = [undefined, present, 'EEXIST', undefined, null];
    assert.deepEqual(await Promise.all(seen), Array.from({ length: rounds }, () => round).flat());
    assert.deepEqual(
      settled,
      settled.map((_, index) => index),
    );
    assert.deepEqual(await savedTable(), []);
  });

  it('on two handles do not wait for each other', async () => {
    await fill(many(2000));
    await withIpvs(async (other) => {
      await Promise.all([ipvs.info(), other.info()]);
      const order: string[] = [];
      const dumps = Promise.all(Array.from({ length: 5 }, () => ipvs.listServices())).then(() =>
        order.push('dumps'),
      );
      const small = other.info().then(() => order.push('small'));
      await Promise.all([dumps, small]);
      assert.deepEqual(order, ['small', 'dumps']);
    });
  });

  it('a batch applies everything in order and reports each result, failures in the middle too', async () => {
    const destination = { address: '10.103.97.200', port: 6443 };
    const operations: IpvsOperation[] = [
      { kind: 'createService', service, config: rr },
      { kind: 'createDestination', service, destination, config: { weight: 5 } },
      { kind: 'createService', service, config: rr },
      { kind: 'createService', service: missing, config: { scheduler: 'nosuch' } },
      { kind: 'deleteService', service: missing },
      { kind: 'updateDestination', service, destination, config: { weight: 0 } },
      { kind: 'updateService', service, config: { scheduler: 'wrr' } },
      { kind: 'createDestination', service, destination: { address: '10.103.97.201', port: 1 }, config: {} },
      { kind: 'deleteDestination', service, destination: { address: '10.103.97.201', port: 1 } },
      { kind: 'deleteDestination', service, destination: { address: '10.103.97.201', port: 1 } },
    ];
    const results = await ipvs.batch(operations);
    assert.deepEqual(
      results.map((result) => (result.ok ? 'ok' : `${result.error.code} ${result.error.operation}`)),
      [
        'ok',
        'ok',
        'EEXIST createService',
        'ENOENT createService',
        'ESRCH deleteService',
        'ok',
        'ok',
        'ok',
        'ok',
        'ENOENT deleteDestination',
      ],
    );
    for (const result of results) if (!result.ok) assert.ok(result.error instanceof NetlinkError);
    assert.deepEqual(await savedTable(), [
      '-A -t 10.103.97.2:6443 -s wrr',
      '-a -t 10.103.97.2:6443 -r 10.103.97.200:6443 -m -w 0',
    ]);
  });

  it('an empty batch is no work', async () => {
    assert.deepEqual(await ipvs.batch([]), []);
  });

  it('a great batch keeps its place among the other requests', async () => {
    const services = Array.from({ length: many(1000) }, (_, index) =>
      tcp(`10.7.${index >> 8}.${index & 255}`, 80),
    );
    const created = ipvs.batch(
      services.map((each) => ({ kind: 'createService', service: each, config: rr })),
    );
    const listed = ipvs.listServices();
    const deleted = ipvs.batch(services.map((each) => ({ kind: 'deleteService', service: each })));
    const listedAfter = ipvs.listServices();
    assert.ok((await created).every(({ ok }) => ok));
    assert.deepEqual(textOf(await listed), services.map(keyText).sort());
    assert.ok((await deleted).every(({ ok }) => ok));
    assert.deepEqual(await listedAfter, []);
  });
});

describe('deadlines', () => {
  let ipvs: Ipvs;
  let all: string[];
  before(async () => {
    ipvs = Ipvs.open(patience);
    await ipvsadm('-C');
    all = await fill(many(2000));
    // The first request asks for the family; from here on each is only itself.
    await ipvs.info();
  });
  after(async () => {
    await ipvs.close();
    await ipvsadm('-C');
  });

  it('a dump that takes longer ends with ETIMEDOUT, and what it leaves behind answers no later request', async () => {
    for (let round = 0; round < 10; round++) {
      const error = await netlinkError(ipvs.listServices({ timeoutMs: 1 }), 'ETIMEDOUT', 'listServices');
      assert.equal(error.errno, 110);
      assert.equal((await ipvs.getService(tcp('10.8.1.243', 80)))?.scheduler, 'rr');
      assert.equal(await ipvs.getService(missing), null);
    }
    assert.deepEqual(textOf(await ipvs.listServices()), all);
  });

  it('waiting in the queue counts, and what timed out there is not carried out', async () => {
    const ahead = Array.from({ length: 5 }, () => ipvs.listServices());
    const reading = netlinkError(ipvs.getService(missing, { timeoutMs: 1 }), 'ETIMEDOUT', 'getService');
    const writing = netlinkError(
      ipvs.createService(missing, rr, { timeoutMs: 1 }),
      'ETIMEDOUT',
      'createService',
    );
    const batched = ipvs.batch(
      [
        { kind: 'createService', service: missing, config: rr },
        { kind: 'deleteService', service },
      ],
      { timeoutMs: 1 },
    );
    const behind = ipvs.getService(missing);
    await reading;
    await writing;
    assert.deepEqual(
      (await batched).map((result) => (result.ok ? 'ok' : `${result.error.code} ${result.error.operation}`)),
      ['ETIMEDOUT createService', 'ETIMEDOUT deleteService'],
    );
    assert.equal(await behind, null);
    for (const services of await Promise.all(ahead)) assert.equal(services.length, all.length);
    assert.equal((await ipvsadm('-S -n')).includes('10.9.9.9'), false);
  });

  it('a batch that runs out of time says which of its operations were carried out', async () => {
    const services = Array.from({ length: many(20_000) }, (_, index) =>
      tcp(`10.${64 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`, 80),
    );
    const results = await ipvs.batch(
      services.map((each) => ({ kind: 'createService', service: each, config: rr })),
      { timeoutMs: 50 },
    );
    const done = results.filter(({ ok }) => ok).length;
    assert.ok(done < services.length, 'the kernel was too fast for this test');
    const created = (await ipvs.listServices()).length - all.length;
    // The one that was under way may or may not have been carried out.
    assert.ok(created === done || created === done + 1, `${done} reported, ${created} created`);
    results.forEach((result, index) => {
      assert.equal(result.ok, index < done);
      assert.ok(result.ok || result.error.code === 'ETIMEDOUT');
    });
  });
});

describe('strangers', () => {
  let forger: Forger;
  let ipvs: Ipvs;
  let rtnetlink: Rtnetlink;
  before(async () => {
    forger = startForger();
    ipvs = Ipvs.open(patience);
    rtnetlink = Rtnetlink.open(patience);
    await ipvsadm('-C');
    await ipvsadm('-A -t 10.103.97.2:6443 -s rr');
  });
  after(async () => {
    await forger.stop();
    await ipvs.close();
    await rtnetlink.close();
    await ipvsadm('-C');
  });

  it('another process that sends what could be answers never answers an IPVS request', async () => {
    const expected = freshService(service, 'rr');
    await ipvs.info();
    // As `genl ctrl list` numbers it; only its place in the message matters here.
    const messageType = 0x1c;
    for (let round = 0; round < 40; round++) {
      // The handle counts its requests from one; each round makes three.
      const forged = await forger.forge({
        protocol: NETLINK_GENERIC,
        portId: ipvs.portId,
        firstSequence: Math.max(1, round * 3),
        lastSequence: round * 3 + 3,
        messageType,
      });
      // Connected to the kernel, the socket takes nothing from others.
      assert.equal(forged, 0);
      const [found, refusal, listed] = await Promise.all([
        ipvs.getService(service),
        netlinkError(ipvs.deleteService(missing), 'ESRCH', 'deleteService'),
        ipvs.listServices(),
      ]);
      assert.deepEqual(found, expected);
      assert.equal(refusal.errno, 3);
      assert.deepEqual(listed, [expected]);
    }
  });

  it('nor an rtnetlink request', async () => {
    const RTM_NEWADDR = 20;
    const expected = await rtnetlink.listAddresses();
    for (let round = 0; round < 40; round++) {
      await forger.forge({
        protocol: NETLINK_ROUTE,
        portId: rtnetlink.portId,
        firstSequence: Math.max(1, round * 3),
        lastSequence: round * 3 + 3,
        messageType: RTM_NEWADDR,
      });
      const [addresses, link] = await Promise.all([
        rtnetlink.listAddresses(),
        rtnetlink.findLink('lo'),
        netlinkError(rtnetlink.deleteLink(2147483647), 'ENODEV'),
      ]);
      assert.deepEqual(addresses, expected);
      assert.equal(link?.name, 'lo');
    }
  });

  it('while requests are under way', async () => {
    const requests = Array.from({ length: 200 }, () => ipvs.getService(service));
    for (let round = 0; round < 20; round++) {
      await forger.forge({
        protocol: NETLINK_GENERIC,
        portId: ipvs.portId,
        firstSequence: 120 + round * 10,
        lastSequence: 124 + round * 10,
        messageType: 0x1c,
      });
    }
    // A flood may leave the kernel's own answer no room: then the request says so. It is never answered wrongly.
    const expected = freshService(service, 'rr');
    let answered = 0;
    for (const result of await Promise.allSettled(requests)) {
      if (result.status === 'fulfilled') {
        assert.deepEqual(result.value, expected);
        answered += 1;
      } else {
        assert.ok(
          result.reason instanceof NetlinkError && result.reason.code === 'ENOBUFS',
          String(result.reason),
        );
      }
    }
    assert.ok(answered > 0);
  });
});

describe('tables that change while they are listed', () => {
  it('addresses: what stays is in every list, or the kernel was interrupted too often: EINTR', async () => {
    const rtnetlink = Rtnetlink.open(patience);
    await ip('link add churn0 type dummy');
    const stable = Array.from({ length: 400 }, (_, i) => `10.92.${i >> 8}.${i & 255}`);
    await ipBatch(stable.map((each) => `addr add ${each}/32 dev churn0`));
    const churner = startTool('ip', '-force', '-batch', '-');
    try {
      const closed = once(churner, 'close');
      const churn = Array.from(
        { length: many(1500) },
        () => 'addr add 10.91.0.1/32 dev churn0\naddr del 10.91.0.1/32 dev churn0\n',
      );
      churner.stdin.end(churn.join(''));
      const running = { yes: true };
      void closed.then(() => (running.yes = false));
      const interfaceIndexOfChurn = interfaceIndex('churn0');
      let listed = 0;
      do {
        try {
          const addresses = await rtnetlink.listAddresses({ interfaceIndex: interfaceIndexOfChurn });
          const found = addresses
            .map(({ address }) => address)
            .filter((address) => address.startsWith('10.92.'));
          assert.deepEqual([...found].sort(), [...stable].sort());
          listed += 1;
        } catch (error) {
          assert.ok(error instanceof NetlinkError && error.code === 'EINTR', String(error));
        }
      } while (running.yes);
      await closed;
      assert.ok(listed > 0);
      assert.equal((await rtnetlink.listAddresses({ interfaceIndex: interfaceIndexOfChurn })).length, 400);
    } finally {
      churner.kill();
      await ip('link delete churn0');
      await rtnetlink.close();
    }
  });

  it('services: every list is well-formed and of services that exist, and the table is whole afterwards', async () => {
    // IPVS marks no dump as interrupted (it has no generation number to know by) and counts rows to find its place
    // again, so that rows may be skipped or repeated when others come and go: nobody can assert more than this.
    await ipvsadm('-C');
    const stable = await fill(many(1000));
    const ipvs = Ipvs.open(patience);
    const lines = Array.from(
      { length: 500 },
      (_, i) => `-A -t 10.6.0.${i & 255}:80 -s rr\n-D -t 10.6.0.${i & 255}:80\n`,
    );
    const restorer = startTool('ipvsadm', '-R');
    try {
      const closed = once(restorer, 'close');
      restorer.stdin.end(lines.join(''));
      const running = { yes: true };
      void closed.then(() => (running.yes = false));
      const known = new Set(stable);
      do {
        const services = await ipvs.listServices();
        for (const { key, scheduler } of services) {
          assert.ok(
            known.has(keyText(key)) || ('address' in key && key.address.startsWith('10.6.0.')),
            keyText(key),
          );
          assert.equal(scheduler, 'rr');
        }
        // A single service is asked for by its key, and that is never wrong.
        assert.equal((await ipvs.getService(tcp('10.8.0.77', 80)))?.scheduler, 'rr');
      } while (running.yes);
      assert.deepEqual(textOf(await ipvs.listServices()), stable);
    } finally {
      restorer.kill();
      await ipvs.close();
      await ipvsadm('-C');
    }
  });
});
