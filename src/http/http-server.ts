import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { plain, type Answer, type Routes } from './answer.js';
import { compressor, takesGzip } from './compression.js';

interface Limits {
  /**
   * Connections that wait to be asked something, and as many that are being answered. One more of either takes the place of
   * who has been that for longest; but nobody has to go before it had `arrivalMs` to ask, unless there are four times as many.
   */
  readonly connections: number;
  /** For a first request to come, however many others come meanwhile, in milliseconds. */
  readonly arrivalMs: number;
  /** For a request to be there, headers and all, in milliseconds. */
  readonly requestMs: number;
  /** For the next request on a connection. */
  readonly keepAliveMs: number;
  /** For a client to take the whole answer. */
  readonly answerMs: number;
  /** Of a request's headers and its first line. */
  readonly headerBytes: number;
}

export const LIMITS: Limits = {
  connections: 64,
  arrivalMs: 100,
  requestMs: 5000,
  keepAliveMs: 75_000,
  answerMs: 10_000,
  headerBytes: 8192,
};

/** As far as a page needs nothing: no scripts, no styles, nothing loaded, nobody's frame. */
const NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/**
 * Answers GET and HEAD at the paths of `routes`, and nothing else. Slow, huge, malformed and many clients cost their own
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
    // An HTTP/1.1 client that names no host is not to be turned away for it: the name means nothing here.
    requireHostHeader: false,
  });
  const compressed = compressor();
  const answer = oneAtATime((request, response) => {
    void respond(routes, limits, compressed, request, response, onFault);
  });
  for (const event of REQUESTS) server.on(event, answer);
  parseInPieces(server);
  boundConnections(server, limits);
  return server;
}

/** Where a request expects something, Node would answer it alone, and uncounted. */
const REQUESTS = ['request', 'checkContinue', 'checkExpectation'] as const;

type Answering = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Who asks over a connection again before it has taken what it asked for is not listened to any more: Node reads on while an
 * answer is made, and each request that waits is memory.
 */
function oneAtATime(answer: Answering): Answering {
  const answering = new WeakSet<Socket>();
  return (request, response) => {
    const { socket } = request;
    if (answering.has(socket)) socket.destroy();
    // The rest of what came in one packet is told all the same.
    if (socket.destroyed) return;
    answering.add(socket);
    response.once('close', () => answering.delete(socket));
    answer(request, response);
  };
}

/** What is parsed without a look at whether the connection is still open, in bytes. */
const PIECE_BYTES = 1024;

/** Node parses all that one read brought, which may be thousands of requests, although the second one ended the connection. */
function parseInPieces(server: Server): void {
  server.on('connection', (socket: Socket) => {
    const parsers = socket.listeners('data');
    socket.removeAllListeners('data');
    socket.on('data', (chunk: Buffer) => {
      for (let at = 0; at < chunk.length && !socket.destroyed; at += PIECE_BYTES)
        for (const parse of parsers) parse.call(socket, chunk.subarray(at, at + PIECE_BYTES));
    });
  });
}

/** How many times as many connections may wait as long as they have just come. */
const MOST_ARRIVING = 4;

/** Those who wait never take the place of those who are answered, nor the other way round. */
function boundConnections(server: Server, { connections: most, arrivalMs }: Limits): void {
  /** Since when, in milliseconds; the quietest first. */
  const waiting = new Map<Socket, number>();
  /** The one that was heard first, first. */
  const answering = new Set<Socket>();
  const wait = (socket: Socket): void => {
    waiting.set(socket, performance.now());
    for (const [quietest, sinceMs] of waiting) {
      const arriving = performance.now() - sinceMs < arrivalMs;
      if (waiting.size <= most || (arriving && waiting.size <= most * MOST_ARRIVING)) return;
      waiting.delete(quietest);
      quietest.destroy();
    }
  };
  server.on('connection', (socket: Socket) => {
    socket.once('close', () => {
      waiting.delete(socket);
      answering.delete(socket);
    });
    wait(socket);
  });
  const hear = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    if (socket.destroyed) return;
    waiting.delete(socket);
    answering.add(socket);
    response.once('close', () => {
      if (answering.delete(socket) && !socket.destroyed) wait(socket);
    });
    const [first] = answering;
    if (answering.size > most) first?.destroy();
  };
  for (const event of REQUESTS) server.on(event, hear);
}

async function respond(
  routes: Routes,
  limits: Limits,
  compressed: (answer: Answer) => Promise<Answer>,
  request: IncomingMessage,
  response: ServerResponse,
  onFault: (path: string, error: Error) => void,
): Promise<void> {
  const { socket } = request;
  const late = setTimeout(() => socket.destroy(), limits.answerMs).unref();
  response.once('close', () => {
    clearTimeout(late);
  });
  const { method = '', url = '/' } = request;
  const [path = '/'] = url.split('?', 1);
  // What has a body wants something that there is not, and its body is not waited for.
  const bodied =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  if (bodied || (method !== 'GET' && method !== 'HEAD')) {
    response.setHeader('connection', 'close');
    if (!bodied) response.setHeader('allow', 'GET, HEAD');
    send(response, bodied ? plain(413, 'no body is taken here') : plain(405, 'only GET and HEAD'), method);
    return;
  }
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (route === undefined) {
    send(response, plain(404, `nothing here; there is ${Object.keys(routes).join(', ')}`), method);
    return;
  }
  try {
    const answer = await route({ path, accept: request.headers.accept ?? '' });
    const wanted = takesGzip(request.headers['accept-encoding'] ?? '');
    send(response, wanted ? await compressed(answer) : answer, method);
  } catch (error) {
    onFault(path, error as Error);
    send(response, plain(500, `cannot tell: ${(error as Error).message}`), method);
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
