import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failedChecks } from '../../src/probe/failed-checks.js';

/** What a kube-apiserver 1.34 answers to /healthz while etcd is away and it has just been started, shortened. */
const BODY = `[+]ping ok
[+]log ok
[-]etcd failed: reason withheld
[+]poststarthook/start-apiserver-admission-initializer ok
[-]poststarthook/rbac/bootstrap-roles failed: reason withheld
[+]poststarthook/apiservice-openapiv3-controller ok
healthz check failed
`;

describe('the checks that a kube-apiserver says failed', () => {
  const cases: readonly (readonly [what: string, body: string, failed: string])[] = [
    ['some of many', BODY, 'etcd, poststarthook/rbac/bootstrap-roles failed'],
    ['one, in the first line', '[-]etcd failed: reason withheld\n[+]ping ok\n', 'etcd failed'],
    ['one, in the last line', '[+]ping ok\r\n[-]shutdown failed: reason withheld', 'shutdown failed'],
    [
      'more than five',
      Array.from({ length: 40 }, (_, index) => `[-]check-${index} failed: reason withheld\n`).join(''),
      'check-0, check-1, check-2, check-3, check-4 and 35 more failed',
    ],
    ['none', '[+]ping ok\n[+]etcd excluded: ok\nhealthz check passed\n', ''],
    ['none in an answer of another kind', '{"kind":"Status","message":"[-]etcd failed"}', ''],
    ['none in no body', '', ''],
    ['half a line, where the body was cut off', '[+]ping ok\n[-]etc', ''],
    [
      'one with a name that would steer a terminal',
      '[-]\u001b[31metcd\u202e failed: x',
      '\\u001b[31metcd\\u202e failed',
    ],
    ['one with a name without an end', `[-]${'x'.repeat(8000)} failed: x`, `${'x'.repeat(60)}... failed`],
  ];
  for (const [what, body, failed] of cases)
    it(`${what}: ${failed.slice(0, 80)}`, () => {
      assert.equal(failedChecks(body), failed);
    });
});
