import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket, type TlsOptions } from 'node:tls';
import { namesOf } from '../text/alternative-names.js';
import type { ClientCertificate } from '../values/web-config.js';
import type { Access, Caller } from './access.js';
import { plain, type Answer, type Routes } from './answer.js';
import { compressor, acceptsGzip } from './compression.js';

interface Limits {
  /** Open connections. One more closes the one whose last request is the oldest, of the address that has the most. */
  readonly connections: number;
  /** Of these, TLS handshakes that have not ended: all of them may take the CPU before anything else does. */
  readonly handshakes: number;
  /** For a whole request to arrive, in milliseconds. */
  readonly requestMs: number;
  /** For the next request on a connection, in milliseconds. */
  readonly keepAliveMs: number;
  /** For a client to take the whole answer, in milliseconds. */
  readonly answerMs: number;
  /** Size of a request's headers and its first line. */
  readonly headerBytes: number;
}

export const LIMITS: Limits = {
  connections: 256,
  handshakes: 16,
  requestMs: 5000,
  keepAliveMs: 75_000,
  answerMs: 10_000,
  headerBytes: 8192,
};

/** For answers that are not the page: no scripts, no styles, nothing loaded, no frame around them. */
const NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

interface Served {
  readonly routes: Routes;
  readonly limits: Limits;
  readonly access: Access;
  readonly onFault: (path: string, error: Error) => void;
}

/**
 * Answers GET and HEAD at the paths of `routes`, and nothing else. Slow, huge, malformed and many requests cost their own
 * connections: each is bounded in time, in bytes and in number.
 *
 * @param tls null for plain HTTP. Not by a Unix socket.
 */
export function httpServer(served: Served, tls: TlsOptions | null): Server {
  const { limits } = served;
  const options = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.requestMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(1000, limits.requestMs / 2),
    // Clients that are no browsers may leave it out.
    requireHostHeader: false,
  };
  const server =
    tls === null
      ? createServer(options)
      : createTlsServer({ ...options, ...tls, handshakeTimeout: limits.requestMs });
  const compressed = compressor();
  /** Each open connection; the one whose last request is the oldest comes first. */
  const connections = new Map<Socket, Phase>();
  /** The TCP connections below TLS, by their addresses: Node.js does not say which one is below which. */
  const below = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const addresses = tls === null ? null : addressesOf(socket);
    connections.set(socket, tls === null ? 'idle' : 'handshake');
    if (addresses !== null) below.set(addresses, socket);
    socket.once('close', () => {
      connections.delete(socket);
      if (addresses !== null && below.get(addresses) === socket) below.delete(addresses);
    });
    // Node's maxConnections would refuse the new connection instead, which may be kubelet's.
    const excess =
      connections.size > limits.connections ? [...connections.keys()] : excessHandshakes(connections, limits);
    if (excess === null) return;
    const closed = oldestOfMost(excess);
    if (closed === undefined) return;
    connections.delete(closed);
    closed.destroy();
  });
  server.on('secureConnection', (secure: Socket) => {
    const socket = below.get(addressesOf(secure));
    if (socket !== undefined && connections.has(socket)) connections.set(socket, 'idle');
  });
  server.on('request', (request, response) => {
    const socket = tls === null ? request.socket : below.get(addressesOf(request.socket));
    // Node goes on to read requests while it waits for an answer, and each of them takes memory.
    if (socket === undefined || connections.get(socket) !== 'idle') {
      request.socket.destroy();
      return;
    }
    connections.delete(socket);
    connections.set(socket, 'request');
    response.once('close', () => {
      if (connections.has(socket)) connections.set(socket, 'idle');
    });
    void respond(served, compressed, request, response);
  });
  return server;
}

type Phase = 'handshake' | 'idle' | 'request';

/** All of them, if they are too many; else null. */
function excessHandshakes(connections: ReadonlyMap<Socket, Phase>, limits: Limits): readonly Socket[] | null {
  const found = [...connections].flatMap(([socket, phase]) => (phase === 'handshake' ? [socket] : []));
  return found.length > limits.handshakes ? found : null;
}

/** The first one of the address that has the most: a client that floods closes its own connections, not those of others. */
function oldestOfMost(sockets: readonly Socket[]): Socket | undefined {
  const counts = new Map<string | undefined, number>();
  for (const { remoteAddress } of sockets) counts.set(remoteAddress, (counts.get(remoteAddress) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return sockets.find(({ remoteAddress }) => counts.get(remoteAddress) === most);
}

function addressesOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress}|${remotePort}|${localAddress}`;
}

async function respond(
  { routes, limits, access, onFault }: Served,
  compressed: (answer: Answer) => Promise<Answer>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // Node's server.timeout would not end a client that takes the answer byte by byte.
  const late = setTimeout(() => request.socket.destroy(), limits.answerMs).unref();
  response.once('close', () => {
    clearTimeout(late);
  });
  const { method = '', url = '/' } = request;
  const [path = '/', query = ''] = url.split('?', 2);
  const send = (answer: Answer): void => {
    write(response, answer, access.headers(), method);
  };
  // A request with a body is refused before the body arrives.
  const bodied =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  if (bodied || (method !== 'GET' && method !== 'HEAD')) {
    response.setHeader('connection', 'close');
    if (!bodied) response.setHeader('allow', 'GET, HEAD');
    send(bodied ? plain(413, 'a request must have no body') : plain(405, 'only GET and HEAD are supported'));
    return;
  }
  try {
    const refusal = await access.refusal(callerOf(request, path));
    if (refusal !== null) {
      send(refusal);
      return;
    }
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (route === undefined) {
      send(plain(404, `not found; the paths are ${Object.keys(routes).join(', ')}`));
      return;
    }
    const answer = await route({ path, query, accept: request.headers.accept ?? '' });
    const wanted = acceptsGzip(request.headers['accept-encoding'] ?? '');
    send(wanted ? await compressed(answer) : answer);
  } catch (error) {
    onFault(path, error as Error);
    send(plain(500, `internal error: ${(error as Error).message}`));
  }
}

function callerOf({ headers, socket }: IncomingMessage, path: string): Caller {
  return {
    path,
    host: headers.host ?? null,
    authorization: headers.authorization ?? null,
    address: socket.remoteAddress ?? '',
    certificate: socket instanceof TLSSocket ? certificateOf(socket) : null,
  };
}

function certificateOf(socket: TLSSocket): ClientCertificate | null {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return null;
  const names = namesOf(certificate).map((name) => name.replace(/^[^:]*:/, ''));
  return { isTrusted: socket.authorized, names };
}

function write(
  response: ServerResponse,
  { status, type, body, encoding, contentSecurityPolicy, headers = {} }: Answer,
  further: Readonly<Record<string, string>>,
  method: string,
): void {
  if (response.destroyed || response.headersSent) return;
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  response.writeHead(status, {
    'content-type': type,
    'content-length': bytes.byteLength,
    ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
    'cache-control': 'no-store',
    'content-security-policy': contentSecurityPolicy ?? NOTHING,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    ...further,
    ...headers,
  });
  response.end(method === 'HEAD' ? undefined : bytes);
}
