/** Where a running lvscare can be asked and told: HTTP over a Unix socket that only its own user may open. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { listenOnFile, type SocketFile } from '../state/socket-file.js';

/** What can be asked of it. All answers are values that JSON can say. */
export interface Controlled {
  status(): Promise<unknown>;
  /** Takes a real server out, or back. */
  setDrained(server: string, drained: boolean): Promise<DrainAnswer>;
}

type DrainAnswer =
  | { readonly kind: 'done'; readonly outcome: unknown }
  /** There is no such real server; those that there are. */
  | { readonly kind: 'unknown'; readonly known: readonly string[] };

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Whoever comes beside so many is turned away. */
const MOST_CONNECTIONS = 16;
/** All that one connection may take, however slow its client is. */
const CONNECTION_MS = 10_000;
const REQUEST_MS = 2000;
/** For how long an answer is not made anew: many who ask must not keep us from our work. */
const FRESH_MS = 200;

/**
 * Listens on a file of its own, mode 0600, in place of one that nobody listens on any more. Rejects, in words that read on
 * after "because", when somebody does, or when there can be no such file.
 */
export async function serveControl(path: string, controlled: Controlled): Promise<AsyncDisposable> {
  const server = httpServer(controlled);
  try {
    const file = await listenOnFile(server, path);
    return { [Symbol.asyncDispose]: () => close(server, file) };
  } catch (error) {
    server.close();
    throw error;
  }
}

async function close(server: Server, file: SocketFile): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
  await file.remove();
}

function httpServer(controlled: Controlled): Server {
  const shared = withFreshStatus(controlled);
  const server = createServer(
    {
      maxHeaderSize: 4096,
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      connectionsCheckingInterval: REQUEST_MS / 2,
    },
    (request, response) => {
      void answer(request, shared).then((given) => {
        send(request, response, given);
      });
    },
  );
  server.maxConnections = MOST_CONNECTIONS;
  server.maxRequestsPerSocket = 1;
  server.on('connection', (socket) => {
    const late = setTimeout(() => socket.destroy(), CONNECTION_MS);
    socket.once('close', () => {
      clearTimeout(late);
    });
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  return server;
}

/** Asks for the status once for all who ask at nearly the same time. */
function withFreshStatus(controlled: Controlled): Controlled {
  let last: { readonly atMs: number; readonly status: Promise<unknown> } | null = null;
  return {
    status() {
      const nowMs = performance.now();
      if (last === null || nowMs - last.atMs >= FRESH_MS) last = { atMs: nowMs, status: controlled.status() };
      return last.status;
    },
    async setDrained(server, drained) {
      try {
        return await controlled.setDrained(server, drained);
      } finally {
        last = null;
      }
    },
  };
}

async function answer(request: IncomingMessage, controlled: Controlled): Promise<Answer> {
  if (hasBody(request)) return refusal(413, 'a request without a body is expected');
  const { method = '', url = '' } = request;
  const drain = /^\/drains\/([^/?]+)$/.exec(url)?.[1];
  try {
    if (url === '/status')
      return method === 'GET' ? { status: 200, body: await controlled.status() } : wrongMethod(method);
    if (drain === undefined) return refusal(404, `there is no ${url}`);
    if (method !== 'PUT' && method !== 'DELETE') return wrongMethod(method);
    const answered = await controlled.setDrained(decodeURIComponent(drain), method === 'PUT');
    return answered.kind === 'done'
      ? { status: 200, body: answered.outcome }
      : { status: 404, body: { error: 'there is no such real server', known: answered.known } };
  } catch (error) {
    return error instanceof URIError
      ? refusal(400, error.message)
      : refusal(500, error instanceof Error ? error.message : String(error));
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}

function wrongMethod(method: string): Answer {
  return refusal(405, `it cannot be asked by ${method}`);
}

function refusal(status: number, error: string): Answer {
  return { status, body: { error } };
}

function send(request: IncomingMessage, response: ServerResponse, { status, body }: Answer): void {
  const text = Buffer.from(`${JSON.stringify(body)}\n`);
  // Whoever has more to say is not listened to.
  if (hasBody(request)) response.once('finish', () => request.destroy());
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': text.length,
    connection: 'close',
  });
  response.end(text);
}
