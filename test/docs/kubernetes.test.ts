// docs/kubernetes.md has a row for each scenario that the tests play, and no other.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

describe('the table in docs/kubernetes.md', () => {
  const page = readFileSync(`${ROOT}/docs/kubernetes.md`, 'utf8');
  const table = /<!-- table: kubernetes -->([^]*)<!-- end -->/.exec(page)?.[1] ?? '';
  const rows = [...table.matchAll(/^\| ([^|]*?) +\|/gm)].map(([, title = '']) => title).slice(2);
  const titles = readdirSync(`${ROOT}/test/kubernetes`)
    .filter((name) => name.endsWith('.kubernetes.test.ts'))
    .flatMap((name) => {
      const text = readFileSync(`${ROOT}/test/kubernetes/${name}`, 'utf8');
      return [...text.matchAll(/stage\.(?:play|record)\(\s*(['`])([^]*?)\1/g)].map(
        ([, , title = '']) => title,
      );
    });

  it('has a row for each scenario', () => {
    for (const title of titles)
      assert.ok(
        rows.some((row) => matches(title, row)),
        `no row for: ${title}`,
      );
  });

  it('has no row for a scenario that is gone', () => {
    for (const row of rows)
      assert.ok(
        titles.some((title) => matches(title, row)),
        `no scenario for: ${row}`,
      );
  });
});

/** A title may be a template: what it inserts may be anything. */
function matches(title: string, row: string): boolean {
  const parts = title.split(/\$\{\w+\}/).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.+')}$`).test(row);
}
