import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { yieldWhenDue } from '../../src/async/yield.js';
import { coalesce } from '../../src/async/coalesce.js';

/** Something that takes `tookMs` each time, on a clock of its own. */
function costly(tookMs: number): {
  now: () => number;
  pass: (ms: number) => void;
  made: number;
  ask: () => Promise<number>;
} {
  let nowMs = 0;
  const all = {
    now: () => nowMs,
    pass: (ms: number) => {
      nowMs += ms;
    },
    made: 0,
    ask: () => Promise.resolve(0),
  };
  all.ask = coalesce(all.now, async () => {
    all.made += 1;
    const number = all.made;
    await new Promise((resolve) => setImmediate(resolve));
    nowMs += tookMs;
    return number;
  });
  return all;
}

describe('what is shared', () => {
  it('is made once for all who ask at the same time', async () => {
    const thing = costly(0);
    assert.deepEqual(await Promise.all([thing.ask(), thing.ask(), thing.ask()]), [1, 1, 1]);
    assert.equal(await thing.ask(), 2, 'what took no time is made anew');
  });

  it('is given again for twenty times as long as it took', async () => {
    const thing = costly(10);
    await thing.ask();
    thing.pass(199);
    assert.equal(await thing.ask(), 1);
    thing.pass(1);
    assert.equal(await thing.ask(), 2);
  });

  it('is never older than five seconds', async () => {
    const thing = costly(1000);
    await thing.ask();
    thing.pass(4999);
    assert.equal(await thing.ask(), 1);
    thing.pass(1);
    assert.equal(await thing.ask(), 2);
  });

  it('is tried again after a failure', async () => {
    let fails = true;
    const ask = coalesce(
      () => 0,
      () => (fails ? Promise.reject(new Error('not now')) : Promise.resolve('there')),
    );
    await assert.rejects(ask(), /not now/);
    fails = false;
    assert.equal(await ask(), 'there');
  });
});

describe('a breather', () => {
  it('is taken once in a while, however often it is offered', async () => {
    let nowMs = 0;
    let pauses = 0;
    const breathe = yieldWhenDue(
      () => nowMs,
      () => {
        pauses += 1;
        nowMs += 100;
        return Promise.resolve();
      },
    );
    for (let work = 0; work < 30; work += 1) {
      nowMs += 1;
      await breathe();
    }
    assert.equal(pauses, 10);
  });
});
