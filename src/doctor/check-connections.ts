/** Connections of this node's clients that IPVS drops because they are idle. */
import { ok, skip, warn, type Said } from './finding.js';
import { readIpVs } from './ip-vs-table.js';
import { textOf, type ClientConnection, type Node, type Subject } from './ports.js';

/** A connection with less than this part of the timeout left sends too seldom: keepalive is due much sooner. */
const LITTLE_LEFT = 1 / 4;
/** So many are named. */
const MOST_NAMED = 3;
/** What the kernel has by default. */
const KEEPALIVE_TIME_S = 7200;
/** How much longer than the time to the first keepalive the timeout should be. */
const MARGIN_S = 300;

export async function checkIdleConnections(
  { files, ipvs }: Node,
  { virtualServer, ipvsTcpTimeoutS }: Subject,
): Promise<Said> {
  const table = await readIpVs(files);
  if (table?.some(({ server }) => server.text === virtualServer.text) !== true)
    return skip(`the kernel has no ${virtualServer.text}`);
  const timeoutS = await ipvs.tcpTimeoutS();
  const connections = await ipvs.clientConnections(virtualServer);
  const dropped = connections.filter(({ expiresInS }) => expiresInS === null);
  const idle = connections.filter((one) => isNearItsEnd(one, timeoutS));
  const rule = `IPVS drops connections after ${timeoutS} s without a packet`;
  const wanted =
    ipvsTcpTimeoutS === null || ipvsTcpTimeoutS === timeoutS
      ? ''
      : `; lvscare with these options sets ${ipvsTcpTimeoutS} s`;
  if (dropped.length + idle.length === 0)
    return ok(`${rule}; none of ${clientsOf(connections)} is close to that${wanted}`);
  const parts = [
    ...(dropped.length === 0
      ? []
      : [`it has dropped ${clientsOf(dropped)}, which hang or are reset (${names(dropped)})`]),
    ...(idle.length === 0
      ? []
      : [
          `${clientsOf(idle)} ${idle.length === 1 ? 'has' : 'have'} less than ${timeoutS * LITTLE_LEFT} s left (${names(idle)})`,
        ]),
  ];
  const keepAliveS = Number(
    (await textOf(files, '/proc/sys/net/ipv4/tcp_keepalive_time')) ?? KEEPALIVE_TIME_S,
  );
  const enough = keepAliveS + MARGIN_S;
  const longer =
    timeoutS >= enough
      ? ''
      : `; or give lvscare --ipvs-tcp-timeout ${enough}, longer than net.ipv4.tcp_keepalive_time (${keepAliveS}), for clients with the default keepalive`;
  return warn(
    `${rule}: ${parts.join(', and ')}${wanted}`,
    `restart those that hang (ss -tnpo dst ${virtualServer.address} shows them), and let them use TCP keepalive of less than ${timeoutS} s${longer}`,
  );
}

/** Whether it has been idle for long, and the kernel drops it before its client sends anything by itself. */
function isNearItsEnd({ expiresInS, timerInS }: ClientConnection, timeoutS: number): boolean {
  if (expiresInS === null || expiresInS >= timeoutS * LITTLE_LEFT) return false;
  return timerInS === null || timerInS >= expiresInS;
}

function clientsOf({ length }: readonly ClientConnection[]): string {
  return `${length} ${length === 1 ? 'connection' : 'connections'} of clients on this node`;
}

function names(connections: readonly ClientConnection[]): string {
  const named = connections.slice(0, MOST_NAMED).map(({ client }) => client.text);
  const more = connections.length - named.length;
  return `${named.join(', ')}${more === 0 ? '' : ` and ${more} more`}`;
}
