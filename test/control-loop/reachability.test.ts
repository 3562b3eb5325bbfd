import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventDetails } from '../../src/control-loop/events.js';
import type { InconclusiveProbe } from '../../src/control-loop/ports.js';
import { Reachability } from '../../src/control-loop/reachability.js';
import type { Evidence, EvidenceKind } from '../../src/values/evidence.js';
import { FakeClock } from './fake-clock.js';
import { A, Stage } from './stage.js';

const POLICY = { intervalMs: 5000, fastIntervalMs: 200 };
const CHANGED: EventDetails = {
  kind: 'node-address',
  address: '10.103.97.100',
  from: 'a test',
  gone: null,
};

type Answer = EvidenceKind | 'inconclusive' | 'throw' | 'hang';

/** The probe of a virtual server that answers as it is told, and how long after the start each probe began. */
class Scene {
  readonly clock = new FakeClock();
  answer: Answer = 'ok';
  readonly probedMs: number[] = [];
  readonly said: (string | null)[] = [];
  readonly faults: string[] = [];
  readonly reachability: Reachability;
  readonly #startMs = this.clock.now();
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;

  /** @param random Of the jitter: 0.5 is none, and the middle of the time within which a change is followed. */
  constructor(random = 0.5) {
    this.reachability = new Reachability(POLICY, {
      virtualServerProbe: (signal) => this.#probe(signal),
      clock: this.clock,
      random: () => random,
      emit: (event) => {
        if (event.kind === 'reachability') this.said.push(event.reason);
        if (event.kind === 'fault') this.faults.push(`${event.where}: ${event.error.message}`);
      },
    });
    this.#running = this.reachability.run(this.#ending.signal);
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
    assert.equal(this.clock.sleepers, 0);
  }

  async #probe(signal: AbortSignal): Promise<Evidence | InconclusiveProbe> {
    this.probedMs.push(this.clock.now() - this.#startMs);
    await new Promise((resolve) => setImmediate(resolve));
    const { answer } = this;
    if (answer === 'throw') throw new Error('a bug');
    if (answer === 'hang') {
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          resolve();
        });
      });
      return { kind: 'silent', detail: 'late' };
    }
    return { kind: answer, detail: 'as told' };
  }
}

describe('the reachability of the virtual server', () => {
  it('is probed each minute while clients reach it, and reported once', async () => {
    const scene = new Scene();
    await scene.clock.advance(200_000);
    assert.deepEqual(scene.probedMs, [60_000, 120_000, 180_000]);
    assert.deepEqual(scene.said, [null]);
    await scene.stop();
  });

  it('is probed within an interval after a change, once for changes that follow each other', async () => {
    const scene = new Scene();
    scene.reachability.observe(CHANGED);
    await scene.clock.advance(1000);
    scene.reachability.observe(CHANGED);
    await scene.clock.advance(10_000);
    assert.deepEqual(scene.probedMs, [3000]);
    await scene.stop();
  });

  it('is probed at a time of its own on each node', async () => {
    const times: number[][] = [];
    for (const random of [0, 0.999]) {
      const scene = new Scene(random);
      scene.reachability.observe(CHANGED);
      await scene.clock.advance(80_000);
      times.push(scene.probedMs.map(Math.round));
      await scene.stop();
    }
    assert.deepEqual(times, [
      [1000, 55_000],
      [4996, 70_984],
    ]);
  });

  it('is reported lost after two failures in a row, and back after one answer', async () => {
    const scene = new Scene();
    await scene.clock.advance(60_000);
    scene.answer = 'silent';
    await scene.clock.advance(60_100);
    assert.deepEqual(scene.said, [null], 'one failure may be that of a server that has just failed');
    await scene.clock.advance(200);
    assert.deepEqual(scene.said, [null, 'silent, as told']);
    await scene.clock.advance(11_000);
    scene.answer = 'slow';
    await scene.clock.advance(5000);
    scene.answer = 'ok';
    await scene.clock.advance(5000);
    assert.deepEqual(scene.said, [null, 'silent, as told', 'slow, as told', null]);
    assert.deepEqual(scene.probedMs, [60_000, 120_000, 120_200, 125_200, 130_200, 135_200, 140_200]);
    await scene.stop();
  });

  it('forgets a single failure', async () => {
    const scene = new Scene();
    await scene.clock.advance(60_000);
    for (let time = 0; time < 3; time += 1) {
      scene.answer = 'refused';
      await scene.clock.advance(60_000);
      scene.answer = 'ok';
      await scene.clock.advance(200);
    }
    assert.deepEqual(scene.said, [null]);
    await scene.stop();
  });

  it('is given with any status, since the answer came the whole way', async () => {
    const scene = new Scene();
    scene.answer = 'status';
    await scene.clock.advance(60_000);
    assert.deepEqual(scene.said, [null]);
    await scene.stop();
  });

  it('is not judged by a fault of this node, nor by a bug', async () => {
    const scene = new Scene();
    scene.answer = 'inconclusive';
    await scene.clock.advance(62_000);
    scene.answer = 'throw';
    await scene.clock.advance(5000);
    assert.deepEqual(scene.said, []);
    assert.deepEqual(scene.probedMs, [60_000, 65_000]);
    assert.deepEqual(scene.faults, ['probe of the virtual server: a bug']);
    await scene.stop();
  });

  it('is not lost at the start while the kernel is not ready yet', async () => {
    const scene = new Scene();
    scene.answer = 'silent';
    scene.reachability.observe(CHANGED);
    await scene.clock.advance(20_000);
    scene.answer = 'ok';
    await scene.clock.advance(5000);
    assert.deepEqual(scene.probedMs, [3000, 8000, 13_000, 18_000, 23_000]);
    assert.deepEqual(scene.said, [null]);
    await scene.stop();
  });

  it('is lost from the start after five failures, an interval apart', async () => {
    const scene = new Scene();
    scene.answer = 'refused';
    scene.reachability.observe(CHANGED);
    await scene.clock.advance(22_900);
    assert.deepEqual(scene.said, []);
    await scene.clock.advance(200);
    assert.deepEqual(scene.said, ['refused, as told']);
    await scene.stop();
  });

  it('is not reported by a probe that the end interrupts', async () => {
    const scene = new Scene();
    scene.answer = 'hang';
    await scene.clock.advance(60_000);
    await scene.stop();
    assert.deepEqual(scene.said, []);
  });
});

describe('the control loop', () => {
  it('has the virtual server probed soon after it changed the table, and removes no server because of it', async () => {
    const stage = new Stage();
    let probes = 0;
    stage.virtualServerProbe = () => {
      probes += 1;
      return Promise.resolve({ kind: 'silent', detail: 'a firewall' });
    };
    const said: (string | null)[] = [];
    stage.audience = [
      (event) => {
        if (event.kind === 'reachability') said.push(event.reason);
      },
    ];
    await stage.start();
    const { rows } = stage;
    await stage.clock.advance(30_000);
    assert.deepEqual(said, ['silent, a firewall']);
    assert.deepEqual(stage.rows, rows);
    const before = probes;
    stage.answer(A, 'refused');
    await stage.clock.advance(20_000);
    assert.ok(probes >= before + 4, 'each interval while it is lost');
    await stage.stop();
  });
});
