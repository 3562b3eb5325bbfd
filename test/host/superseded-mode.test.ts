import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { Work } from '../../src/control-loop/ports.js';
import { leftover } from '../../src/host/superseded-mode.js';

let there: Set<string>;
let log: string[];
let due: boolean;

function work(what: string): Work {
  return {
    find: () => Promise.resolve(there.has(what) ? what : null),
    remove: () => {
      log.push(`remove ${what}`);
      return Promise.resolve(there.delete(what) ? what : null);
    },
  };
}

const upkeep = (): ReturnType<typeof leftover> =>
  leftover(
    'earlier way',
    [work('link'), work('address')],
    () => Promise.resolve(due),
    () => {
      log.push('gone');
      return Promise.resolve();
    },
  );

beforeEach(() => {
  there = new Set(['link', 'address']);
  log = [];
  due = true;
});

describe('what is left from an earlier start', () => {
  it('is taken away, last made first, when what is wanted instead is there', async () => {
    const left = upkeep();
    due = false;
    assert.equal(await left.check(), null);
    due = true;
    assert.equal(await left.check(), 'link, from an earlier start');
    await left.mend();
    assert.deepEqual(log, ['remove address', 'remove link', 'gone']);
  });

  it('is none of our business once it was gone: who makes it again then is somebody else', async () => {
    const left = upkeep();
    await left.mend();
    there.add('link');
    assert.equal(await left.check(), null);
    assert.deepEqual([...there], ['link']);
  });

  it('is forgotten when there is nothing of it', async () => {
    there.clear();
    const left = upkeep();
    assert.equal(await left.check(), null);
    assert.equal(await left.check(), null);
    assert.deepEqual(log, ['gone']);
  });
});
