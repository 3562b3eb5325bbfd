import { isIPv4, isIPv6 } from 'node:net';
import type { ListenAddress } from '../values/listen-address.js';
import { UsageError, type Parser } from './usage-error.js';

/** What sockaddr_un has room for, less the NUL at its end, and less what the name that it is made under may take more: `.XXXXXX/s`. */
const MOST_PATH_BYTES = 107 - 9;

const EXPECTED =
  'IP:PORT or [IPv6]:PORT with a numeric address (0.0.0.0 or [::] for every address), unix:/PATH, or off';

/** Where an empty address in brackets is. */
const LOOPBACK = '127.0.0.1';

/**
 * `IP:PORT`, `[IPv6]:PORT`, or `unix:/PATH`; null for `off`. Every address is 0.0.0.0 or [::], never an empty text, which may be a
 * variable that is not set. Brackets may be around whatever address there is, and around none: `[$(POD_IP)]:PORT` has to start in every
 * pod, also while kubelet does not know the node's address, because kubelet may need this very pod to find it out. Then it is loopback.
 */
export const parseListenAddress: Parser<ListenAddress | null> = (text, option) => {
  const wrong = (expected: string): UsageError => new UsageError(option, expected, text);
  if (text === 'off') return null;
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
  const wasEmpty = bracketed === '';
  if (address === undefined || !(sixth || wasEmpty || isIPv4(address))) throw wrong(EXPECTED);
  if (port.length > 5 || Number(port) < 1 || Number(port) > 65535) throw wrong('a port from 1 to 65535');
  const found = wasEmpty ? LOOPBACK : address;
  return {
    kind: 'tcp',
    address: found,
    port: Number(port),
    text: sixth ? text : `${found}:${port}`,
    wasEmpty,
  };
};
