import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { harmlessJson, inOneLine } from '../../src/text/one-line.js';

/** What could steer a terminal, or turn the order of letters around. */
const STEERS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

describe('a text of another program', () => {
  const cases: readonly (readonly [text: string, line: string])[] = [
    ['O=lab\nCN=apiserver', 'O=lab, CN=apiserver'],
    ['one\r\n\r\ntwo', 'one, two'],
    ['\u001b[31mred', '\\u001b[31mred'],
    ['a\u0000b\u009bc', 'a\\u0000b\\u009bc'],
    ['\u202egnirts', '\\u202egnirts'],
    ['\u{e0001}', '\\udb40\\udc01'],
    ['größer \u{1f600}', 'größer \u{1f600}'],
    ['', ''],
  ];
  for (const [text, line] of cases)
    it(`${JSON.stringify(text)} is ${JSON.stringify(line)}`, () => {
      assert.equal(inOneLine(text), line);
    });

  it('is cut at its greatest length', () => {
    assert.equal(inOneLine('x'.repeat(101)), `${'x'.repeat(100)}...`);
    assert.equal(inOneLine('abcdef', 3), 'abc...');
  });

  it('never steers a terminal, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.doesNotMatch(inOneLine(text), STEERS);
      }),
    );
  });
});

describe('harmless JSON', () => {
  it('means the same, and steers nothing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
        const both = { value, text };
        for (const indent of [0, 2]) {
          const json = harmlessJson(both, indent);
          assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify(both)));
          assert.doesNotMatch(json.replaceAll('\n', ''), STEERS);
        }
      }),
    );
  });
});
