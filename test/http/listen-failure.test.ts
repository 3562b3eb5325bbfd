import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { describe, it } from 'node:test';
import { inWords } from '../../src/http/listen-failure.js';

function failure(code: keyof typeof constants.errno, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code, errno: -constants.errno[code] });
}

describe('why the server cannot listen', () => {
  const cases: readonly (readonly [error: NodeJS.ErrnoException, words: RegExp])[] = [
    [
      failure('EADDRINUSE', 'listen EADDRINUSE: address already in use :::9288'),
      /^another process listens there; /,
    ],
    [failure('EADDRNOTAVAIL', 'listen EADDRNOTAVAIL 192.0.2.1:9288'), /^this node has no such address$/],
    [failure('EACCES', "EACCES: permission denied, mkdtemp '/run/.XXXXXX'"), /^not permitted$/],
    [failure('ENOENT', "ENOENT: no such file, mkdtemp '/run/x/.XXXXXX'"), /^the directory does not exist$/],
    [failure('EROFS', "EROFS: read-only file system, mkdtemp '/x/.XXXXXX'"), /^read-only file system$/],
    [new Error('/run/x.sock is in use'), /^\/run\/x\.sock is in use$/],
  ];
  for (const [error, words] of cases)
    it(`is said of ${error.message}`, () => {
      assert.match(inWords(error), words);
    });

  it('is said in the same words at each try, however the file was called', () => {
    const [one, other] = ['aaaaaa', 'bbbbbb'].map((name) =>
      inWords(
        failure('ENOSPC', `ENOSPC: no space left on device, rename '/run/.${name}/s' -> '/run/x.sock'`),
      ),
    );
    assert.equal(one, other);
    assert.equal(one, 'no space left on device');
  });
});
