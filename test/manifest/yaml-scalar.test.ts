import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { scalar } from '../../src/manifest/yaml-scalar.js';

/** Read by both versions of YAML, in a list and as a value. */
function read(text: string): unknown[] {
  return (['1.1', '1.2'] as const).flatMap((version) => [
    (parse(`- ${scalar(text)}\n`, { version }) as unknown[])[0],
    (parse(`a: ${scalar(text)}\nb: c\n`, { version }) as { a: unknown }).a,
  ]);
}

describe('a scalar of YAML', () => {
  const plain = ['care', 'lvscare', '--vs=10.103.97.2:6443', '/healthz', 'a.b/c:d', '--fall=3', '--mode='];
  for (const text of plain) {
    it(`${text} needs no quotes`, () => {
      assert.equal(scalar(text), text);
    });
  }

  const quoted = [
    ...[
      '',
      ' ',
      'yes',
      'No',
      'ON',
      'null',
      '~',
      'true',
      'y',
      '1',
      '0x1f',
      '1e3',
      '1_000',
      '1:30',
      '-1',
      '.5',
      '.inf',
    ],
    ...[
      '2026-01-01',
      '10.103.97.2',
      '127.0.0.1',
      '- a',
      '-',
      '--',
      '---',
      '...',
      '# a',
      'a #b',
      'a: b',
      'a:',
      ':a',
    ],
    ...[
      '[a]',
      '--rs=[fd00::1]:6443',
      '{a}',
      '*a',
      '&a',
      '!a',
      '|',
      '>',
      '@a',
      '`a',
      '%a',
      "it's",
      '"a"',
      'a,b',
      '?',
      '? a',
    ],
    ...[
      'a ',
      '\ta',
      'a\nb',
      '\u0000',
      '\u007f',
      '\u0085',
      '\u2028',
      '\ufeff',
      'é',
      '日本',
      '😀',
      'a\\b',
      '$(X)',
    ],
  ];
  for (const text of quoted) {
    it(`${JSON.stringify(text)} is read as it is`, () => {
      for (const found of read(text)) assert.equal(found, text);
    });
  }

  it('is read as it is, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (text) => {
        for (const found of read(text)) assert.equal(found, text);
      }),
      { numRuns: 2000 },
    );
  });
});
