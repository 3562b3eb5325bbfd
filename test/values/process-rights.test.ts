import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { processRights } from '../../src/values/process-rights.js';
import { STATUS } from '../doctor/fake-node.js';

/** A node with one process, 7. A link or a file that is null cannot be read. */
function files(status: string | null, theirs: string | null, own: string | null = 'user:[1]') {
  const answer = (text: string | null): Promise<string> =>
    text === null ? Promise.reject(new Error('EACCES')) : Promise.resolve(text);
  return {
    read: (path: string) => answer(path === '/proc/7/status' ? status : null),
    readLink: (path: string) => answer(path === '/proc/self/ns/user' ? own : theirs),
  };
}

describe('the rights of a process', () => {
  const NO = { isRoot: false, hasNetAdmin: false };
  const both = { isRoot: true, hasNetAdmin: true };
  const cases: readonly (readonly [what: string, given: ReturnType<typeof files>, expected: typeof NO])[] = [
    ['root', files(STATUS.root, 'user:[1]'), both],
    [
      'root of a container without capabilities',
      files(STATUS.powerless, 'user:[1]'),
      { ...both, hasNetAdmin: false },
    ],
    ['a user', files(STATUS.user, 'user:[1]'), NO],
    [
      'a user with NET_ADMIN',
      files(STATUS.user.replace(/CapEff.*/, 'CapEff:\t0000000000001000'), 'user:[1]'),
      { ...NO, hasNetAdmin: true },
    ],
    [
      'all but NET_ADMIN',
      files(STATUS.root.replace(/CapEff.*/, 'CapEff:\t000001ffffffefff'), 'user:[1]'),
      { ...both, hasNetAdmin: false },
    ],
    ['root of another user namespace', files(STATUS.root, 'user:[2]'), NO],
    [
      'a program that became root but for one id',
      files(STATUS.root.replace('0\t0\t0\t0', '1000\t0\t0\t0'), 'user:[1]'),
      { ...both, isRoot: false },
    ],
    ['a namespace that cannot be read', files(STATUS.root, null), NO],
    ['a kernel without user namespaces', files(STATUS.root, null, null), both],
    ['a process that has ended', files(null, 'user:[1]'), NO],
    [
      'a name with a line end that says more',
      files('Name:\tx\\nCapEff:\tffff\nUid:\t1\t1\t1\t1\n', 'user:[1]'),
      NO,
    ],
  ];
  for (const [what, given, expected] of cases)
    it(what, async () => {
      assert.deepEqual(await processRights(given, 7), expected);
    });
});
