// 10,000 cycles of creation and deletion leave nothing behind: no memory, no sockets, no descriptors.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runChild } from '../support/child.js';
import { sanitized } from '../support/netlink.js';
import { ipvsadm, savedTable } from '../support/tools.js';

interface Held {
  readonly rss: number;
  readonly heap: number;
  readonly descriptors: number;
  readonly sockets: number;
}

const KiB = 1024;

describe(sanitized ? '1,000 cycles' : '10,000 cycles', () => {
  it('of service creation and deletion: nothing grows', async () => {
    await ipvsadm('-C');
    const { code, stdout, stderr } = await runChild('cycles', {
      // V8's young generation would grow to its limit in the middle: keep it small from the start.
      nodeArgs: ['--expose-gc', '--max-semi-space-size=1'],
    });
    assert.equal(code, 0, stderr);
    const held = JSON.parse(stdout) as Held[];
    const [first] = held;
    const last = held.at(-1);
    assert.ok(first !== undefined && last !== undefined && held.length === 11);
    assert.deepEqual(await savedTable(), []);

    assert.equal(last.sockets, first.sockets);
    // The descriptor of the last subscription may wait for the next turn of the event loop.
    for (const each of held) assert.ok(Math.abs(each.descriptors - first.descriptors) <= 1, stdout);
    // A tenth of what one forgotten JavaScript object or libnl message per cycle would make. Between two of these are 1,000
    // cycles, with sanitizers 100.
    assert.ok(growth(held.map(({ heap }) => heap)) < (256 / 10) * KiB, stdout);
    // AddressSanitizer keeps freed memory for a while (its quarantine), so that RSS says nothing there.
    if (!sanitized) {
      // 1 KiB per cycle: a forgotten libnl message has a page of 4 KiB. V8 and malloc alone make up to a third of it.
      assert.ok(growth(held.map(({ rss }) => rss)) < KiB * 1000, stdout);
    }
  });
});

/**
 * The median of what each value is above the one before it. A leak adds to most of them; V8 takes a few MB at once, and that two
 * or three times.
 */
function growth(values: readonly number[]): number {
  const differences = values.slice(1).map((value, index) => value - (values[index] ?? NaN));
  return differences.toSorted((one, other) => one - other)[Math.floor(differences.length / 2)] ?? NaN;
}
