/** The kernel's table in /proc/net/ip_vs: unlike a netlink request, reading it loads no module. */
import type { Endpoint } from '../values/endpoint.js';
import { endpointInHex } from '../values/hex-endpoint.js';
import type { Files } from './ports.js';

interface VirtualServer {
  readonly server: Endpoint;
  readonly scheduler: string;
  readonly rows: readonly Endpoint[];
  /** Established connections through it. */
  readonly connections: number;
}

const FILE = '/proc/net/ip_vs';

/** The TCP virtual servers that have an address, or null if IPVS is not loaded. Rejects if the file cannot be read. */
export async function readIpVs(files: Files): Promise<readonly VirtualServer[] | null> {
  try {
    return parseIpVs(await files.read(FILE));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function parseIpVs(text: string): readonly VirtualServer[] {
  const found: { server: Endpoint; scheduler: string; rows: Endpoint[]; connections: number }[] = [];
  // null while the lines are those of another protocol, or of a firewall mark.
  let current: (typeof found)[number] | null = null;
  for (const line of text.split('\n')) {
    const [first = '', second = '', third = '', , active = ''] = line.trim().split(/\s+/);
    if (/^(TCP|UDP|SCTP|FWM)$/.test(first)) {
      const server = first === 'TCP' ? hexEndpoint(second) : null;
      current = server === null ? null : { server, scheduler: third, rows: [], connections: 0 };
      if (current !== null) found.push(current);
    } else if (first === '->' && current !== null) {
      const row = hexEndpoint(second);
      if (row !== null) current.rows.push(row);
      current.connections += Number(active) || 0;
    }
  }
  return found;
}

/** `0A676102:192B`, or `[fd00:0010:0103:0097:0000:0000:0000:0002]:192B`. */
function hexEndpoint(text: string): Endpoint | null {
  const [, v6, v4, port] = /^(?:\[([\da-f:]+)\]|([\da-f]{8})):([\da-f]{4})$/i.exec(text) ?? [];
  return endpointInHex(v6 ?? v4 ?? '', port ?? '');
}
