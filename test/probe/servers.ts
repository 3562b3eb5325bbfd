/** Servers on loopback for the prober to meet: good ones, and ones that fail in every way that it tells apart. */
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { Worker } from 'node:worker_threads';
import { endpoint, type Endpoint } from '../../src/values/endpoint.js';

export interface Listening extends AsyncDisposable {
  readonly endpoint: Endpoint;
}

/** Makes a server listen on a port of the kernel's choice. Disposing of it ends its connections, too. */
async function listening(server: net.Server, host = '127.0.0.1'): Promise<Listening> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    // The prober ends connections by a reset: that is no error of the server's.
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  server.listen(0, host);
  await once(server, 'listening');
  return {
    endpoint: endpoint(host.includes(':') ? 'ipv6' : 'ipv4', host, portOf(server)),
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** One that treats each connection as it likes, by TCP alone. */
export function raw(onConnection: (socket: net.Socket) => void): Promise<Listening> {
  return listening(net.createServer(onConnection));
}

/** The same above TLS. */
export function rawAboveTls(
  credentials: tls.TlsOptions,
  onConnection: (socket: net.Socket) => void,
): Promise<Listening> {
  const server = tls.createServer(credentials, (socket) => {
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  return listening(server.on('tlsClientError', () => undefined));
}

/** A good one: HTTPS with credentials, HTTP without. */
export function web(
  credentials: https.ServerOptions | null,
  listener: http.RequestListener,
  host?: string,
): Promise<Listening> {
  const server =
    credentials === null ? http.createServer(listener) : https.createServer(credentials, listener);
  return listening(
    server.on('tlsClientError', () => undefined),
    host,
  );
}

export function answering(status: number, body = 'ok'): http.RequestListener {
  return (_request, response) => {
    response.statusCode = status;
    response.end(body);
  };
}

/** A port of loopback on which nobody listens. */
export async function closedPort(): Promise<Endpoint> {
  await using server = await raw(() => undefined);
  return server.endpoint;
}

/**
 * One that gives no answer to connect: it accepts nobody, and its queue of connections that wait to be accepted is full,
 * so that the kernel drops whatever asks to be one more.
 */
export async function silent(): Promise<Listening> {
  const wake = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
       parentPort.postMessage(server.address().port);
       Atomics.wait(workerData, 0, 0);
       process.exit();
     });`,
    { eval: true, workerData: wake },
  );
  const [port] = (await once(worker, 'message')) as [number];
  // A queue for one takes two, as Linux counts.
  const waiting = [net.connect(port, '127.0.0.1'), net.connect(port, '127.0.0.1')];
  await Promise.all(waiting.map((socket) => once(socket, 'connect')));
  return {
    endpoint: endpoint('ipv4', '127.0.0.1', port),
    async [Symbol.asyncDispose]() {
      for (const socket of waiting) socket.on('error', () => undefined).destroy();
      const ended = once(worker, 'exit');
      Atomics.store(wake, 0, 1);
      Atomics.notify(wake, 0);
      await ended;
    },
  };
}

function portOf(server: net.Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return address.port;
}
