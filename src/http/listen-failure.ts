import { getSystemErrorMap } from 'node:util';

const WORDS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there; a second lvscare on this node needs another address, or off',
  EADDRNOTAVAIL: 'this node has no such address',
  EACCES: 'not permitted',
  ENOENT: 'the directory does not exist',
};

/** Why the server cannot listen, in the same words at each retry: the system's message names a temporary file. */
export function inWords({ code = '', errno = 0, message }: NodeJS.ErrnoException): string {
  return WORDS[code] ?? getSystemErrorMap().get(errno)?.[1] ?? message;
}
