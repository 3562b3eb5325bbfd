import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { harmlessJson } from '../../src/text/one-line.js';
import type { Parser } from '../../src/config/usage-error.js';
import {
  choiceParser,
  integerParser,
  parseBoolean,
  parseHeader,
  parseLogLevel,
  parseMethod,
  parsePath,
  parseScheduler,
  parseSourcePorts,
  parseTcpTimeout,
  splitHeaders,
} from '../../src/config/values.js';
import { refused } from './refused.js';

interface Case {
  readonly parse: Parser<unknown>;
  readonly expected: string;
  readonly good: readonly (readonly [text: string, value: unknown])[];
  readonly bad: readonly string[];
}

const cases: Readonly<Record<string, Case>> = {
  'a whole number': {
    parse: integerParser(1, 1000),
    expected: 'a whole number from 1 to 1000',
    good: [
      ['1', 1],
      ['1000', 1000],
      ['007', 7],
    ],
    bad: ['0', '1001', '-1', '+1', '1.0', '1e2', '', ' 1', '0x10', 'two', '99999999999999999999'],
  },
  'a choice': {
    parse: choiceParser(['local', 'none']),
    expected: 'one of local, none',
    good: [
      ['local', 'local'],
      ['none', 'none'],
    ],
    bad: ['', 'Local', 'route', ' none', 'constructor'],
  },
  'true or false': {
    parse: parseBoolean,
    expected: 'true or false',
    good: [
      ...['1', 't', 'T', 'true', 'True', 'TRUE'].map((text) => [text, true] as const),
      ...['0', 'f', 'F', 'false', 'False', 'FALSE'].map((text) => [text, false] as const),
    ],
    bad: ['', 'yes', 'no', 'maybe', '2', 'tRUE', 'on'],
  },
  'source ports': {
    parse: parseSourcePorts,
    expected: 'auto, kernel or FIRST-LAST, at least 256 ports from 1024 to 65535',
    good: [
      ['auto', 'auto'],
      ['kernel', 'kernel'],
      ['1024-1279', { first: 1024, last: 1279 }],
      ['50000-50999', { first: 50000, last: 50999 }],
      ['1024-65535', { first: 1024, last: 65535 }],
    ],
    bad: [
      ...['', 'AUTO', '50000', '50000-', '-50000', '50000-50999-51000', '50000:50999', '50000 - 50999'],
      ...['0-65535', '1023-2000', '65280-65536', '50000-50254', '50999-50000', '1e4-50000', '-1-50000'],
    ],
  },
  'the TCP timeout of IPVS': {
    parse: parseTcpTimeout,
    expected: 'whole seconds such as 7500 or 2h5m, from 1s to 596h, or 0 to leave it as it is',
    good: [
      ['0', null],
      ['0s', null],
      ['1', 1],
      ['7500', 7500],
      ['2h5m', 7500],
      ['1000ms', 1],
      ['596h', 2_145_600],
    ],
    bad: [
      '',
      '-1',
      '-0.5s',
      '500ms',
      '1.5s',
      '596h1s',
      '2147484',
      '99999999999999999999',
      'never',
      'off',
      '15 m',
    ],
  },
  'a scheduler': {
    parse: parseScheduler,
    expected: 'an IPVS scheduler such as rr, wrr, lc, wlc, sh or mh',
    good: [
      ['rr', 'rr'],
      ['lblcr', 'lblcr'],
      ['my_own_1', 'my_own_1'],
    ],
    bad: ['', 'RR', 'round robin', 'a-b', '../rr', 'sixteen_letters_', 'rr\n'],
  },
  'a log level': {
    parse: parseLogLevel,
    expected: 'one of DEBUG, INFO, WARN, ERROR',
    good: [
      ['DEBG', 'debug'],
      ['debg', 'debug'],
      ['Debug', 'debug'],
      ['INFO', 'info'],
      ['warn', 'warn'],
      ['WARNING', 'warn'],
      ['ERRO', 'error'],
      ['error', 'error'],
    ],
    bad: ['', 'TRACE', 'verbose', '3', 'constructor', '__proto__', 'INFO '],
  },
  'a path': {
    parse: parsePath,
    expected: 'a path with an optional query, percent-encoded',
    good: [
      ['/healthz', '/healthz'],
      ['healthz', '/healthz'],
      ['', '/'],
      ['/readyz?verbose&exclude=etcd', '/readyz?verbose&exclude=etcd'],
      ['livez?verbose', '/livez?verbose'],
      ['/a%20b', '/a%20b'],
      ['?verbose', '/?verbose'],
    ],
    bad: ['/health z', '/healthz#top', '/ä', '/a\nb', '/a\tb', '/\u007f'],
  },
  'a method': {
    parse: parseMethod,
    expected: 'an HTTP method such as GET or HEAD',
    good: [
      ['GET', 'GET'],
      ['head', 'HEAD'],
      ['Options', 'OPTIONS'],
    ],
    bad: ['', 'CONNECT', 'connect', 'GET /', 'GE-T', 'G\nT', 'A'.repeat(21)],
  },
  'a header': {
    parse: parseHeader,
    expected: 'headers as name=value,name2=value2',
    good: [
      ['Authorization=Bearer abc==', ['authorization', 'Bearer abc==']],
      ['x-empty=', ['x-empty', '']],
      ['Host=kubernetes', ['host', 'kubernetes']],
    ],
    bad: ['', 'x'],
  },
};

for (const [name, { parse, expected, good, bad }] of Object.entries(cases)) {
  describe(name, () => {
    for (const [text, value] of good) {
      it(`${JSON.stringify(text)} is ${JSON.stringify(value)}`, () => {
        assert.deepEqual(parse(text, '--it'), value);
      });
    }
    for (const text of bad) {
      it(`is not ${JSON.stringify(text)}`, () => {
        refused(`--it: expected ${expected}, got ${harmlessJson(text)}`, () => parse(text, '--it'));
      });
    }
  });
}

describe('a header that is not one', () => {
  for (const [text, shown] of [
    ['=x', '=...'],
    ['a b=c', 'a=...'],
    ['a:b=c', 'a=...'],
    ['a=b\r\nc: d', 'a=...'],
    ['a=\u0000', 'a=...'],
    ['Authorization=Bearer \u20ac', 'Authorization=...'],
    ['Authorization: Bearer abc', 'Authorization=...'],
  ] as const)
    it(`${JSON.stringify(text)} is refused, and its value, which may be a secret, is not shown`, () => {
      const expected = 'headers as name=value,name2=value2';
      refused(`--it: expected ${expected}, got "${shown}"`, () => parseHeader(text, '--it'));
    });
});

describe('a header of the transport', () => {
  for (const text of [
    'Content-Length=3',
    'connection=close',
    'Transfer-Encoding=chunked',
    'Expect=100-continue',
  ]) {
    it(`${text} would make every probe fail, and is refused`, () => {
      const expected = 'headers other than those that HTTP sets by itself';
      refused(`--it: expected ${expected}, got "${text}"`, () => parseHeader(text, '--it'));
    });
  }
});

describe('headers', () => {
  const cases: readonly (readonly [text: string, headers: readonly string[]])[] = [
    ['a=1', ['a=1']],
    ['a=1,b=2', ['a=1', 'b=2']],
    ['a=1,2,3', ['a=1,2,3']],
    ['"a=1,2"', ['a=1,2']],
    ['"a=1,2",b=3', ['a=1,2', 'b=3']],
    ['b=3,"a=1,2"', ['b=3', 'a=1,2']],
    ['"a=say ""hi"", twice",b=3', ['a=say "hi", twice', 'b=3']],
    ['Authorization=Basic dXNlcg==', ['Authorization=Basic dXNlcg==']],
    ['a=1,b=2,c', ['a=1', 'b=2', 'c']],
    ['a=1,,b=2', ['a=1', '', 'b=2']],
    ['"a=1,b=2', ['"a=1', 'b=2']],
    ['a', ['a']],
    ['', ['']],
  ];
  for (const [text, headers] of cases) {
    it(`${text} are ${JSON.stringify(headers)}`, () => {
      assert.deepEqual(splitHeaders(text), headers);
    });
  }
});
