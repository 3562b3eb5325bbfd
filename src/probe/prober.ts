import type net from 'node:net';
import { Client } from 'undici';
import type { Prober, VoidProbe } from '../care/ports.js';
import type { Endpoint } from '../core/endpoint.js';
import type { Evidence } from '../core/evidence.js';
import { blame, type Phase } from './blame.js';
import { connect, type TlsOptions } from './connect.js';

export interface ProbeRequest {
  readonly scheme: 'https' | 'http';
  readonly method: string;
  /** Path with query, as it goes on the wire. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Statuses of 400 or above that are accepted all the same. */
  readonly acceptedStatuses: ReadonlySet<number>;
  /** For TCP to connect, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** For the whole probe, connecting included, in milliseconds. */
  readonly timeoutMs: number;
  readonly tls: TlsOptions;
}

/** How much of an answer's body is read. What comes after says nothing about health. */
const MOST_BODY_BYTES = 64 * 1024;

/** A prober over HTTP that makes a fresh connection for each probe, and leaves none behind. */
export function createProber(request: ProbeRequest): Prober {
  return {
    probe: (server, signal) => (signal.aborted ? Promise.resolve(STOPPED) : probe(request, server, signal)),
  };
}

const STOPPED: VoidProbe = { kind: 'void', detail: 'stopped' };

async function probe(
  request: ProbeRequest,
  server: Endpoint,
  signal: AbortSignal,
): Promise<Evidence | VoidProbe> {
  const deadline = new AbortController();
  const onAbort = (): void => {
    deadline.abort();
  };
  // An answer that came while we did something else is read first.
  const timer = setTimeout(() => setImmediate(onAbort), request.timeoutMs);
  signal.addEventListener('abort', onAbort);
  let phase: Phase = 'connect';
  const connection = connect(server, request, deadline.signal, (reached) => {
    phase = reached;
  });
  async function answer(): Promise<number> {
    const socket = await connection.ready;
    phase = 'answer';
    return ask(socket, request, server, deadline.signal);
  }
  try {
    return judge(await Promise.race([answer(), rejectionOf(deadline.signal)]), request.acceptedStatuses);
  } catch (error) {
    if (signal.aborted) return STOPPED;
    return blame(phase, error, deadline.signal.aborted ? request.timeoutMs : null);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    connection.drop();
  }
}

/**
 * Rejects when the signal aborts. Everything in a probe ends with its deadline by itself; but a monitor that waits for a
 * probe that does not would watch its server no more, and nobody would see it.
 */
function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
}

/** Sends the request and reads the whole answer, or as much of it as matters. Resolves to its status. */
async function ask(
  socket: net.Socket,
  request: ProbeRequest,
  server: Endpoint,
  signal: AbortSignal,
): Promise<number> {
  const client = new Client(`${request.scheme}://${server.text}`, {
    // Not at once: undici is not done asking when it calls this. It may ask again when the connection is lost.
    connect: (_options, callback) => {
      queueMicrotask(() => {
        if (socket.destroyed) callback(new Error('the connection was closed'), null);
        else callback(null, socket);
      });
    },
    // The probe has one deadline, and it is not undici's.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  try {
    const answer = await client.request({
      method: request.method,
      path: request.path,
      headers: { 'user-agent': 'lvscare', ...request.headers },
      body: request.body,
      signal,
    });
    let bytes = 0;
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength;
      if (bytes > MOST_BODY_BYTES) break;
    }
    return answer.statusCode;
  } finally {
    await client.destroy();
  }
}

function judge(status: number, accepted: ReadonlySet<number>): Evidence {
  return { kind: status < 400 || accepted.has(status) ? 'ok' : 'status', detail: `status ${status}` };
}
