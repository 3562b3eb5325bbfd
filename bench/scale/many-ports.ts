/**
 * A stand-in for many apiservers at one address: a process that listens on many ports and answers everything with 200.
 * No HTTP parser, one TLS context: what it costs is taken from the CPU that the measured program runs on.
 */
import { readFileSync } from 'node:fs';
import { createServer as createPort, type Server, type Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { serve } from '../../lab/remote.js';
import { nowMs } from '../clock.js';
import type { ManyPortsCalls, ManyPortsOptions } from './many-ports-calls.js';

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok';
/** Who asks so waits for the end of the connection: keepalived. */
const LAST = / HTTP\/1\.0\r\n|\r\nconnection: close\r\n/i;

const options = JSON.parse(process.argv[2] ?? '{}') as ManyPortsOptions;
const listeners = new Map<number, Server>();
const connections = new Map<number, Set<Socket>>(options.ports.map((port) => [port, new Set()]));

const tls = createTls({ cert: readFileSync(options.certificateFile), key: readFileSync(options.keyFile) });
tls.on('secureConnection', (socket) => {
  // Looked up now: once it is closed it does not know any more.
  const open = connections.get(socket.localPort ?? 0);
  open?.add(socket);
  let request = '';
  socket.on('data', (chunk: Buffer) => {
    request += chunk.toString('latin1');
    if (!request.endsWith('\r\n\r\n')) return;
    const last = LAST.test(request);
    noteRequest(socket.localPort ?? 0);
    request = '';
    if (last) socket.end(ANSWER);
    else socket.write(ANSWER);
  });
  socket.on('error', () => undefined);
  socket.once('close', () => open?.delete(socket));
});
tls.on('tlsClientError', () => undefined);

/** When each port had its last request, and its longest time without one. */
const pauses = new Map<number, { atMs: number; longestMs: number }>();

function noteRequest(port: number): void {
  const pause = pauses.get(port);
  if (pause === undefined) return;
  const atMs = nowMs();
  pause.longestMs = Math.max(pause.longestMs, atMs - pause.atMs);
  pause.atMs = atMs;
}

function listen(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const listener = createPort((socket) => tls.emit('connection', socket));
    listener.once('error', reject);
    listener.listen(port, '0.0.0.0', resolve);
    listeners.set(port, listener);
  });
}

process.on('SIGTERM', () => process.exit(0));
serve<ManyPortsCalls>({
  listen: async () => {
    await Promise.all(options.ports.map(listen));
  },
  close: (port) => {
    const atMs = nowMs();
    listeners.get(port)?.close();
    for (const socket of connections.get(port) ?? []) socket.destroy();
    return atMs;
  },
  watchRequests: () => {
    for (const port of options.ports) pauses.set(port, { atMs: nowMs(), longestMs: 0 });
  },
  longestPause: (ports) => {
    for (const port of ports) noteRequest(port);
    return Math.max(0, ...ports.map((port) => pauses.get(port)?.longestMs ?? 0));
  },
  reopen: listen,
});
