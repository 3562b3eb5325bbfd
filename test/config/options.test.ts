import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CARE_OPTIONS, OPTION } from '../../src/config/options.js';

const ALL = Object.values(OPTION);

describe('the table of options', () => {
  it('has every spelling once, so that no argument means two options', () => {
    const spellings = ALL.flatMap(({ flag, aliases = [] }) => [flag, ...aliases]);
    assert.deepEqual(
      spellings.filter((spelling, index) => spellings.indexOf(spelling) !== index),
      [],
    );
    // Of every command.
    for (const reserved of ['help', 'h']) assert.ok(!spellings.includes(reserved), reserved);
  });

  it('has defaults and completed values that the parser of the option takes', () => {
    const texts = ALL.flatMap(({ flag, parse, choices = [], default: value }) =>
      [...choices, ...(value === undefined ? [] : [value])].map((text) => ({ flag, parse, text })),
    );
    assert.ok(texts.length > 50);
    for (const { flag, parse, text } of texts) assert.doesNotThrow(() => parse(text, `--${flag}`));
  });

  it('has either a default or words for what holds without the option', () => {
    for (const { flag, default: value, otherwise } of ALL)
      assert.ok(value === undefined || otherwise === undefined, flag);
  });

  it('has help without a full stop at its end, for the default follows', () => {
    for (const { flag, help } of ALL) assert.match(help, /^[^\s].*[^.\s]$/, flag);
  });

  it('reloads nothing that only a start can do', () => {
    const fixed = CARE_OPTIONS.filter(({ reloadable }) => !reloadable).map(({ flag }) => flag);
    for (const flag of ['config', 'run-once', 'clean', 'dry-run'] as const)
      assert.ok(fixed.includes(flag), flag);
    for (const { flag, appliesTo, reloadable } of CARE_OPTIONS)
      if (appliesTo !== 'process') assert.ok(reloadable, flag);
  });

  it('is what docs/options.md says', () => {
    execFileSync(process.execPath, ['scripts/write-options-page.mjs', '--check'], {
      cwd: fileURLToPath(new URL('../../../', import.meta.url)),
      stdio: 'pipe',
    });
  });
});
