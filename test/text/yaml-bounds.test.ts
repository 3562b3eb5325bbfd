import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isFlatYaml } from '../../src/text/yaml-bounds.js';

describe('a text of YAML', () => {
  it('is flat enough with values 20 deep, however they are written', () => {
    const block = Array.from({ length: 20 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join('');
    for (const text of ['['.repeat(20) + ']'.repeat(20), '{a: '.repeat(20), '- '.repeat(20), block])
      assert.equal(isFlatYaml(text), true, text);
  });

  it('is too deep with values 100 deep, however they are written', () => {
    const block = Array.from({ length: 100 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join('');
    for (const piece of ['[', '{a: ', '- ', '? ', 'a: ', '["a":', `{"a":${'"b":'.repeat(99)}`])
      assert.equal(isFlatYaml(piece.repeat(100)), false, piece);
    assert.equal(isFlatYaml(block), false);
  });

  it('is flat whatever its scalars and its comments contain', () => {
    assert.equal(isFlatYaml(`a: "${'['.repeat(99)}"\nb: ${'- '.repeat(99)}\n# ${'{'.repeat(99)}\n`), true);
  });
});
