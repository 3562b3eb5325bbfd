import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { plain, type Answer, type Routes } from './answer.js';
import { compressor, acceptsGzip } from './compression.js';

interface Limits {
  /** Open connections. One more closes the connection whose last request is the oldest. */
  readonly connections: number;
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
  requestMs: 5000,
  keepAliveMs: 75_000,
  answerMs: 10_000,
  headerBytes: 8192,
};

/** For answers that are not the page: no scripts, no styles, nothing loaded, no frame around them. */
const NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/**
 * Answers GET and HEAD at the paths of `routes`, and nothing else. Slow, huge, malformed and many requests cost their own
 * connections: each is bounded in time, in bytes and in number.
 */
export function httpServer(
  routes: Routes,
  limits: Limits,
  onFault: (path: string, error: Error) => void,
): Server {
  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.requestMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(1000, limits.requestMs / 2),
    // The Host header means nothing here, so a client may leave it out.
    requireHostHeader: false,
  });
  const compressed = compressor();
  /** Whether each open connection waits for an answer; the one whose last request is the oldest comes first. */
  const connections = new Map<Socket, boolean>();
  server.on('connection', (socket: Socket) => {
    connections.set(socket, false);
    socket.once('close', () => connections.delete(socket));
    // Node's maxConnections would refuse the new connection instead, which may be kubelet's.
    const [oldest] = connections.keys();
    if (oldest === undefined || connections.size <= limits.connections) return;
    connections.delete(oldest);
    oldest.destroy();
  });
  server.on('request', (request, response) => {
    const { socket } = request;
    // Node goes on to read requests while it waits for an answer, and each of them takes memory.
    if (connections.get(socket) !== false) {
      socket.destroy();
      return;
    }
    connections.delete(socket);
    connections.set(socket, true);
    response.once('close', () => {
      if (connections.has(socket)) connections.set(socket, false);
    });
    void respond(routes, limits, compressed, request, response, onFault);
  });
  return server;
}

async function respond(
  routes: Routes,
  limits: Limits,
  compressed: (answer: Answer) => Promise<Answer>,
  request: IncomingMessage,
  response: ServerResponse,
  onFault: (path: string, error: Error) => void,
): Promise<void> {
  // Node's server.timeout would not end a client that takes the answer byte by byte.
  const late = setTimeout(() => request.socket.destroy(), limits.answerMs).unref();
  response.once('close', () => {
    clearTimeout(late);
  });
  const { method = '', url = '/' } = request;
  const [path = '/', query = ''] = url.split('?', 2);
  // A request with a body is refused before the body arrives.
  const bodied =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  if (bodied || (method !== 'GET' && method !== 'HEAD')) {
    response.setHeader('connection', 'close');
    if (!bodied) response.setHeader('allow', 'GET, HEAD');
    send(
      response,
      bodied ? plain(413, 'a request must have no body') : plain(405, 'only GET and HEAD are supported'),
      method,
    );
    return;
  }
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (route === undefined) {
    send(response, plain(404, `not found; the paths are ${Object.keys(routes).join(', ')}`), method);
    return;
  }
  try {
    const answer = await route({ path, query, accept: request.headers.accept ?? '' });
    const wanted = acceptsGzip(request.headers['accept-encoding'] ?? '');
    send(response, wanted ? await compressed(answer) : answer, method);
  } catch (error) {
    onFault(path, error as Error);
    send(response, plain(500, `internal error: ${(error as Error).message}`), method);
  }
}

function send(
  response: ServerResponse,
  { status, type, body, encoding, contentSecurityPolicy }: Answer,
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
  });
  response.end(method === 'HEAD' ? undefined : bytes);
}
