import type { InconclusiveProbe } from '../control-loop/ports.js';
import type { Evidence } from '../values/evidence.js';

/** How far a probe had come. */
export type Phase = 'connect' | 'handshake' | 'answer';

export class ConnectTimeout extends Error {
  constructor(timeoutMs: number) {
    super(`no answer to connect in ${timeoutMs} ms`);
  }
}

/** Something that a probe needs of this node, and does not get. */
export class LocalFault extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

/** What the kernel says of a connection when no answer came for too long, or when a router reports that none will. */
const SILENCE = new Set(['ETIMEDOUT', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN']);

export function isSilence(error: unknown): boolean {
  return SILENCE.has((error as NodeJS.ErrnoException).code ?? '');
}

/** Errors that a probe can meet before a packet leaves this node: they say nothing about the server. */
const OURS = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'EAGAIN']);

/**
 * What a failed probe says about its server. `timedOutMs` is the probe's time limit when that is what ended it, else
 * null. The table is in docs/decisions.md.
 */
export function classifyFailure(
  phase: Phase,
  error: unknown,
  timedOutMs: number | null,
): Evidence | InconclusiveProbe {
  const { code } = error as NodeJS.ErrnoException;
  if (timedOutMs !== null) {
    if (phase === 'connect') return { kind: 'silent', detail: `no answer to connect in ${timedOutMs} ms` };
    const detail = `no complete answer in ${timedOutMs} ms`;
    return phase === 'handshake'
      ? { kind: 'slow', detail: `${detail}: the TLS handshake hangs`, noHandshake: true }
      : { kind: 'slow', detail };
  }
  const detail = inWords(error);
  if (error instanceof LocalFault) return { kind: 'inconclusive', detail };
  if (code === 'ETIMEDOUT' || error instanceof ConnectTimeout) return { kind: 'silent', detail };
  if (isSilence(error)) return { kind: 'silent', detail, unreachable: true };
  switch (phase) {
    case 'connect':
      if (code !== undefined && OURS.has(code)) return { kind: 'inconclusive', detail };
      // It was connected, and reset before it was used: the server does not listen any more, or refuses this node.
      if (code === 'ECONNRESET' || code === 'EPIPE') return { kind: 'broken', detail };
      if (code === 'ECONNREFUSED') return { kind: 'refused', detail };
      return { kind: 'silent', detail, unreachable: true };
    case 'handshake':
      return { kind: 'tls', detail };
    case 'answer':
      // With TLS 1.3 a server rejects our own certificate only after the handshake.
      return { kind: code?.startsWith('ERR_SSL_') === true ? 'tls' : 'broken', detail };
  }
}

function inWords(error: unknown): string {
  const { code, message, reason } = error as NodeJS.ErrnoException & { readonly reason?: unknown };
  // OpenSSL's own message has an address in memory and a line of its source around the reason.
  if (typeof reason === 'string' && code?.startsWith('ERR_SSL_')) return reason;
  // Where we came from is of no interest.
  const words = message.replace(/ - Local \(.*\)$/, '');
  return words === '' ? (code ?? 'failed') : words;
}
