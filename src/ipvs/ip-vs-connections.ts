/** The connections of IPVS, from /proc/net/ip_vs_conn. */
import { createReadStream } from 'node:fs';
import type { Endpoint } from '../values/endpoint.js';
import { endpointInHex, hexAddress, hexPort } from '../values/hex-endpoint.js';

const FILE = '/proc/net/ip_vs_conn';

/** A client's connection through a virtual server. */
export interface IpVsConnection {
  readonly client: Endpoint;
  readonly server: Endpoint;
  /** In so many seconds the kernel drops it, unless a packet passes before. */
  readonly expiresInS: number;
}

/**
 * The TCP connections through a virtual server. There may be a hundred thousand through other ones, so only lines that contain
 * ours are parsed. Rejects with the error of the file system: `ENOENT` if the kernel has no IPVS.
 */
export async function* ipVsConnections(
  { address, port }: Endpoint,
  path = FILE,
): AsyncGenerator<IpVsConnection> {
  const ours = ` ${hexAddress(address)} ${hexPort(port)} `;
  let rest = '';
  for await (const chunk of createReadStream(path, { encoding: 'latin1' })) {
    const text = rest + (chunk as string);
    const whole = text.lastIndexOf('\n') + 1;
    rest = text.slice(whole);
    for (let at = text.indexOf(ours); at !== -1 && at < whole; at = text.indexOf(ours, at + 1)) {
      const line = text.slice(text.lastIndexOf('\n', at) + 1, text.indexOf('\n', at));
      const connection = parse(line, ours);
      if (connection !== null) yield connection;
    }
  }
}

/** `TCP 0A676301 CFC7 0A676102 192B 0A6761C8 192B ESTABLISHED     889`, or null for any other line. */
function parse(line: string, ours: string): IpVsConnection | null {
  const [from = '', to = ''] = line.split(ours);
  const [protocol, ...client] = from.split(/ +/);
  if (protocol !== 'TCP') return null;
  const [address, port, , seconds] = to.split(/ +/);
  const clientEnd = endpointInHex(client[0] ?? '', client[1] ?? '');
  const serverEnd = endpointInHex(address ?? '', port ?? '');
  if (clientEnd === null || serverEnd === null) return null;
  return { client: clientEnd, server: serverEnd, expiresInS: Number(seconds) };
}
