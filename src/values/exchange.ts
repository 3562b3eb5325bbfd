import type { Evidence } from './evidence.js';

/** What asking a server once took and showed, beside what it says about its health. Nothing is decided by it. */
export interface Exchange {
  /** null when it says nothing about the server: the fault was our own. */
  readonly evidence: Evidence | null;
  /** Over a connection that was made for it, not over the kept one. */
  readonly fresh: boolean;
  readonly phases: Phases;
  /** The HTTP status; null when none came. */
  readonly status: number | null;
  /** The server's own time, of its answer, in milliseconds since 1970; null or absent when it did not tell. */
  readonly dateMs?: number | null;
  /** null without TLS, on the kept connection, and when the handshake did not end. */
  readonly session: TlsSession | null;
}

/** How long each part took, in milliseconds; null for one that was not needed, or not come through. */
interface Phases {
  /** Until TCP was connected. */
  readonly connectMs: number | null;
  /** From then until the TLS handshake was done. */
  readonly handshakeMs: number | null;
  /** From then, or from the request over the kept connection, until the answer's headers were there. */
  readonly firstByteMs: number | null;
  /** All of it, whatever came of it. */
  readonly totalMs: number;
}

export interface TlsSession {
  /** `TLSv1.3` */
  readonly protocol: string;
  /** By its standard name: `TLS_AES_128_GCM_SHA256`. */
  readonly cipher: string;
  /** What the server showed, and what leads from there to its CA as far as that is known: DER, the server's own first. */
  readonly chain: readonly Uint8Array[];
  /** Until when the server's own certificate is valid, in milliseconds since 1970; null when it showed none. */
  readonly notAfterMs: number | null;
  /** What is wrong with the chain, as far as that is verified; absent when nothing is, and when nobody looked. */
  readonly fault?: ChainFault;
}

export interface ChainFault {
  /** Which certificate of the chain it is about: 0 is the server's own. */
  readonly index: number;
  /** In words, as the evidence has them. */
  readonly detail: string;
}

/** What came of asking a server once. */
export interface Answer {
  /** Evidence, or why there is none: the fault was our own. */
  readonly outcome: { readonly kind: Evidence['kind'] | 'inconclusive'; readonly detail: string };
  /** null when it never got so far. */
  readonly exchange: Exchange | null;
  /** When it was asked and when it had answered, in milliseconds since 1970. */
  readonly askedMs: number;
  readonly answeredMs: number;
}
