import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { abandoned } from '../../src/state/abandoned.js';
import { FakeClock } from '../control-loop/fake-clock.js';

let clock: FakeClock;
let held: boolean;
let stamp: string | null;
let isAbandoned: () => Promise<boolean>;

beforeEach(() => {
  clock = new FakeClock();
  held = false;
  stamp = 'first';
  const signs = { clock, isHeld: () => Promise.resolve(held), stamp: () => Promise.resolve(stamp) };
  isAbandoned = abandoned('first', signs);
});

/** Looks every second for so long; when it was first found abandoned, in seconds, or null. */
async function looked(seconds: number): Promise<number | null> {
  for (let second = 0; second <= seconds; second += 1) {
    if (await isAbandoned()) return second;
    await clock.advance(1000);
  }
  return null;
}

describe('an earlier virtual server', () => {
  it('is abandoned when nobody was at work on it for a minute', async () => {
    assert.equal(await looked(120), 60);
  });

  it('is so at the first look after that, if nobody looks more often', async () => {
    assert.equal(await isAbandoned(), false);
    await clock.advance(3_600_000);
    assert.equal(await isAbandoned(), true);
  });

  it('is not while another lvscare is at work on it, nor ever after', async () => {
    held = true;
    assert.equal(await looked(120), null);
    held = false;
    assert.equal(await looked(600), null);
  });

  for (const downS of [1, 30, 59]) {
    it(`is not when its lvscare restarts together with us, and comes back ${downS} s later`, async () => {
      assert.equal(await looked(downS - 1), null);
      held = true;
      stamp = 'second';
      assert.equal(await looked(120), null);
    });
  }

  it('is not when its lvscare was there between two looks', async () => {
    assert.equal(await isAbandoned(), false);
    await clock.advance(20_000);
    stamp = 'second';
    await clock.advance(3_600_000);
    assert.equal(await isAbandoned(), false, 'it is down now, and was not all the time');
    assert.equal(await looked(600), null);
  });

  it('is not ours to take away when somebody else has done so', async () => {
    stamp = null;
    assert.equal(await looked(120), null);
  });
});
