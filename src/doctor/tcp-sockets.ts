/** The TCP sockets of a network namespace, in /proc/net/tcp and tcp6: reading these loads no module, as sock_diag would. */
import { endpoint, type Endpoint } from '../values/endpoint.js';

/** An established connection. */
interface TcpSocket {
  /** Its own end. */
  readonly local: Endpoint;
  /** In so many seconds the kernel next acts on it, such as with a keepalive; null if it waits for the peer without end. */
  readonly timerInS: number | null;
}

/** The kernel prints times in clock ticks: 100 a second, whatever its own tick rate (USER_HZ). */
const TICKS_PER_S = 100;
/** Not CLOSE_WAIT: the server has closed such a connection, and IPVS drops it soon. */
const ESTABLISHED = '01';
const LINE =
  /^\s*\d+: ([\dA-F]+):([\dA-F]{4}) ([\dA-F]+):([\dA-F]{4}) ([\dA-F]{2}) \S+ ([\dA-F]{2}):([\dA-F]{8}) /;

/** Those in the text of such a file that are established to an endpoint. An IPv6 socket may be connected over IPv4. */
export function tcpSocketsTo({ family, port, text }: Endpoint, file: string): readonly TcpSocket[] {
  const found: TcpSocket[] = [];
  for (const line of file.split('\n')) {
    const [, local = '', localPort = '', remote = '', remotePort = '', state = '', timer = '', ticks = ''] =
      LINE.exec(line) ?? [];
    if (state !== ESTABLISHED || parseInt(remotePort, 16) !== port) continue;
    const [ours, theirs] = [addressOf(local), addressOf(remote)];
    if (ours === null || theirs === null || endpoint(family, theirs, port).text !== text) continue;
    found.push({
      local: endpoint(family, ours, parseInt(localPort, 16)),
      timerInS: timer === '00' ? null : parseInt(ticks, 16) / TICKS_PER_S,
    });
  }
  return found;
}

const IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** The kernel prints addresses in words of 32 bits, in its own byte order. */
function addressOf(hex: string): string | null {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => {
    const four = (word.match(/../g) ?? []).map((byte) => parseInt(byte, 16));
    return IS_LITTLE_ENDIAN ? four.reverse() : four;
  });
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return null;
  const isMapped = bytes.slice(0, 12).every((byte, index) => byte === (index < 10 ? 0 : 255));
  if (isMapped) return bytes.slice(12).join('.');
  const groups = Array.from({ length: 8 }, (_, at) =>
    ((bytes[2 * at] ?? 0) * 256 + (bytes[2 * at + 1] ?? 0)).toString(16),
  );
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}
