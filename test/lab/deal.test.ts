// scripts/lib/deal, by which scripts/test deals the files of the kernel suite to two guests.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { must } from '../../lab/run.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const WEIGHTS = join(ROOT, 'scripts/lib/test-weights');

const compiled = (name: string): string => `dist/test/${name}.kernel.test.js`;

describe('the dealing of test files', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'deal-test-'));
  });
  after(() => {
    rmSync(directory, { recursive: true });
  });

  /** Both shares of some files. */
  async function deal(
    names: readonly string[],
    weights: Readonly<Record<string, number>>,
  ): Promise<string[][]> {
    const file = join(directory, 'weights');
    const lines = Object.entries(weights).map(([name, weight]) => `${weight} test/${name}.kernel.test`);
    writeFileSync(file, `# a comment\n${lines.join('\n')}\n`);
    const input = names.map((name) => `${compiled(name)}\n`).join('');
    const shares = ['1', '2'].map((which) => must(join(ROOT, 'scripts/lib/deal'), [file, which], { input }));
    return (await Promise.all(shares)).map((text) => text.split('\n').filter((line) => line !== ''));
  }

  it('gives both about the same time, and each file to one', async () => {
    const weights = { long: 100, 'a/middle': 60, 'b/middle': 50, short: 10 };
    assert.deepEqual(await deal(['short', 'b/middle', 'long', 'a/middle'], weights), [
      ['long', 'short'].map(compiled),
      ['a/middle', 'b/middle'].map(compiled),
    ]);
  });

  it('takes a file that nobody has weighed for a middle one', async () => {
    const weights = { long: 100, middle: 60, short: 10 };
    assert.deepEqual(await deal(['long', 'new', 'short'], weights), [
      ['long'].map(compiled),
      ['new', 'short'].map(compiled),
    ]);
  });

  it('knows no file that is no more', () => {
    const names = readFileSync(WEIGHTS, 'utf8').matchAll(/^\d+ (.*)$/gm);
    const gone = [...names]
      .map(([, name = '']) => name)
      .filter((name) => !existsSync(join(ROOT, `${name}.ts`)));
    assert.deepEqual(gone, []);
  });
});
