// Handles from birth to death. Reading rtnetlink needs neither IPVS nor root.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { timeLimit } from '../../lab/time-limit.js';
import { Ipvs, Rtnetlink } from '../../src/netlink/index.js';
import { childScript, runChild } from '../support/child.js';
import { netlinkError, netlinkSockets, openDescriptors, patience } from '../support/netlink.js';

describe('close', () => {
  it('waits for the work in flight and in the queue', async () => {
    const rtnetlink = Rtnetlink.open(patience);
    const order: string[] = [];
    const work = Array.from({ length: 50 }, () =>
      rtnetlink.listLinks().then((links) => {
        assert.ok(links.length > 0);
        order.push('answer');
      }),
    );
    await Promise.all([rtnetlink.close().then(() => order.push('closed')), ...work]);
    assert.deepEqual(order, [...Array.from({ length: 50 }, () => 'answer'), 'closed']);
  });

  it('gives the socket and every descriptor back', async () => {
    const first = Rtnetlink.open(patience);
    await first.listLinks();
    await first.close();
    const [sockets, descriptors] = [netlinkSockets(), openDescriptors()];
    const handles = Array.from({ length: 20 }, () => Rtnetlink.open(patience));
    assert.equal(netlinkSockets(), sockets + 20);
    await Promise.all(handles.map((handle) => handle.listLinks()));
    await Promise.all(handles.map((handle) => handle.close()));
    assert.equal(netlinkSockets(), sockets);
    assert.equal(openDescriptors(), descriptors);
  });

  it('a second close is harmless, at once or later', async () => {
    const rtnetlink = Rtnetlink.open(patience);
    void rtnetlink.listLinks();
    await Promise.all([rtnetlink.close(), rtnetlink.close()]);
    await rtnetlink.close();
    await rtnetlink[Symbol.asyncDispose]();
  });

  it('a handle closes at the end of its `await using` block', async () => {
    let outside: Rtnetlink;
    {
      await using rtnetlink = Rtnetlink.open(patience);
      outside = rtnetlink;
      assert.ok((await rtnetlink.listLinks()).length > 0);
    }
    await netlinkError(outside.listLinks(), 'ERR_CLOSED', 'listLinks');
  });

  it('use after close rejects, every method', async () => {
    const rtnetlink = Rtnetlink.open(patience);
    await rtnetlink.close();
    const address = { interfaceIndex: 1, address: '10.0.0.1', prefixLength: 32 };
    const route = {
      family: 'ipv4',
      destination: '10.0.0.1',
      prefixLength: 32,
      table: 254,
      type: 'local',
      metric: null,
      gateway: null,
      interfaceIndex: 1,
      preferredSource: null,
      protocol: 4,
      scope: 254,
    } as const;
    await netlinkError(rtnetlink.listLinks(), 'ERR_CLOSED', 'listLinks');
    await netlinkError(rtnetlink.findLink('lo'), 'ERR_CLOSED', 'findLink');
    await netlinkError(rtnetlink.createDummyLink('x'), 'ERR_CLOSED', 'createDummyLink');
    await netlinkError(rtnetlink.setLinkUp(1), 'ERR_CLOSED', 'setLinkUp');
    await netlinkError(rtnetlink.deleteLink(1), 'ERR_CLOSED', 'deleteLink');
    await netlinkError(rtnetlink.listAddresses(), 'ERR_CLOSED', 'listAddresses');
    await netlinkError(rtnetlink.addAddress(address), 'ERR_CLOSED', 'addAddress');
    await netlinkError(rtnetlink.deleteAddress(address), 'ERR_CLOSED', 'deleteAddress');
    await netlinkError(rtnetlink.listRoutes(), 'ERR_CLOSED', 'listRoutes');
    await netlinkError(rtnetlink.replaceRoute(route), 'ERR_CLOSED', 'replaceRoute');
    await netlinkError(rtnetlink.deleteRoute(route), 'ERR_CLOSED', 'deleteRoute');
    await netlinkError(rtnetlink.lookupRoute({ destination: '127.0.0.1' }), 'ERR_CLOSED', 'lookupRoute');

    const ipvs = Ipvs.open(patience);
    await ipvs.close();
    const service = { fwmark: 1, family: 'ipv4' } as const;
    const destination = { address: '10.0.0.1', port: 0 };
    const rr = { scheduler: 'rr' };
    await netlinkError(ipvs.info(), 'ERR_CLOSED', 'info');
    await netlinkError(ipvs.listServices(), 'ERR_CLOSED', 'listServices');
    await netlinkError(ipvs.getService(service), 'ERR_CLOSED', 'getService');
    await netlinkError(ipvs.createService(service, rr), 'ERR_CLOSED', 'createService');
    await netlinkError(ipvs.updateService(service, rr), 'ERR_CLOSED', 'updateService');
    await netlinkError(ipvs.deleteService(service), 'ERR_CLOSED', 'deleteService');
    await netlinkError(ipvs.listDestinations(service), 'ERR_CLOSED', 'listDestinations');
    await netlinkError(ipvs.createDestination(service, destination, {}), 'ERR_CLOSED', 'createDestination');
    await netlinkError(ipvs.updateDestination(service, destination, {}), 'ERR_CLOSED', 'updateDestination');
    await netlinkError(ipvs.deleteDestination(service, destination), 'ERR_CLOSED', 'deleteDestination');
    await netlinkError(ipvs.batch([{ kind: 'deleteService', service }]), 'ERR_CLOSED', 'batch');
  });

  it('a request that follows close() at once rejects, the one before it is answered', async () => {
    const rtnetlink = Rtnetlink.open(patience);
    const before = rtnetlink.listLinks();
    const closing = rtnetlink.close();
    await netlinkError(rtnetlink.listLinks(), 'ERR_CLOSED', 'listLinks');
    assert.ok((await before).length > 0);
    await closing;
  });
});

describe('file reads that hang', () => {
  it('do not stop requests, which have threads of their own', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'lvscare-test-'));
    const fifo = join(directory, 'fifo');
    execFileSync('mkfifo', [fifo]);
    // As many as the pool of libuv has threads, and more.
    const hanging = Array.from({ length: 8 }, () => open(fifo, 'r'));
    try {
      const handles = Array.from({ length: 3 }, () => Rtnetlink.open({ timeoutMs: timeLimit(5000) }));
      for (const link of await Promise.all(handles.map((handle) => handle.findLink('lo'))))
        assert.equal(link?.index, 1);
      await Promise.all(handles.map((handle) => handle.close()));
    } finally {
      // Opened for writing as well, it blocks neither this nor the others.
      const writer = openSync(fifo, 'r+');
      for (const file of await Promise.all(hanging)) await file.close();
      closeSync(writer);
      rmSync(directory, { recursive: true });
    }
  });
});

describe('port ids', () => {
  it('are those of the sockets, different for each handle', async () => {
    const handles = Array.from({ length: 5 }, () => Rtnetlink.open(patience));
    const portIds = handles.map(({ portId }) => portId);
    assert.equal(new Set(portIds).size, 5);
    assert.ok(portIds.every((portId) => Number.isInteger(portId) && portId > 0));
    await Promise.all(handles.map((handle) => handle.close()));
  });
});

describe('garbage collection', () => {
  it('takes handles dropped in the middle of work, and subscriptions, with their sockets', async () => {
    const { code, stdout, stderr } = await runChild('dropped', { nodeArgs: ['--expose-gc'] });
    assert.equal(code, 0, stderr);
    const { before, worst, after } = JSON.parse(stdout) as Record<
      'before' | 'worst' | 'after',
      { descriptors: number; sockets: number }
    >;
    assert.ok(worst.sockets >= before.sockets + 20, stdout);
    assert.deepEqual(after, before);
  });
});

describe('exit in the middle of work', () => {
  const repeats = 8;
  it(`process.exit() keeps its code, ${repeats} times`, async () => {
    const ended = { code: 7, signal: null, stdout: '', stderr: '' };
    for (let i = 0; i < repeats; i += 4) {
      const children = Array.from({ length: 4 }, () => runChild('exit', { args: ['exit'] }));
      assert.deepEqual(await Promise.all(children), [ended, ended, ended, ended]);
    }
  });

  it('an uncaught error is reported as ever', async () => {
    const { code, signal, stderr } = await runChild('exit', { args: ['throw'] });
    assert.deepEqual({ code, signal }, { code: 1, signal: null });
    assert.match(stderr, /Error: on purpose/);
  });

  it('terminating a busy worker leaves the main thread its answers', async () => {
    for (let i = 0; i < 3; i++) {
      const { code, signal, stderr } = await runChild('exit', { args: ['kill-worker'] });
      assert.deepEqual({ code, signal, stderr }, { code: 7, signal: null, stderr: '' });
    }
  });
});

describe('the process', () => {
  const ends = async (what: string): Promise<string> => {
    const { code, stdout, stderr } = await runChild('stays', { args: [what] });
    assert.equal(code, 0, stderr);
    return stdout;
  };
  it('is not kept alive by an open handle', async () => {
    assert.equal(await ends('handle'), '');
  });
  it('is not kept alive by a subscription without a waiting reader', async () => {
    assert.equal(await ends('subscription'), '');
  });
  it('is kept alive by someone who waits for an event, until the signal ends it', async () => {
    assert.equal(await ends('waiting'), 'still here\nended\n');
  });
  it('is kept alive by a request', async () => {
    assert.equal(await ends('request'), 'answered\n');
  });
});

describe('worker threads', () => {
  it('four at once, and the main thread, each with handles of their own', async () => {
    const workers = Array.from(
      { length: 4 },
      () => new Worker(childScript('busy-worker'), { workerData: 'once' }),
    );
    const exits = workers.map((worker) => once(worker, 'exit'));
    const rtnetlink = Rtnetlink.open(patience);
    for (let i = 0; i < 50; i++) assert.equal((await rtnetlink.findLink('lo'))?.index, 1);
    for (const [code] of (await Promise.all(exits)) as [number][]) assert.equal(code, 0);
    await rtnetlink.close();
  });

  it('terminated in the middle of work give their sockets back, and the main thread goes on', async () => {
    const rtnetlink = Rtnetlink.open(patience);
    await rtnetlink.listLinks();
    const [sockets, descriptors] = [netlinkSockets(), openDescriptors()];
    for (let round = 0; round < 3; round++) {
      const workers = Array.from({ length: 4 }, () => new Worker(childScript('busy-worker')));
      await Promise.all(workers.map((worker) => once(worker, 'message')));
      const asking = Array.from({ length: 50 }, () => rtnetlink.findLink('lo'));
      await Promise.all(workers.map((worker) => worker.terminate()));
      for (const link of await Promise.all(asking)) assert.equal(link?.index, 1);
    }
    assert.equal(netlinkSockets(), sockets);
    assert.equal(openDescriptors(), descriptors);
    await rtnetlink.close();
  });
});
