import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { EventDetails } from '../../src/control-loop/events.js';
import { MembershipKeeper } from '../../src/control-loop/membership-keeper.js';
import type { Discovery, DiscoveryResult, LastGoodList } from '../../src/control-loop/ports.js';
import type { HealthState } from '../../src/decisions/health.js';
import { endpoint, type Endpoint } from '../../src/values/endpoint.js';
import { FakeClock, settle } from './fake-clock.js';
import { A, B, C, VIRTUAL_SERVER } from './stage.js';

const D = endpoint('ipv4', '10.103.97.203', 6443);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const POLICY = { forgetAfterMs: 24 * HOUR, keepSeeds: true };

/** Lists as a test gives them, and the last good one. */
class Scene implements Discovery, LastGoodList {
  readonly clock = new FakeClock();
  readonly up = new Set([A, B, C].map(({ text }) => text));
  readonly events: EventDetails[] = [];
  readonly yielded: string[] = [];
  /** How often the lists were begun. */
  begun = 0;
  /** What the adapter was given to ask, the last time. */
  candidates: () => readonly Endpoint[] = () => [];
  saved: { readonly cluster: string; readonly servers: readonly Endpoint[] } | null = null;
  refusal: Error | null = null;
  unreadable: Error | null = null;
  /** The disk does not answer. */
  diskHangs = false;
  writes = 0;
  ca = 'ours';
  /** The lists do not end when they should. */
  hangs = false;
  /** What the lists throw. */
  fault: Error | null = null;
  #give: (result: DiscoveryResult | null) => void = () => undefined;
  readonly #ending = new AbortController();
  #following: Promise<void> = Promise.resolve();
  keeper: MembershipKeeper | null = null;

  async open(seeds: readonly Endpoint[] = [A], { saves = true, policy = POLICY } = {}): Promise<void> {
    this.keeper = await MembershipKeeper.open(seeds, policy, {
      discovery: this,
      lastGood: this,
      saves,
      scope: { family: 'ipv4', isVirtualServer: ({ text }) => text === VIRTUAL_SERVER.text },
      stateOf: ({ text }): HealthState => (this.up.has(text) ? 'up' : 'dead'),
      clock: this.clock,
      emit: (event) => this.events.push(event),
    });
    const { keeper } = this;
    this.#following = (async () => {
      for await (const members of keeper.changes(this.#ending.signal))
        this.yielded.push(members.map(({ server }) => server.address.slice(-3)).join(' '));
    })();
    await settle();
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#following;
  }

  cluster(): Promise<string> {
    return this.unreadable === null ? Promise.resolve(this.ca) : Promise.reject(this.unreadable);
  }

  async *lists(candidates: () => readonly Endpoint[], signal: AbortSignal): AsyncGenerator<DiscoveryResult> {
    this.begun += 1;
    this.candidates = candidates;
    if (this.fault !== null) throw this.fault;
    for (;;) {
      const result = await new Promise<DiscoveryResult | null>((resolve) => {
        this.#give = resolve;
        signal.addEventListener('abort', () => {
          if (!this.hangs) resolve(null);
        });
      });
      if (result === null) return;
      yield result;
    }
  }

  /** An apiserver gives its list. */
  async list(from: Endpoint, servers: readonly Endpoint[]): Promise<void> {
    this.#give({ kind: 'list', list: { servers, from, by: 'poll' } });
    await settle();
  }

  async fail(from: Endpoint | null, message: string): Promise<void> {
    this.#give({ kind: 'failed', from, error: new Error(message) });
    await settle();
  }

  /** The lists end without a word. */
  async end(): Promise<void> {
    this.#give(null);
    await settle();
  }

  read(
    cluster: string | null,
  ): Promise<{ readonly servers: readonly Endpoint[]; readonly savedAtMs: number } | null> {
    if (this.diskHangs) return new Promise(() => undefined);
    if (this.saved === null) return Promise.resolve(null);
    if (cluster !== null && this.saved.cluster !== cluster)
      return Promise.reject(new Error('of another cluster'));
    return Promise.resolve({ servers: this.saved.servers, savedAtMs: 5 });
  }

  write(cluster: string, servers: readonly Endpoint[]): Promise<void> {
    this.writes += 1;
    if (this.diskHangs) return new Promise(() => undefined);
    if (this.refusal !== null) return Promise.reject(this.refusal);
    this.saved = { cluster, servers };
    return Promise.resolve();
  }

  /** What happened since it was last asked, but for lists. */
  take(): string[] {
    return this.events
      .splice(0)
      .filter(({ kind }) => kind !== 'cluster-list')
      .map((event) => {
        const about = 'server' in event ? event.server.address.slice(-3) : '';
        const words =
          event.kind === 'cluster-list-ignored'
            ? event.what
            : event.kind === 'missing'
              ? String(event.missing)
              : 'error' in event
                ? event.error.message
                : event.kind === 'last-good-list'
                  ? (event.problem ?? 'used')
                  : '';
        return [event.kind, about, words].filter((part) => part !== '').join(' ');
      });
  }

  get members(): string {
    const texts = this.keeper?.members.map(({ server, source }) => `${server.address.slice(-3)} ${source}`);
    return texts?.join(', ') ?? '';
  }
}

let scene = new Scene();
afterEach(async () => {
  await scene.close();
  assert.equal(scene.clock.sleepers, 0, 'nothing goes on after the end');
  scene = new Scene();
});

describe('the members of a virtual server', () => {
  it('are those of --rs, until a list adds others: then they are yielded, and the list is saved', async () => {
    await scene.open();
    assert.equal(scene.members, '200 seed');
    await scene.list(A, [A, B, C]);
    assert.equal(scene.members, '200 seed, 201 discovered, 202 discovered');
    assert.deepEqual(scene.yielded, ['200 201 202']);
    assert.deepEqual(scene.take(), ['discovered 201', 'discovered 202']);
    assert.deepEqual(scene.saved, { cluster: 'ours', servers: [A, B, C] });
    await scene.list(B, [A, B, C]);
    assert.equal(scene.yielded.length, 1, 'the same again is no change');
  });

  it('begin with the saved list, and end without those that the cluster has lost for a day', async () => {
    scene.saved = { cluster: 'ours', servers: [B, C] };
    await scene.open();
    assert.deepEqual(scene.take(), ['last-good-list used']);
    assert.equal(scene.members, '200 seed, 201 last good, 202 last good');
    scene.up.delete(C.text);
    for (let ms = 0; ms < 24 * HOUR; ms += 5 * MINUTE) {
      await scene.list(A, [A, B]);
      await scene.list(B, [A, B]);
      await scene.clock.advance(5 * MINUTE);
    }
    assert.deepEqual(scene.take(), ['missing 202 true', 'forgotten 202']);
    assert.equal(scene.members, '200 seed, 201 discovered');
    await scene.list(A, [A, B]);
    assert.deepEqual(scene.saved.servers, [A, B]);
  });

  it('are those of --rs alone if the saved list is of another cluster', async () => {
    scene.saved = { cluster: 'theirs', servers: [B] };
    await scene.open();
    assert.deepEqual(scene.take(), ['last-good-list of another cluster']);
    assert.equal(scene.members, '200 seed');
  });

  it('are those of the saved list, too, while the kubeconfig cannot be read', async () => {
    scene.saved = { cluster: 'ours', servers: [B] };
    scene.unreadable = new Error('ENOENT');
    await scene.open();
    assert.deepEqual(scene.take(), ['last-good-list used']);
    assert.equal(scene.members, '200 seed, 201 last good');
  });

  it('stay as they are while no list is read, for however long, and after an empty one', async () => {
    await scene.open();
    await scene.list(A, [A, B, C]);
    scene.take();
    scene.up.clear();
    for (let ms = 0; ms < 72 * HOUR; ms += 10 * MINUTE) {
      await scene.fail(A, 'down');
      await scene.clock.advance(10 * MINUTE);
    }
    assert.deepEqual(new Set(scene.take()), new Set(['cluster-list-failed down']));
    await scene.list(A, []);
    assert.deepEqual(scene.take(), [
      'cluster-list-ignored the list is empty',
      'cluster-list-failed the list is empty',
    ]);
    assert.equal(scene.members, '200 seed, 201 discovered, 202 discovered');
  });

  it('do not follow one apiserver with a stale list', async () => {
    await scene.open();
    await scene.list(A, [A, B, C]);
    scene.take();
    for (let ms = 0; ms < 48 * HOUR; ms += 5 * MINUTE) {
      await scene.list(A, [A]);
      await scene.list(B, [A, B, C]);
      await scene.clock.advance(5 * MINUTE);
    }
    assert.deepEqual(scene.take(), []);
    assert.equal(scene.members, '200 seed, 201 discovered, 202 discovered');
  });

  it('drop one that the cluster removed and that still answers after 10 minutes', async () => {
    await scene.open();
    await scene.list(A, [A, B, C]);
    await scene.clock.advance(30 * MINUTE);
    scene.take();
    for (let ms = 0; ms < 11 * MINUTE; ms += MINUTE) {
      await scene.list(A, [A, B]);
      await scene.list(B, [A, B]);
      await scene.clock.advance(MINUTE);
    }
    assert.deepEqual(scene.take(), ['missing 202 true', 'forgotten 202']);
    assert.equal(scene.yielded.at(-1), '200 201');
  });

  it('are read again when a watch is stuck: no list and no error', async () => {
    await scene.open();
    await scene.list(A, [A, B]);
    await scene.clock.advance(HOUR);
    assert.ok(scene.begun >= 3, String(scene.begun));
    assert.equal(
      scene.take().at(-1),
      'cluster-list-failed no list and no error for 20 minutes; starting again',
    );
    await scene.list(B, [A, B, C]);
    assert.equal(scene.members, '200 seed, 201 discovered, 202 discovered');
  });

  it('end within a second, also when the lists do not', async () => {
    await scene.open();
    scene.hangs = true;
    const closing = scene.close();
    await settle();
    await scene.clock.advance(1000);
    await closing;
  });

  it('are read again when the lists end, or throw', async () => {
    await scene.open();
    await scene.end();
    scene.fault = new Error('a bug');
    await scene.clock.advance(10_000);
    assert.deepEqual(scene.take(), ['fault a bug']);
    scene.fault = null;
    await scene.clock.advance(10_000);
    await scene.list(A, [A, B]);
    assert.equal(scene.members, '200 seed, 201 discovered');
  });

  it('are saved again after a failure, such as a full disk', async () => {
    await scene.open();
    scene.refusal = new Error('ENOSPC');
    await scene.list(A, [A, B]);
    assert.deepEqual(scene.take(), ['discovered 201', 'state-not-saved ENOSPC']);
    assert.equal(scene.members, '200 seed, 201 discovered', 'they serve all the same');
    scene.refusal = null;
    await scene.list(A, [A, B]);
    assert.deepEqual(scene.saved, { cluster: 'ours', servers: [A, B] });
  });

  it('are followed also while the disk hangs, which is waited for 5 s, and written to once', async () => {
    scene.diskHangs = true;
    const opened = scene.open();
    await settle();
    await scene.clock.advance(5000);
    await opened;
    assert.deepEqual(scene.take(), ['last-good-list the disk did not answer in 5 s']);
    await scene.list(A, [A, B]);
    await scene.clock.advance(5000);
    assert.deepEqual(scene.take(), ['discovered 201', 'state-not-saved the disk did not answer in 5 s']);
    await scene.list(A, [A, B, C]);
    assert.equal(scene.members, '200 seed, 201 discovered, 202 discovered');
    assert.equal(scene.writes, 1);
  });

  it('are saved again under the new CA after it was rotated', async () => {
    await scene.open();
    await scene.list(A, [A, B]);
    scene.ca = 'ours, renewed';
    await scene.list(B, [A, B]);
    assert.equal(scene.saved?.cluster, 'ours, renewed');
  });

  it('are not saved in a dry run', async () => {
    await scene.open([A], { saves: false });
    await scene.list(A, [A, B]);
    assert.equal(scene.saved, null);
  });

  it('are asked for the list, the best first', async () => {
    await scene.open([A, B]);
    scene.up.delete(A.text);
    assert.deepEqual(scene.candidates(), [B]);
    await scene.list(B, [C]);
    assert.deepEqual(scene.candidates(), [B, C], 'A, which is down, is not asked');
    scene.up.clear();
    assert.deepEqual(scene.candidates(), [A, B, C]);
  });

  it('have what a new configuration adds to --rs, and lose what it removes', async () => {
    await scene.open([A, B]);
    await scene.list(A, [A, C]);
    scene.keeper?.configure([D], POLICY, scene);
    assert.equal(scene.members, '203 seed, 200 discovered, 202 discovered');
  });
});
