/**
 * A stand-in for a kube-apiserver: the process of one master, started in its namespace. HTTPS on IPv4 and IPv6:
 *
 *   /healthz /livez /readyz   ok, or as the lab says
 *   /whoami                   who answers, and whom (JSON)
 *   /stream?everyMs=N         a line at once and one every N ms, until the client goes
 *   /bytes?count=N            a body of N bytes
 *   /stats                    what was counted (JSON)
 */
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { TLSSocket, type TlsOptions } from 'node:tls';
import type {
  ApiserverCalls,
  ApiserverEvent,
  ApiserverOptions,
  ApiserverStats,
  Credentials,
  HealthBehaviour,
  HealthRequest,
  Manners,
  Whoami,
} from './apiserver-calls.js';
import type { CertificateFiles } from './certificates.js';
import { ClusterApi } from './cluster-api.js';
import { FrontDoor, type Protocol } from './front-door.js';
import { answerHealth, HEALTH_PATHS, sendText } from './health-answers.js';
import { serve, tell } from './remote.js';

type SecureProtocol = Exclude<Protocol, 'http'>;

/** What a kube-apiserver allows an idle connection, in ms. */
const IDLE_MS = 90_000;

/** How long one that shuts down waits for its clients, in ms. */
const PATIENCE_MS = 10_000;

/** What a TLS server of each kind is made with, beside its certificate. */
const TLS: Readonly<Record<SecureProtocol, TlsOptions>> = {
  // Asks for a client's certificate as a kube-apiserver does, and decides by the request.
  tls: { requestCert: true, rejectUnauthorized: false },
  'client-certificate': { requestCert: true, rejectUnauthorized: true },
  'tls1.0': { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' },
};

class Apiserver {
  health: HealthBehaviour = { kind: 'ok' };
  credentials: Credentials | null = null;
  /** What it knows of the apiservers of its cluster. */
  readonly cluster = new ClusterApi();
  readonly door: FrontDoor;
  readonly #options: ApiserverOptions;
  readonly #secureServers: Readonly<Record<SecureProtocol, ReturnType<typeof createHttpsServer>>>;
  readonly #plainServer = createHttpServer((request, response) => {
    this.#answer(request, response);
  });
  readonly #requests = new Map<string, number>();
  /** Connections that speak HTTP, each with the number of answers that it waits for. */
  readonly #waiting = new Map<Socket, number>();
  /** What ends each of the streams under way. */
  readonly #streams = new Set<() => void>();
  #lastAnswer = false;
  #life: 'serving' | 'unready' | 'closing' = 'serving';
  #handshakes = 0;
  #failedHandshakes = 0;
  #lastHealthRequest: HealthRequest | null = null;

  constructor(options: ApiserverOptions) {
    this.#options = options;
    this.#secureServers = {
      tls: this.#secureServer('tls'),
      'tls1.0': this.#secureServer('tls1.0'),
      'client-certificate': this.#secureServer('client-certificate'),
    };
    this.#plainServer.on('connection', (socket) => {
      this.#welcome(socket);
    });
    this.door = new FrontDoor((socket, protocol) => {
      const server = protocol === 'http' ? this.#plainServer : this.#secureServers[protocol];
      server.emit('connection', socket);
    });
    this.mind({});
  }

  openPort(): Promise<void> {
    return this.door.open(this.#options.port);
  }

  mind({ idleMs = IDLE_MS, lastAnswer = false }: Manners): void {
    this.#lastAnswer = lastAnswer;
    for (const server of [this.#plainServer, ...Object.values(this.#secureServers)])
      server.keepAliveTimeout = idleMs;
  }

  present(certificate: CertificateFiles): void {
    for (const protocol of Object.keys(TLS) as SecureProtocol[])
      this.#secureServers[protocol].setSecureContext(this.#context(protocol, certificate));
  }

  async heal(): Promise<void> {
    this.health = { kind: 'ok' };
    this.credentials = null;
    this.door.greeting = { kind: 'tls' };
    this.mind({});
    this.present(this.#options);
    await this.openPort();
  }

  /**
   * Ends as a kube-apiserver does on SIGTERM: for a while only readyz tells; then nobody new is let in, idle
   * connections are closed, requests are answered, watches are ended, and the process with the last of them.
   */
  async shutDown(unreadyMs: number): Promise<void> {
    this.#life = 'unready';
    await delay(unreadyMs);
    this.#life = 'closing';
    this.door.close();
    for (const endStream of this.#streams) endStream();
    for (const [socket, answers] of this.#waiting) if (answers === 0) socket.end();
    const lastMs = performance.now() + PATIENCE_MS;
    while (this.door.openConnections > 0 && performance.now() < lastMs) await delay(10);
    process.exit(0);
  }

  stats(): ApiserverStats {
    return {
      name: this.#options.name,
      connections: this.door.connections,
      openConnections: this.door.openConnections,
      handshakes: this.#handshakes,
      failedHandshakes: this.#failedHandshakes,
      requests: Object.fromEntries(this.#requests),
      lastHealthRequest: this.#lastHealthRequest,
    };
  }

  #secureServer(protocol: SecureProtocol): ReturnType<typeof createHttpsServer> {
    const server = createHttpsServer(this.#context(protocol, this.#options), (request, response) => {
      this.#answer(request, response);
    });
    server.on('secureConnection', (socket) => {
      this.#handshakes++;
      this.#welcome(socket);
    });
    server.on('tlsClientError', () => this.#failedHandshakes++);
    return server;
  }

  #context(protocol: SecureProtocol, { certificateFile, keyFile }: CertificateFiles): TlsOptions {
    return {
      ...TLS[protocol],
      cert: readFileSync(certificateFile),
      key: readFileSync(keyFile),
      ca: readFileSync(this.#options.clientCaFile),
    };
  }

  #welcome(socket: Socket): void {
    this.#waiting.set(socket, 0);
    socket.once('close', () => this.#waiting.delete(socket));
  }

  #waitsFor(socket: Socket, change: 1 | -1): void {
    const answers = this.#waiting.get(socket);
    if (answers === undefined) return;
    this.#waiting.set(socket, answers + change);
    if (answers + change === 0 && this.#life === 'closing') socket.end();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://apiserver');
    const key = `${request.method ?? ''} ${pathname}`;
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
    this.#waitsFor(request.socket, 1);
    response.once('close', () => {
      this.#waitsFor(request.socket, -1);
    });
    // Like Go's server, which does not tell for how long it keeps a connection.
    if (this.#lastAnswer || this.#life === 'closing') response.setHeader('connection', 'close');
    else response.removeHeader('connection');
    if (HEALTH_PATHS.has(pathname)) this.#answerHealth(pathname, request, response);
    else if (pathname === '/whoami') sendJson(response, this.#whoami(request));
    else if (pathname === '/bytes')
      sendText(response, 200, 'x'.repeat(Number(searchParams.get('count') ?? 0)));
    else if (pathname === '/stats') sendJson(response, this.stats());
    else if (pathname === '/stream') this.#stream(response, Number(searchParams.get('everyMs') ?? 1000));
    else if (!this.cluster.answer(request, response)) sendText(response, 404, 'not found\n');
  }

  #answerHealth(path: string, request: IncomingMessage, response: ServerResponse): void {
    this.#lastHealthRequest = {
      method: request.method ?? '',
      path,
      headers: request.headers,
      remoteAddress: remoteAddress(request),
    };
    if (!this.#knows(request)) sendText(response, 401, 'Unauthorized\n');
    else if (path === '/readyz' && this.#life !== 'serving') sendText(response, 500, 'shutting down\n');
    else
      answerHealth(this.health, path, request, response, (by) => {
        this.door.cutOff(request.socket, by);
      });
  }

  #knows({ headers, socket }: IncomingMessage): boolean {
    if (this.credentials === null) return true;
    const { token, clientCertificate = false } = this.credentials;
    if (token !== undefined && headers.authorization === `Bearer ${token}`) return true;
    return clientCertificate && socket instanceof TLSSocket && socket.authorized;
  }

  #whoami(request: IncomingMessage): Whoami {
    let requests = 0;
    for (const count of this.#requests.values()) requests += count;
    return {
      name: this.#options.name,
      remoteAddress: remoteAddress(request),
      remotePort: request.socket.remotePort ?? 0,
      connections: this.door.connections,
      requests,
    };
  }

  #stream(response: ServerResponse, everyMs: number): void {
    let line = 0;
    const send = (): void => {
      response.write(`${line++}\n`);
    };
    response.writeHead(200, { 'content-type': 'text/plain' });
    send();
    const timer = setInterval(send, everyMs);
    const end = (): void => {
      clearInterval(timer);
      this.#streams.delete(end);
      response.end();
    };
    this.#streams.add(end);
    response.once('close', end);
  }
}

function remoteAddress(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}

function sendJson(response: ServerResponse, value: unknown): void {
  const text = `${JSON.stringify(value)}\n`;
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

const apiserver = new Apiserver(JSON.parse(process.argv[2] ?? '{}') as ApiserverOptions);
const emit = (event: ApiserverEvent): void => {
  tell(event);
};
serve<ApiserverCalls>({
  behave: (health) => {
    apiserver.health = health;
  },
  greet: (greeting) => {
    apiserver.door.greeting = greeting;
  },
  mind: (manners) => {
    apiserver.mind(manners);
  },
  demand: (credentials) => {
    apiserver.credentials = credentials;
  },
  present: (certificate) => {
    apiserver.present(certificate);
  },
  list: (addresses, mayWatch) => {
    apiserver.cluster.rights = { get: true, list: mayWatch, watch: mayWatch };
    apiserver.cluster.setAddresses(addresses);
  },
  closePort: () => {
    apiserver.door.close();
  },
  openPort: () => apiserver.openPort(),
  heal: () => apiserver.heal(),
  shutDown: (unreadyMs) => void apiserver.shutDown(unreadyMs),
  stats: () => apiserver.stats(),
});
process.on('SIGTERM', () => process.exit(0));
try {
  await apiserver.openPort();
  emit({ kind: 'listening' });
} catch (error) {
  emit({ kind: 'failed', why: String(error) });
}
