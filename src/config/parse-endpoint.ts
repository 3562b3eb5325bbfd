import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { endpoint, type Endpoint } from '../values/endpoint.js';
import { UsageError, type Parser } from './usage-error.js';

/** `IP:PORT` or `[IPv6]:PORT`. */
export const parseEndpoint: Parser<Endpoint> = (text, option) => {
  const wrong = (expected: string): UsageError => new UsageError(option, expected, text);
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  const plain = /^([^:]*)(?::(.*))?$/.exec(text);
  const [, host = '', port] = bracketed ?? plain ?? [];
  if (bracketed === null && isIPv6(text)) throw wrong('an IPv6 address in brackets, [IP]:PORT');
  if (bracketed === null ? !isIPv4(host) : !isPlainIPv6(host)) {
    throw wrong('IP:PORT or [IPv6]:PORT with a numeric address');
  }
  if (port === undefined) throw wrong('IP:PORT or [IPv6]:PORT with a port');
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535)
    throw wrong('a port from 1 to 65535');
  const address = canonical(host);
  if (!isUnicast(address)) throw wrong('the address of one host');
  return endpoint(bracketed === null ? 'ipv4' : 'ipv6', address, Number(port));
};

/** The endpoint whose canonical text this is; null for any other text, as a file may have it. */
export function endpointIn(text: string): Endpoint | null {
  try {
    const found = parseEndpoint(text, 'endpoint');
    return found.text === text ? found : null;
  } catch (error) {
    if (error instanceof UsageError) return null;
    throw error;
  }
}

/** An address of either family. Returns its canonical text. */
export const parseAddress: Parser<string> = (text, option) => {
  if (!isIPv4(text) && !isPlainIPv6(text)) throw new UsageError(option, 'an IP address', text);
  const address = canonical(text);
  if (!isUnicast(address)) throw new UsageError(option, 'the address of one host', text);
  return address;
};

/** Neither with a zone, which no netlink attribute could carry, nor an IPv4 address in disguise. */
function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%') && !canonical(text).startsWith('::ffff:');
}

/** As inet_ntop(3) writes it. */
function canonical(address: string): string {
  return new SocketAddress({ address, family: isIPv4(address) ? 'ipv4' : 'ipv6' }).address;
}

function isUnicast(address: string): boolean {
  if (address === '::' || /^ff..:/.test(address)) return false;
  const [first = '', second = ''] = address.split('.');
  // 0.0.0.0/8 is no host, 224.0.0.0/4 many, 240.0.0.0/4 reserved with the broadcast address at its end.
  return second === '' || (Number(first) !== 0 && Number(first) < 224);
}
