import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { Work } from '../../src/control-loop/ports.js';
import { supersededMode } from '../../src/host/superseded-mode.js';

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

const resource = (): ReturnType<typeof supersededMode> =>
  supersededMode(
    { mode: 'link', iface: 'one' },
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

describe('the superseded mode', () => {
  it('is removed in reverse order, but only when the current mode is set up', async () => {
    const left = resource();
    due = false;
    assert.equal(await left.verify(), null);
    due = true;
    assert.equal(await left.verify(), 'link, from an earlier start');
    await left.repair();
    assert.deepEqual(log, ['remove address', 'remove link', 'gone']);
  });

  it('is left alone once it was gone: then another program created it again', async () => {
    const left = resource();
    await left.repair();
    there.add('link');
    assert.equal(await left.verify(), null);
    assert.deepEqual([...there], ['link']);
  });

  it('is dropped from the record when there is nothing of it', async () => {
    there.clear();
    const left = resource();
    assert.equal(await left.verify(), null);
    assert.equal(await left.verify(), null);
    assert.deepEqual(log, ['gone']);
  });
});
