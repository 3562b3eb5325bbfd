import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpoint } from '../../src/values/endpoint.js';
import { gatherStatus, knowsAnything, type Asked } from '../../src/status/gather.js';
import { isStatus } from '../../src/status/shape.js';
import type { CountedTable } from '../../src/values/counters.js';
import type { Status } from '../../src/status/status.js';

const VS = endpoint('ipv4', '10.103.97.2', 6443);
const A = endpoint('ipv4', '10.0.0.1', 6443);
const KERNEL: CountedTable = { scheduler: 'rr', flags: '', traffic: null, destinations: [] };

/** What is gathered of one virtual server when its sources say so. */
async function gather(
  asked: Asked,
  kernel: CountedTable | Error | null,
): Promise<Status & { readonly one: Status['virtualServers'][number] }> {
  const status = await gatherStatus([VS], {
    nowMs: () => 7,
    ask: () => Promise.resolve(asked),
    kernel: () => (kernel instanceof Error ? Promise.reject(kernel) : Promise.resolve(kernel)),
    drained: () => Promise.resolve([{ server: A.text, sinceMs: 3 }]),
  });
  const [one] = status.virtualServers;
  assert.ok(one !== undefined);
  return { ...status, one };
}

function answered(virtualServer = VS.text): Asked {
  const one = {
    virtualServer,
    lvscare: 'answers',
    program: null,
    care: null,
    kernel: KERNEL,
    drained: [],
    notes: [],
  } as const;
  return { kind: 'answered', status: { atMs: 5, virtualServers: [one] } };
}

describe('the status of a virtual server', () => {
  it('is what its lvscare says, where that can be asked', async () => {
    const { atMs, one } = await gather(answered(), new Error('nobody is to ask the kernel'));
    assert.deepEqual([atMs, one.lvscare, one.kernel, one.notes], [7, 'answers', KERNEL, []]);
  });

  it('is what the kernel has, where none is running', async () => {
    const { one } = await gather({ kind: 'none' }, KERNEL);
    assert.deepEqual([one.lvscare, one.kernel, one.care], ['none', KERNEL, null]);
    assert.deepEqual(one.drained, [{ server: A.text, sinceMs: 3 }]);
    assert.deepEqual(one.notes, ['no lvscare is running; this is what the kernel has']);
  });

  it('says why its lvscare does not answer, or that it manages others', async () => {
    const { one } = await gather({ kind: 'silent', why: 'it is asleep' }, KERNEL);
    assert.deepEqual(
      [one.lvscare, one.notes],
      ['silent', ['its lvscare does not answer: it is asleep; this is what the kernel has']],
    );
    const other = await gather(answered('10.103.97.3:6443'), KERNEL);
    assert.equal(other.one.lvscare, 'silent');
  });

  it('has something if there is either, and nothing if there is neither', async () => {
    assert.equal(knowsAnything(await gather(answered(), null)), true);
    assert.equal(knowsAnything(await gather({ kind: 'none' }, KERNEL)), true);
    const none = await gather({ kind: 'none' }, null);
    assert.equal(knowsAnything(none), false);
    assert.equal(none.one.notes.at(-1), 'the kernel has no such virtual server');
    const unreadable = await gather({ kind: 'none' }, new Error('not permitted'));
    assert.equal(knowsAnything(unreadable), false);
    assert.equal(unreadable.one.notes.at(-1), 'not permitted');
    assert.equal(knowsAnything({ atMs: 7, virtualServers: [] }), false);
  });

  it('is distinguished from other values', async () => {
    const { atMs, virtualServers } = await gather({ kind: 'none' }, KERNEL);
    assert.equal(isStatus({ atMs, virtualServers }), true);
    for (const other of [null, 7, 'x', [], {}, { atMs }])
      assert.equal(isStatus(other), false, JSON.stringify(other));
  });
});
