/** Addresses as /proc/net/ip_vs and its like have them: `0A676102`, `fd00:0010:0103:0097:0000:0000:0000:0002`. */

/** Such an address as inet_ntop(3) writes it; null for any other text. */
export function addressInHex(text: string): string | null {
  if (/^[\da-f]{8}$/i.test(text))
    return (text.match(/../g) ?? []).map((byte) => parseInt(byte, 16)).join('.');
  return /^[\da-f]{4}(:[\da-f]{4}){7}$/i.test(text) ? shortestIPv6(text) : null;
}

/** An address in such a form. */
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

/** Also of one that ends as an IPv4 address does. */
function shortestIPv6(text: string): string {
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}
