/** What `ipvsadm -Ln` prints, as values: a judge that shares nothing with lvscare. */

/** A row `  -> 10.103.97.200:6443  Masq  1  0  0`. */
interface RealServerRow {
  /** `10.103.97.200:6443`, `[fd00:10:103:97::200]:6443` */
  readonly endpoint: string;
  /** `Masq`, `Route`, `Tunnel` or `Local`. */
  readonly forward: string;
  readonly weight: number;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
}

/** A row `TCP  10.103.97.2:6443 rr` with the rows below it. */
export interface VirtualServerRow {
  /** `TCP`, `UDP`, `SCTP` or `FWM`. */
  readonly protocol: string;
  /** `10.103.97.2:6443`, or the firewall mark. */
  readonly endpoint: string;
  readonly scheduler: string;
  /** What follows: `persistent 300`, `ops`, ... */
  readonly flags: string;
  readonly realServers: readonly RealServerRow[];
}

/** Parses the output of `ipvsadm -Ln`. */
export function parseTable(text: string): VirtualServerRow[] {
  const table: (VirtualServerRow & { realServers: RealServerRow[] })[] = [];
  for (const line of text.split('\n')) {
    const virtualServer = /^(TCP|UDP|SCTP|FWM) +(\S+)(?: IPv6)? (\S+) ?(.*)$/.exec(line);
    if (virtualServer !== null) {
      const [, protocol = '', endpoint = '', scheduler = '', flags = ''] = virtualServer;
      table.push({ protocol, endpoint, scheduler, flags: flags.trim(), realServers: [] });
      continue;
    }
    const realServer = /^ +-> (\S+) +(Masq|Route|Tunnel|Local) +(\d+) +(\d+) +(\d+)/.exec(line);
    if (realServer !== null) {
      const [, endpoint = '', forward = '', weight, active, inactive] = realServer;
      table.at(-1)?.realServers.push({
        endpoint,
        forward,
        weight: Number(weight),
        activeConnections: Number(active),
        inactiveConnections: Number(inactive),
      });
    }
  }
  return table;
}
