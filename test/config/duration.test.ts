import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { durationParser, milliseconds } from '../../src/config/duration.js';
import { refused } from './refused.js';

describe('a duration', () => {
  const good: readonly (readonly [text: string, ms: number])[] = [
    ['5', 5000],
    ['0', 0],
    ['-1', -1000],
    ['+7', 7000],
    ['007', 7000],
    ['500ms', 500],
    ['1m30s', 90_000],
    ['1h2m3s4ms', 3_723_004],
    ['1.5s', 1500],
    ['1.1s', 1100],
    ['.5s', 500],
    ['5.s', 5000],
    ['0s', 0],
    ['1s1s', 2000],
    ['-1m30s', -90_000],
    ['1000us', 1],
    ['1000µs', 1],
    ['1000\u03bcs', 1],
    ['1ns', 1e-6],
    ['24h', 86_400_000],
  ];
  for (const [text, ms] of good) {
    it(`${text} is ${ms} ms`, () => {
      assert.equal(milliseconds(text), ms);
    });
  }

  const bad = [
    '',
    ' ',
    '5 s',
    ' 5',
    '1.5',
    's',
    '.s',
    '-',
    '5d',
    '5S',
    '1m 30s',
    '1e3',
    '0x5',
    '5s\n',
    '1..5s',
  ];
  for (const text of [...bad, '--5', 'Infinity', 'NaN', 'five', '٣']) {
    it(`is not ${JSON.stringify(text)}`, () => {
      assert.equal(milliseconds(text), null);
    });
  }

  it('is read as Go writes it', () => {
    const nanoseconds = fc.bigInt({ min: 0n, max: 100n * 3600n * 1_000_000_000n });
    fc.assert(
      fc.property(nanoseconds, (duration) => {
        const read = milliseconds(goDuration(duration));
        assert.ok(read !== null);
        // What a double can hold of it: at 100 h, a few millionths of a millisecond are gone.
        assert.ok(Math.abs(read - Number(duration) / 1e6) < 1e-4, `${goDuration(duration)}: ${read}`);
      }),
    );
  });

  it('is kept within bounds, both included', () => {
    const parse = durationParser('10ms', '1m');
    assert.equal(parse('10ms', '--interval'), 10);
    assert.equal(parse('1m', '--interval'), 60_000);
    for (const text of ['9ms', '-10ms', '-1', '0', '61', '1m1ms', 'soon']) {
      refused(
        `--interval: expected seconds or a duration like 500ms or 1m30s, from 10ms to 1m, got "${text}"`,
        () => parse(text, '--interval'),
      );
    }
  });
});

/** As Go's time.Duration prints itself, from seconds upwards. */
function goDuration(nanoseconds: bigint): string {
  const minutes = nanoseconds / 60_000_000_000n;
  const rest = nanoseconds % 60_000_000_000n;
  const fraction = String(rest % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const seconds = `${rest / 1_000_000_000n}${fraction === '' ? '' : `.${fraction}`}s`;
  return `${minutes / 60n}h${minutes % 60n}m${seconds}`;
}
