import { Handle } from './channel.js';
import { endTcpSocketToWire, listTcpSocketsToWire, tcpSocketFromWire } from './sock-diag-request.js';
import type { BatchResult, RequestOptions, TcpSocket, TcpSocketFilter } from './types.js';
import { checkArray } from './validate.js';

/**
 * The TCP sockets of all processes of this network namespace. Ending one needs CAP_NET_ADMIN (`EPERM` without); listing
 * does not.
 *
 * Methods reject with a TypeError that names the field if an argument is wrong, before anything is sent; with a
 * NetlinkError if the kernel refuses or does not answer in time. The first request makes the kernel load `tcp_diag` if it
 * can; `ENOENT` if it has none. Requests are carried out in the order of their calls.
 */
export class SockDiag extends Handle {
  private constructor(options: RequestOptions) {
    super('diag', options);
  }

  /**
   * `timeoutMs` is the deadline of requests that name none: 5000 by default.
   *
   * @throws NetlinkError `EPROTONOSUPPORT` if the kernel has no sock_diag.
   */
  static open(options: RequestOptions = {}): SockDiag {
    return new SockDiag(options);
  }

  /** `ss -tn state STATE dst ADDRESS:PORT`, with those of IPv6 that are connected to an IPv4 address, as `::ffff:10.103.97.2`. */
  async listTcpSockets(filter: TcpSocketFilter, options?: RequestOptions): Promise<TcpSocket[]> {
    const requests = listTcpSocketsToWire('filter', filter);
    const values = await this.channel.requests('listTcpSockets', requests, options);
    return values
      .flat()
      .flatMap((value) => (value.kind === 'tcpSocket' ? [tcpSocketFromWire('listTcpSockets', value)] : []));
  }

  /**
   * `ss -K`: the process that has such a socket gets `ECONNABORTED`, its peer a reset. Each one's result, in the same order: `ENOENT`
   * if there is no such socket any more, whatever has come in its place; `EOPNOTSUPP` if the kernel was built without
   * CONFIG_INET_DIAG_DESTROY.
   */
  async endTcpSockets(sockets: readonly TcpSocket[], options?: RequestOptions): Promise<BatchResult[]> {
    checkArray('sockets', sockets);
    const requests = sockets.map((socket, i) => endTcpSocketToWire(`sockets[${i}]`, socket));
    return this.channel.batch(
      requests.map(({ operation }) => ({ kind: operation })),
      requests,
      options,
    );
  }
}
