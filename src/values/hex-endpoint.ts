/**
 * Endpoints as in /proc/net/ip_vs and similar files: the address as `0A676102` or
 * `fd00:0010:0103:0097:0000:0000:0000:0002`, the port as `192B`.
 */
import { endpoint, type Endpoint } from './endpoint.js';

/** The endpoint of such an address and port, or null if they are not such texts. */
export function endpointInHex(addressText: string, portText: string): Endpoint | null {
  const address = addressInHex(addressText);
  if (address === null || !/^[\da-f]{4}$/i.test(portText)) return null;
  return endpoint(address.includes(':') ? 'ipv6' : 'ipv4', address, parseInt(portText, 16));
}

/** The address as inet_ntop(3) writes it. */
function addressInHex(text: string): string | null {
  if (/^[\da-f]{8}$/i.test(text))
    return (text.match(/../g) ?? []).map((byte) => parseInt(byte, 16)).join('.');
  return /^[\da-f]{4}(:[\da-f]{4}){7}$/i.test(text) ? shortestIPv6(text) : null;
}

/** An address in that form. */
export function hexAddress(address: string): string {
  if (!address.includes(':'))
    return address
      .split('.')
      .map((byte) => Number(byte).toString(16).padStart(2, '0').toUpperCase())
      .join('');
  const [before = '', after] = shortestIPv6(address).split('::');
  const [head, tail] = [before, after ?? ''].map((part) => (part === '' ? [] : part.split(':'))) as [
    string[],
    string[],
  ];
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0');
  return [...head, ...zeros, ...tail].map((group) => group.padStart(4, '0')).join(':');
}

/** A port in that form. */
export function hexPort(port: number): string {
  return port.toString(16).padStart(4, '0').toUpperCase();
}

/** Also for an address that ends in the form of IPv4. */
function shortestIPv6(text: string): string {
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}
