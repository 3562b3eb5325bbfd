import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AsyncQueue } from '../../src/async/queue.js';
import { shareStream } from '../../src/async/share-stream.js';
import { settle } from '../control-loop/fake-clock.js';

/** A stream that counts how often it is open, and its consumers. */
class Source {
  opened = 0;
  open = 0;
  #values = new AsyncQueue<number | Error>();

  readonly stream = shareStream<number>((signal) => this.#open(signal));

  emit(value: number | Error): Promise<void> {
    this.#values.add(value);
    return settle();
  }

  async *#open(signal: AbortSignal): AsyncGenerator<number> {
    this.opened += 1;
    this.open += 1;
    const values = new AsyncQueue<number | Error>();
    this.#values = values;
    const ended = new Promise<null>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve(null);
      });
    });
    try {
      for (;;) {
        const value = await Promise.race([ended, values.next()]);
        if (value === null) return;
        if (value instanceof Error) throw value;
        yield value;
      }
    } finally {
      this.open -= 1;
    }
  }
}

/** Consumes a stream; what came, and how it ended. */
function consume(source: Source): { readonly seen: (number | string)[]; readonly stop: () => Promise<void> } {
  const ending = new AbortController();
  const seen: (number | string)[] = [];
  const run = async (): Promise<void> => {
    try {
      for await (const value of source.stream(ending.signal)) seen.push(value);
      seen.push('ended');
    } catch (error) {
      seen.push((error as Error).message);
    }
  };
  void run();
  return {
    seen,
    stop() {
      ending.abort();
      return settle();
    },
  };
}

describe('a shared stream', () => {
  it('is opened once for all, and ends with the last consumer', async () => {
    const source = new Source();
    const [one, other] = [consume(source), consume(source)];
    await source.emit(1);
    assert.equal(source.opened, 1);
    await one.stop();
    await source.emit(2);
    assert.deepEqual(one.seen, [1, 'ended']);
    assert.deepEqual(other.seen, [1, 2]);
    assert.equal(source.open, 1);
    await other.stop();
    assert.equal(source.open, 0);
    const third = consume(source);
    await source.emit(3);
    assert.deepEqual(third.seen, [3]);
    assert.equal(source.opened, 2);
    await third.stop();
    assert.equal(source.open, 0);
  });

  it("has its error be every consumer's, and is opened anew by the next one", async () => {
    const source = new Source();
    const [one, other] = [consume(source), consume(source)];
    await source.emit(new Error('overrun'));
    assert.deepEqual([one.seen, other.seen], [['overrun'], ['overrun']]);
    const next = consume(source);
    await source.emit(4);
    assert.deepEqual(next.seen, [4]);
    assert.equal(source.opened, 2);
    await next.stop();
  });

  it('is not opened for a consumer that has ended already', async () => {
    const source = new Source();
    for await (const _value of source.stream(AbortSignal.abort())) assert.fail('nothing comes');
    assert.equal(source.opened, 0);
  });
});
