import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KernelChanges } from '../../src/control-loop/ports.js';
import { SharedKernelChanges } from '../../src/host/route-changes.js';
import { endpoint } from '../../src/values/endpoint.js';
import { settle } from '../control-loop/fake-clock.js';

const [FIRST, SECOND] = [6443, 9345].map((port) => endpoint('ipv4', '10.103.97.2', port)) as [
  ReturnType<typeof endpoint>,
  ReturnType<typeof endpoint>,
];
const OTHER = endpoint('ipv4', '10.103.97.3', 6443);

/** A kernel whose notifications are said by hand. */
class FakeNotifications {
  /** The addresses of the subscriptions that are open. */
  readonly open: string[] = [];
  readonly #next = new Map<string, (change: string | Error) => void>();

  readonly changesOf = ({ address }: typeof FIRST): KernelChanges => this.#changes(address);

  async say(address: string, change: string | Error): Promise<void> {
    this.#next.get(address)?.(change);
    await settle();
  }

  #changes(address: string): KernelChanges {
    const { open } = this;
    const heard = (signal: AbortSignal): Promise<string | Error | null> =>
      new Promise((resolve) => {
        this.#next.set(address, resolve);
        signal.addEventListener('abort', () => {
          resolve(null);
        });
      });
    return async function* (signal) {
      open.push(address);
      try {
        for (;;) {
          const change = signal.aborted ? null : await heard(signal);
          if (change === null) return;
          if (typeof change !== 'string') throw change;
          yield change;
        }
      } finally {
        open.splice(open.indexOf(address), 1);
      }
    };
  }
}

/** Follows the changes until the signal aborts, and keeps what came, and how it failed. */
async function follow(changes: KernelChanges, signal: AbortSignal, seen: string[]): Promise<void> {
  try {
    for await (const change of changes(signal)) seen.push(change);
  } catch (error) {
    seen.push((error as Error).message);
  }
}

describe('the notifications for the virtual servers of a process', () => {
  it('are one subscription for each address, as long as one of its virtual servers follows it', async () => {
    const kernel = new FakeNotifications();
    const shared = new SharedKernelChanges(kernel.changesOf);
    const ends = [new AbortController(), new AbortController(), new AbortController()];
    const seen: [string[], string[], string[]] = [[], [], []];
    const following = [FIRST, SECOND, OTHER].map((virtualServer, index) =>
      follow(shared.of(virtualServer), ends[index]?.signal ?? assert.fail(), seen[index] ?? assert.fail()),
    );
    await settle();
    assert.deepEqual(kernel.open, [FIRST.address, OTHER.address]);
    await kernel.say(FIRST.address, 'link eth0 changed');
    assert.deepEqual(seen, [['link eth0 changed'], ['link eth0 changed'], []]);
    ends[0]?.abort();
    await settle();
    assert.equal(kernel.open.length, 2);
    ends[1]?.abort();
    await settle();
    assert.deepEqual(kernel.open, [OTHER.address]);
    ends[2]?.abort();
    await Promise.all(following);
    assert.deepEqual(kernel.open, []);
  });

  it('fail for all that follow them, and begin anew with the first that follows them again', async () => {
    const kernel = new FakeNotifications();
    const shared = new SharedKernelChanges(kernel.changesOf);
    const ending = new AbortController();
    const seen: [string[], string[]] = [[], []];
    const following = [FIRST, SECOND].map((virtualServer, index) =>
      follow(shared.of(virtualServer), ending.signal, seen[index] ?? assert.fail()),
    );
    await settle();
    await kernel.say(FIRST.address, new Error('ENOBUFS'));
    await Promise.all(following);
    assert.deepEqual(seen, [['ENOBUFS'], ['ENOBUFS']]);
    assert.deepEqual(kernel.open, []);
    const again = follow(shared.of(SECOND), ending.signal, seen[1]);
    await settle();
    await kernel.say(FIRST.address, 'link eth0 changed');
    assert.deepEqual(seen[1], ['ENOBUFS', 'link eth0 changed']);
    ending.abort();
    await again;
  });
});
