import { getSystemErrorMap } from 'node:util';

const WORDS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'somebody else listens there; another lvscare on this node needs another address, or off',
  EADDRNOTAVAIL: 'this node has no such address',
  EACCES: 'not permitted',
  ENOENT: 'there is no such directory',
};

/** Why it cannot listen, the same each time: the system's own message names a file that has another name at each try. */
export function inWords({ code = '', errno = 0, message }: NodeJS.ErrnoException): string {
  return WORDS[code] ?? getSystemErrorMap().get(errno)?.[1] ?? message;
}
