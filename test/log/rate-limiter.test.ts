import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { LogRateLimiter } from '../../src/log/rate-limiter.js';

/** A limiter whose clock stands at `clock.nowMs`, and the messages that it told at info. */
function limiting(): { limiter: LogRateLimiter; clock: { nowMs: number }; take: () => string[] } {
  let told: string[] = [];
  const clock = { nowMs: 0 };
  const log = pino(
    { level: 'info', base: null },
    {
      write(line: string) {
        told.push((JSON.parse(line) as { msg: string }).msg);
      },
    },
  );
  const take = (): string[] => {
    const taken = told;
    told = [];
    return taken;
  };
  return { limiter: new LogRateLimiter(log, () => clock.nowMs), clock, take };
}

function tell(limiter: LogRateLimiter, topic: string, message: string): void {
  limiter.log({ level: 'info', fields: { event: 'note' }, message, topic });
}

describe('the log rate limiter', () => {
  it('lets the first twenty through, and then the last one each twenty seconds', () => {
    const { limiter, clock, take } = limiting();
    for (let count = 1; count <= 50; count += 1) tell(limiter, 'a', `${count}`);
    assert.deepEqual(
      take(),
      Array.from({ length: 20 }, (_, index) => `${index + 1}`),
    );
    clock.nowMs = 19_999;
    limiter.catchUp();
    assert.deepEqual(take(), []);
    clock.nowMs = 21_000;
    limiter.catchUp();
    assert.deepEqual(take(), ['50 (and 29 more before it)']);
    clock.nowMs = 300_000;
    limiter.catchUp();
    assert.deepEqual(take(), [], 'nothing is told twice');
  });

  it('logs nothing that is older than what it logged', () => {
    const { limiter, clock, take } = limiting();
    for (let count = 1; count <= 22; count += 1) tell(limiter, 'a', `${count}`);
    take();
    clock.nowMs = 20_000;
    tell(limiter, 'a', '23');
    clock.nowMs = 60_000;
    limiter.catchUp();
    assert.deepEqual(take(), ['23 (and 2 more before it)']);
  });

  it('keeps topics apart, and is generous again after a while', () => {
    const { limiter, clock, take } = limiting();
    for (let count = 1; count <= 30; count += 1) tell(limiter, 'a', 'a');
    tell(limiter, 'b', 'b');
    assert.equal(take().at(-1), 'b');
    clock.nowMs = 3_600_000;
    limiter.catchUp();
    take();
    clock.nowMs = 7_200_000;
    for (let count = 1; count <= 20; count += 1) tell(limiter, 'a', 'a');
    assert.equal(take().length, 20);
  });

  it('of all topics together lets a thousand servers be logged, and no flood', () => {
    const { limiter, clock, take } = limiting();
    for (let server = 1; server <= 1000; server += 1)
      for (let line = 0; line < 3; line += 1) tell(limiter, `${server}`, 'x');
    assert.equal(take().length, 3000);
    for (let server = 1; server <= 10_000; server += 1) tell(limiter, `other ${server}`, `${server}`);
    assert.equal(take().length, 2000);
    clock.nowMs = 3000;
    limiter.catchUp();
    assert.deepEqual(take(), ['10000 (and 7999 more before it)']);
  });

  it('logs what lasts once for each wording, until it is over', () => {
    const { limiter, take } = limiting();
    const failing = (words: string): void => {
      limiter.log({ level: 'info', fields: {}, message: words, once: { topic: 'a', words } });
    };
    for (const words of ['x', 'y', 'x', 'y']) failing(words);
    assert.deepEqual(take(), ['x', 'y']);
    assert.equal(limiter.clear('a'), true);
    assert.equal(limiter.clear('a'), false);
    failing('x');
    assert.deepEqual(take(), ['x']);
  });
});
