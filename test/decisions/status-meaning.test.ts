import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CARE_OPTIONS } from '../../src/config/options.js';
import { statusHint, statusMeaning } from '../../src/decisions/status-meaning.js';
import { cell, decisionTable } from './decision-tables.js';

describe('what a kube-apiserver means by a status', () => {
  const rows = decisionTable('statuses', 'troubleshooting.md');
  for (const row of rows) {
    const plain = (column: string): string => cell(row, column).replaceAll('`', '');
    it(`${plain('status')}: ${plain('what a kube-apiserver means')}`, () => {
      assert.deepEqual(statusMeaning(Number(plain('status'))), {
        means: plain('what a kube-apiserver means'),
        cure: plain('what to do') || null,
      });
    });
  }

  it('is only what the page says', () => {
    const told = Array.from({ length: 1000 }, (_, status) => status).filter(
      (one) => statusMeaning(one) !== null,
    );
    assert.deepEqual(
      told,
      rows.map((row) => Number(cell(row, 'status'))),
    );
  });

  it('names only options that lvscare has', () => {
    const flags = new Set<string>(CARE_OPTIONS.map(({ flag }) => `--${flag}`));
    const named = rows.flatMap((row) => cell(row, 'what to do').match(/--[a-z-]+/g) ?? []);
    assert.ok(named.length > 0);
    assert.deepEqual(
      named.filter((flag) => !flags.has(flag)),
      [],
    );
  });

  it('is one line: the meaning, and what to do if there is something', () => {
    assert.equal(statusHint(404), 'the server has no such path: check --health-path and --health-port');
    assert.equal(statusHint(429), 'the apiserver is overloaded, or shuts down, and rejects requests');
    for (const none of [null, undefined, 200, 418]) assert.equal(statusHint(none), null);
  });
});
