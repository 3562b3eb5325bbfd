import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Turns } from '../../src/discovery/turns.js';
import { endpoint } from '../../src/values/endpoint.js';

const [a, b, c] = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((address) => endpoint('ipv4', address, 6443)) as [
  ReturnType<typeof endpoint>,
  ReturnType<typeof endpoint>,
  ReturnType<typeof endpoint>,
];

describe('the turns of apiservers', () => {
  it('begin with the best, and come to each', () => {
    const turns = new Turns(() => 0);
    const asked = Array.from({ length: 6 }, () => turns.next([b, a, c]));
    assert.deepEqual(asked, [b, a, c, b, a, c]);
    assert.equal(turns.next([]), null);
  });

  it('leave out those that failed, for 5 min, unless all did', () => {
    let nowMs = 0;
    const turns = new Turns(() => nowMs);
    const next = (): unknown => turns.next([a, b, c]);
    next();
    turns.failed(a);
    assert.deepEqual([next(), next(), next(), next()], [b, c, b, c]);
    for (const server of [b, c]) turns.failed(server);
    assert.equal(next(), a);
    nowMs = 5 * 60_000;
    assert.deepEqual([next(), next(), next()], [b, c, a]);
  });

  it('forget those that are no candidates any more', () => {
    const turns = new Turns(() => 0);
    turns.next([a]);
    turns.failed(a);
    turns.next([b]);
    turns.failed(b);
    turns.failed(c);
    assert.equal(turns.next([a, b]), a);
  });
});
