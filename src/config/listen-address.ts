import { isIPv4, isIPv6 } from 'node:net';
import type { ListenAddress } from '../values/listen-address.js';
import { UsageError, type Parser } from './usage-error.js';

/** What sockaddr_un has room for, less the NUL at its end, and less what the name that it is made under may take more: `.XXXXXX/s`. */
const MOST_PATH_BYTES = 107 - 9;

/**
 * `IP:PORT`, `[IPv6]:PORT`, `:PORT` for every address, or `unix:/PATH`; null for `off` and for nothing. Brackets may be around
 * whatever address there is, and around none: `[$(POD_IP)]:PORT` has to be right in every pod.
 */
export const parseListenAddress: Parser<ListenAddress | null> = (text, option) => {
  const wrong = (expected: string): UsageError => new UsageError(option, expected, text);
  if (text === '' || text === 'off') return null;
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (!path.startsWith('/') || path.endsWith('/') || path.includes('\0'))
      throw wrong('a path that begins with / after unix:');
    if (Buffer.byteLength(path) > MOST_PATH_BYTES)
      throw wrong(`a path of at most ${MOST_PATH_BYTES} bytes after unix:`);
    return { kind: 'unix', path, text };
  }
  if (isIPv6(text)) throw wrong('an IPv6 address in brackets, [IP]:PORT');
  const [, bracketed, plain, port = ''] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d+)$/.exec(text) ?? [];
  const address = bracketed ?? plain;
  const sixth = bracketed !== undefined && isIPv6(bracketed);
  if (address === undefined || !(sixth || address === '' || isIPv4(address)))
    throw wrong('IP:PORT, [IPv6]:PORT or :PORT with a numeric address, unix:/PATH, or off');
  if (port.length > 5 || Number(port) < 1 || Number(port) > 65535) throw wrong('a port from 1 to 65535');
  return {
    kind: 'tcp',
    address: address === '' ? null : address,
    port: Number(port),
    text: sixth ? text : `${address}:${port}`,
  };
};
