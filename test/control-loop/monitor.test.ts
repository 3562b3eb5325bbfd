import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { Semaphore } from '../../src/async/semaphore.js';
import { Monitor, type Peers } from '../../src/control-loop/monitor.js';
import { FakeClock, settle } from './fake-clock.js';
import { A, FakeObserver, FakeProber, POLICY } from './stage.js';

const OTHERS: Peers = {
  firstProbes: new Semaphore(16),
  witnessedMs: () => null,
  askWitness: () => null,
  judged: () => undefined,
  suspected: () => undefined,
};

let stop = (): Promise<void> => Promise.resolve();
afterEach(() => stop());

/** A monitor of one server that runs on a fake clock, beside such others. */
async function monitoring(peers: Partial<Peers> = {}): Promise<{
  readonly monitor: Monitor;
  readonly clock: FakeClock;
  readonly prober: FakeProber;
  readonly observer: FakeObserver;
}> {
  const [clock, prober, observer] = [new FakeClock(), new FakeProber(), new FakeObserver()];
  const parts = { prober, clock, emit: observer.emit, random: () => 0.5 };
  const monitor = new Monitor(A, POLICY, parts, { ...OTHERS, ...peers });
  const ending = new AbortController();
  const running = monitor.run(ending.signal);
  stop = async () => {
    ending.abort();
    await running;
  };
  await settle();
  return { monitor, clock, prober, observer };
}

describe('a monitor', () => {
  it('probes once after a random part of the fast interval, and then in each interval', async () => {
    const { monitor, clock, prober } = await monitoring();
    await clock.advance(99);
    assert.equal(prober.probes.length, 0);
    await clock.advance(1);
    assert.equal(prober.probes.length, 1);
    assert.equal(monitor.health.state, 'up');
    await clock.advance(20_000);
    assert.equal(prober.probes.length, 5);
  });

  it('probes at the fast interval while one more probe may change the verdict', async () => {
    const { monitor, clock, prober, observer } = await monitoring();
    await clock.advance(3000);
    prober.answers.set(A.text, 'status');
    const before = prober.probes.length;
    await clock.advance(5500);
    assert.equal(monitor.health.state, 'sick');
    assert.ok(prober.probes.length >= before + 2);
    assert.deepEqual(observer.lines, [`${A.address} unknown to up`, `${A.address} up to sick`]);
  });

  it('probes at once when the kept connection is lost', async () => {
    const { clock, prober } = await monitoring();
    await clock.advance(1000);
    const before = prober.probes.length;
    prober.lose(A, null);
    await settle();
    assert.equal(prober.probes.length, before + 1);
  });

  it('waits for another server after a loss by silence, for 100 ms', async () => {
    const { clock, prober } = await monitoring();
    await clock.advance(1000);
    const before = prober.probes.length;
    prober.lose(A, { kind: 'silent', detail: 'keepalive' });
    await clock.advance(99);
    assert.equal(prober.probes.length, before);
    await clock.advance(1);
    assert.equal(prober.probes.length, before + 1);
  });

  it('follows losses at once four times in a row, and then once an interval', async () => {
    const { clock, prober } = await monitoring();
    await clock.advance(1000);
    const before = prober.probes.length;
    for (let time = 0; time < 4; time += 1) {
      prober.lose(A, null);
      await settle();
    }
    assert.equal(prober.probes.length, before + 4);
    prober.lose(A, null);
    await clock.advance(4000);
    assert.equal(prober.probes.length, before + 4);
    await clock.advance(1000);
    assert.ok(prober.probes.length > before + 4);
  });

  it('lets its first probe wait for its turn', async () => {
    const firstProbes = new Semaphore(1);
    const release = await firstProbes.acquire();
    const { clock, prober } = await monitoring({ firstProbes });
    await clock.advance(200);
    assert.equal(prober.probes.length, 0);
    release();
    await settle();
    assert.equal(prober.probes.length, 1);
  });

  it('asks for a witness when its server is late, but not when it is the witness of another one', async () => {
    let asked = 0;
    const askWitness = (): Promise<void> => {
      asked += 1;
      return Promise.resolve();
    };
    const { monitor, clock, prober } = await monitoring({ askWitness });
    await clock.advance(200);
    prober.answers.set(A.text, ['late', 'ok']);
    monitor.askAgain();
    await settle();
    assert.equal(asked, 1);
    monitor.probeNow();
    await settle();
    assert.equal(asked, 1);
  });

  it('ends with its signal, and closes its connection', async () => {
    const { clock, prober } = await monitoring();
    await clock.advance(200);
    prober.answers.set(A.text, 'hang');
    await clock.advance(10_000);
    assert.equal(prober.inFlight.size, 1);
    await stop();
    assert.equal(prober.inFlight.size, 0);
    assert.equal(prober.keptConnections, 0);
  });
});
