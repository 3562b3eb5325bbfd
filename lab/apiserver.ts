/**
 * A stand-in for a kube-apiserver: the process of one master, started in its namespace. HTTPS on IPv4 and IPv6:
 *
 *   /healthz /livez /readyz   ok, or as the lab says
 *   /whoami                   who answers, and whom (JSON)
 *   /stream?everyMs=N         a line at once and one every N ms, until the client goes
 *   /stats                    what was counted (JSON)
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type {
  ApiserverCalls,
  ApiserverEvent,
  ApiserverOptions,
  ApiserverStats,
  HealthBehaviour,
  HealthRequest,
  Whoami,
} from './apiserver-calls.js';
import { serve, tell } from './remote.js';

const HEALTH_PATHS: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz']);

/** What a kube-apiserver allows an idle connection, in ms. */
const IDLE_MS = 90_000;

class Apiserver {
  health: HealthBehaviour = { kind: 'ok' };
  readonly #name: string;
  readonly #server: Server;
  readonly #requests = new Map<string, number>();
  #connections = 0;
  #openConnections = 0;
  #handshakes = 0;
  #failedHandshakes = 0;
  #lastHealthRequest: HealthRequest | null = null;

  constructor(options: ApiserverOptions) {
    this.#name = options.name;
    this.#server = createServer(
      {
        cert: readFileSync(options.certificateFile),
        key: readFileSync(options.keyFile),
        keepAliveTimeout: IDLE_MS,
      },
      (request, response) => {
        this.#answer(request, response);
      },
    );
    this.#server.on('connection', (socket) => {
      this.#connections++;
      this.#openConnections++;
      socket.once('close', () => this.#openConnections--);
    });
    this.#server.on('secureConnection', () => this.#handshakes++);
    this.#server.on('tlsClientError', () => this.#failedHandshakes++);
  }

  /** Listens on both families. */
  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host: '::' }, resolve);
    });
  }

  stats(): ApiserverStats {
    return {
      name: this.#name,
      connections: this.#connections,
      openConnections: this.#openConnections,
      handshakes: this.#handshakes,
      failedHandshakes: this.#failedHandshakes,
      requests: Object.fromEntries(this.#requests),
      lastHealthRequest: this.#lastHealthRequest,
    };
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://apiserver');
    const key = `${request.method ?? ''} ${pathname}`;
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
    if (HEALTH_PATHS.has(pathname)) this.#answerHealth(pathname, request, response);
    else if (pathname === '/whoami') sendJson(response, this.#whoami(request));
    else if (pathname === '/stats') sendJson(response, this.stats());
    else if (pathname === '/stream') stream(response, Number(searchParams.get('everyMs') ?? 1000));
    else sendText(response, 404, 'not found\n');
  }

  #answerHealth(path: string, request: IncomingMessage, response: ServerResponse): void {
    this.#lastHealthRequest = {
      method: request.method ?? '',
      path,
      headers: request.headers,
      remoteAddress: remoteAddress(request),
    };
    switch (this.health.kind) {
      case 'ok':
        sendText(response, 200, 'ok');
        break;
      case 'status':
        sendText(response, this.health.status, 'as the lab says\n');
        break;
      case 'hang':
        break;
    }
  }

  #whoami(request: IncomingMessage): Whoami {
    let requests = 0;
    for (const count of this.#requests.values()) requests += count;
    return {
      name: this.#name,
      remoteAddress: remoteAddress(request),
      remotePort: request.socket.remotePort ?? 0,
      connections: this.#connections,
      requests,
    };
  }
}

function remoteAddress(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function sendJson(response: ServerResponse, value: unknown): void {
  const text = `${JSON.stringify(value)}\n`;
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function stream(response: ServerResponse, everyMs: number): void {
  let line = 0;
  const send = (): void => {
    response.write(`${line++}\n`);
  };
  response.writeHead(200, { 'content-type': 'text/plain' });
  send();
  const timer = setInterval(send, everyMs);
  response.once('close', () => {
    clearInterval(timer);
  });
}

const options = JSON.parse(process.argv[2] ?? '{}') as ApiserverOptions;
const apiserver = new Apiserver(options);
const emit = (event: ApiserverEvent): void => {
  tell(event);
};
serve<ApiserverCalls>({
  behave: (health) => {
    apiserver.health = health;
  },
  stats: () => apiserver.stats(),
});
process.on('SIGTERM', () => process.exit(0));
try {
  await apiserver.listen(options.port);
  emit({ kind: 'listening' });
} catch (error) {
  emit({ kind: 'failed', why: String(error) });
}
