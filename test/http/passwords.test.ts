import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Passwords, type PasswordVerdict } from '../../src/http/passwords.js';
import { FakeClock } from '../control-loop/fake-clock.js';

const USERS = new Map([
  ['prometheus', 'secret'],
  ['other', 'other secret'],
]);
const basic = (credentials: string): string => `Basic ${Buffer.from(credentials).toString('base64')}`;
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Comparisons that end when the test says so: a hash is the password that it is of. */
class Bench {
  readonly clock = new FakeClock();
  readonly begun: string[] = [];
  readonly passwords = new Passwords(
    (password, hash) => {
      this.begun.push(`${password} with ${hash}`);
      return new Promise((resolve) => {
        this.#ending = () => {
          resolve(password === hash);
        };
      });
    },
    this.clock,
    new AbortController().signal,
  );
  #ending = (): void => undefined;

  check(credentials: string, address = '10.0.0.1', users = USERS): Promise<PasswordVerdict> {
    return this.passwords.check(users, basic(credentials), address);
  }

  /** Ends the comparison that is under way, after so long. */
  async end(tookMs = 100): Promise<void> {
    await settled();
    await this.clock.advance(tookMs);
    this.#ending();
    await settled();
  }
}

describe('passwords', () => {
  it('are compared once: what was right needs no second comparison, until its hash changes', async () => {
    const bench = new Bench();
    const first = bench.check('prometheus:secret');
    await bench.end();
    assert.equal(await first, 'right');
    assert.equal(await bench.check('prometheus:secret'), 'right');
    assert.equal(bench.begun.length, 1);
    const changed = bench.check('prometheus:secret', '10.0.0.1', new Map([['prometheus', 'new']]));
    await bench.end();
    assert.equal(await changed, 'wrong');
  });

  it('that were right are wrong when the user is removed, although another user has the same hash', async () => {
    const bench = new Bench();
    const first = bench.check('prometheus:secret');
    await bench.end();
    assert.equal(await first, 'right');
    const removed = bench.check('prometheus:secret', '10.0.0.1', new Map([['scraper', 'secret']]));
    await bench.end();
    assert.equal(await removed, 'wrong');
  });

  it('are wrong for another user, an unknown one and with a wrong one, each after a comparison', async () => {
    for (const credentials of ['other:secret', 'nobody:secret', 'prometheus:x', 'prometheus:', ':secret']) {
      const bench = new Bench();
      const verdict = bench.check(credentials);
      await bench.end();
      assert.equal(await verdict, 'wrong', credentials);
      assert.equal(bench.begun.length, 1, credentials);
    }
  });

  it('are wrong without a comparison if there are none', async () => {
    const bench = new Bench();
    for (const header of [null, '', 'Basic', 'Basic !', 'Bearer c2VjcmV0', `Basic ${btoa('secret')}`])
      assert.equal(await bench.passwords.check(USERS, header, '10.0.0.1'), 'wrong', String(header));
    assert.deepEqual(bench.begun, []);
  });

  it('may have colons and letters of every language', async () => {
    const bench = new Bench();
    const users = new Map([['prometheus', 'a:ü:']]);
    const verdict = bench.check('prometheus:a:ü:', '10.0.0.1', users);
    await bench.end();
    assert.equal(await verdict, 'right');
  });

  it('are compared one after the other, and after a wrong one the next waits four times as long as it took', async () => {
    const bench = new Bench();
    const wrong = bench.check('prometheus:x', '10.0.0.1');
    const right = bench.check('prometheus:secret', '10.0.0.2');
    await bench.end(100);
    assert.equal(await wrong, 'wrong');
    assert.equal(bench.begun.length, 1);
    await bench.clock.advance(399);
    await settled();
    assert.equal(bench.begun.length, 1);
    await bench.clock.advance(1);
    await bench.end();
    assert.equal(await right, 'right');
  });

  it('wait a second at most after a wrong one, also where a comparison took long', async () => {
    const bench = new Bench();
    void bench.check('prometheus:x', '10.0.0.1');
    const right = bench.check('prometheus:secret', '10.0.0.2');
    await bench.end(3000);
    await bench.clock.advance(1000);
    await bench.end();
    assert.equal(await right, 'right');
  });

  it('wait once for each address, and for 16 addresses at most: the others are busy, and cost nothing', async () => {
    const bench = new Bench();
    void bench.check('prometheus:x');
    const waiting = bench.check('prometheus:y', '10.0.0.2');
    assert.equal(await bench.check('prometheus:z', '10.0.0.2'), 'busy');
    for (let last = 3; last < 18; last += 1) void bench.check(`prometheus:${last}`, `10.0.0.${last}`);
    assert.equal(await bench.check('prometheus:z', '10.0.1.1'), 'busy');
    await bench.end();
    await bench.clock.advance(400);
    await bench.end();
    assert.equal(await waiting, 'wrong');
    assert.equal(bench.begun.length, 2);
  });

  it('that are the same and come at the same time are compared once', async () => {
    const bench = new Bench();
    const verdicts = Promise.all([1, 2, 3].map(() => bench.check('prometheus:secret')));
    await bench.end();
    assert.deepEqual(await verdicts, ['right', 'right', 'right']);
    assert.equal(bench.begun.length, 1);
  });

  it('that cannot be compared are a failure, and the next one is compared', async () => {
    const clock = new FakeClock();
    let fails = true;
    const passwords = new Passwords(
      () => (fails ? Promise.reject(new Error('no thread')) : Promise.resolve(true)),
      clock,
      new AbortController().signal,
    );
    await assert.rejects(passwords.check(USERS, basic('prometheus:secret'), '10.0.0.1'), /no thread/);
    fails = false;
    await clock.advance(0);
    assert.equal(await passwords.check(USERS, basic('prometheus:secret'), '10.0.0.1'), 'right');
  });
});
