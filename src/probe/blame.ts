import type { VoidProbe } from '../care/ports.js';
import type { Evidence } from '../core/evidence.js';

/** How far a probe had come. */
export type Phase = 'connect' | 'handshake' | 'answer';

export class ConnectTimeout extends Error {
  constructor(timeoutMs: number) {
    super(`no answer to connect in ${timeoutMs} ms`);
  }
}

/** Errors that a probe can meet before a packet leaves this node: they say nothing about the server. */
const OURS = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'EAGAIN']);

/**
 * What a failed probe says about its server. `timedOutMs` is the probe's time limit when that is what ended it, else
 * null. The table is in docs/decisions.md.
 */
export function blame(phase: Phase, error: unknown, timedOutMs: number | null): Evidence | VoidProbe {
  const { code, message } = error as NodeJS.ErrnoException;
  if (timedOutMs !== null) {
    const detail = `no complete answer in ${timedOutMs} ms`;
    return phase === 'connect'
      ? { kind: 'silent', detail: `no answer to connect in ${timedOutMs} ms` }
      : { kind: 'slow', detail: phase === 'handshake' ? `${detail}: the TLS handshake hangs` : detail };
  }
  const detail = message === '' ? (code ?? 'failed') : message;
  switch (phase) {
    case 'connect':
      if (code !== undefined && OURS.has(code)) return { kind: 'void', detail };
      // A reset before the connection stands means the same as a refusal.
      return { kind: code === 'ECONNREFUSED' || code === 'ECONNRESET' ? 'refused' : 'silent', detail };
    case 'handshake':
      return { kind: 'tls', detail };
    case 'answer':
      return { kind: 'broken', detail };
  }
}
