/**
 * The control socket of a running lvscare: HTTP over a Unix socket that only its own user may open. So it needs no protection
 * from clients but Node's own time limits.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { listenOnFile, type SocketFile } from '../state/socket-file.js';

/** What the socket controls. All answers are values for JSON. */
export interface Controlled {
  status(): Promise<unknown>;
  /** Drains a real server, or ends that. */
  setDrained(server: string, request: DrainRequest): Promise<DrainAnswer>;
}

export interface DrainRequest {
  readonly drained: boolean;
  /** Drain it also if no other one would serve. */
  readonly force: boolean;
  /** When the client stops waiting, in milliseconds of CLOCK_MONOTONIC; Infinity if it does not say. */
  readonly deadlineMs: number;
}

type DrainAnswer =
  | { readonly kind: 'done'; readonly outcome: unknown }
  /** There is no such real server; `known` lists those that there are. */
  | { readonly kind: 'unknown'; readonly known: readonly string[] }
  /** Nothing was changed: why, in words. */
  | { readonly kind: 'refused'; readonly why: string };

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * Listens on a file, mode 0600. Replaces a file that no process listens on any more. Rejects if a process does, or if the
 * file cannot be created.
 */
export async function serveControl(path: string, controlled: Controlled): Promise<AsyncDisposable> {
  const server = createServer((request, response) => {
    void answer(request, controlled).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
      response.end(`${JSON.stringify(body)}\n`);
    });
  });
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

async function answer(request: IncomingMessage, controlled: Controlled): Promise<Answer> {
  const { method = '', url = '' } = request;
  const [path = '', query] = url.split('?', 2);
  const drain = /^\/drains\/([^/]+)$/.exec(path)?.[1];
  try {
    if (path === '/status')
      return method === 'GET' ? { status: 200, body: await controlled.status() } : wrongMethod(method);
    if (drain === undefined) return refusal(404, `not found: ${url}`);
    if (method !== 'PUT' && method !== 'DELETE') return wrongMethod(method);
    const given = new URLSearchParams(query);
    const deadlineMs = Number(given.get('deadline') ?? Infinity);
    if (Number.isNaN(deadlineMs)) return refusal(400, 'deadline must be a number of milliseconds');
    const answered = await controlled.setDrained(decodeURIComponent(drain), {
      drained: method === 'PUT',
      force: given.has('force'),
      deadlineMs,
    });
    switch (answered.kind) {
      case 'done':
        return { status: 200, body: answered.outcome };
      case 'unknown':
        return { status: 404, body: { error: 'there is no such real server', known: answered.known } };
      case 'refused':
        return refusal(409, answered.why);
    }
  } catch (error) {
    return error instanceof URIError
      ? refusal(400, error.message)
      : refusal(500, error instanceof Error ? error.message : String(error));
  }
}

function wrongMethod(method: string): Answer {
  return refusal(405, `the method ${method} is not supported here`);
}

function refusal(status: number, error: string): Answer {
  return { status, body: { error } };
}
