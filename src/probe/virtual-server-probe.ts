import type { VirtualServerProbe } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import { classifyFailure } from './failure.js';
import { HttpKeptConnection } from './kept-connection.js';
import type { ProberParts, ProbeRequest } from './request.js';
import { fixedPorts } from './preferred-ports.js';
import { connectTcp } from './tcp.js';

/**
 * What a kube-apiserver answers to everybody without asking etcd, in more bytes than one segment has. With the certificate before it, an
 * answer proves that full segments pass, whatever its status is.
 */
const PATH = '/livez?verbose&exclude=etcd';

/**
 * Probes the virtual server as clients on this node reach it: from a port that the kernel chooses, as long as one answer may take. The
 * certificate must be of the CA, but may be for any name; no token or header is sent, as it could be to another host. Where health probes
 * use another port, it is not known what the servers speak at that of clients, so TCP alone must connect.
 */
export function createVirtualServerProbe(
  virtualServer: Endpoint,
  request: ProbeRequest,
  { credentials, guard }: Pick<ProberParts, 'credentials' | 'guard'>,
): VirtualServerProbe {
  const { timeoutMs } = request;
  if (request.port !== null)
    return async (signal) => {
      try {
        const options = { timeoutMs, hedged: false, sourcePorts: null };
        (await connectTcp(virtualServer, options, signal)).destroy();
        return { kind: 'ok', detail: 'connected' };
      } catch (error) {
        return classifyFailure('connect', error, null);
      }
    };
  const asClient: ProbeRequest = {
    ...request,
    method: 'GET',
    path: PATH,
    headers: {},
    body: null,
    connectTimeoutMs: timeoutMs,
    tls: { ...request.tls, anyName: true },
  };
  const parts = {
    credentials: {
      withToken: false,
      current: async () => ({ ...(await credentials.current()), token: null }),
    },
    guard,
    sourcePorts: fixedPorts(null),
  };
  return async (signal) => {
    const connection = new HttpKeptConnection(virtualServer, asClient, parts, () => undefined);
    try {
      for await (const outcome of connection.probe({ fresh: true, hedged: false }, signal)) return outcome;
      return { kind: 'inconclusive', detail: 'stopped' };
    } finally {
      connection.close();
    }
  };
}
