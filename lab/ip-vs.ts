/** Which servers are in rotation, by the kernel's own file: a judge that shares nothing with lvscare. */

/** Real servers, `10.103.97.200:6443`, with their weights. One that is not listed is not there. */
export type Weights = Readonly<Record<string, number>>;

/** The rows of a virtual server, `10.103.97.2:6443`, in the text of /proc/net/ip_vs. No rows if it is not there. */
export function parseIpVs(text: string, virtualServer: string): Record<string, number> {
  const weights: Record<string, number> = {};
  const service = `TCP  ${hexEndpoint(virtualServer)} `;
  let ours = false;
  for (const line of text.split('\n')) {
    if (!line.startsWith('  ->')) {
      ours = line.startsWith(service);
      continue;
    }
    if (!ours) continue;
    const [, key = '', , weight] = line.trim().split(/ +/);
    weights[textEndpoint(key)] = Number(weight);
  }
  return weights;
}

/** `10.103.97.2:6443` as /proc/net/ip_vs has it: `0A676102:192B`. */
export function hexEndpoint(endpoint: string): string {
  const [address = '', port] = endpoint.split(':');
  const bytes = address.split('.').map((byte) => hex(Number(byte), 2));
  return `${bytes.join('')}:${hex(Number(port), 4)}`;
}

/** The other way. */
function textEndpoint(key: string): string {
  const [address = '', port = ''] = key.split(':');
  const bytes = address.match(/../g) ?? [];
  return `${bytes.map((byte) => parseInt(byte, 16)).join('.')}:${parseInt(port, 16)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}

/** Whether two tables say the same. */
export function sameWeights(one: Weights, other: Weights): boolean {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}
