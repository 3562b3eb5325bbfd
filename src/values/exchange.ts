import type { Evidence } from './evidence.js';

/** How one attempt of a probe went: times, status, TLS session. No decision depends on it. */
export interface Exchange {
  /** null if it says nothing about the server: the fault was on this node. */
  readonly evidence: Evidence | null;
  /** Over a new connection, not over the kept one. */
  readonly fresh: boolean;
  readonly phases: Phases;
  /** The HTTP status, or null if none came. */
  readonly status: number | null;
  /** The Date header of the answer, in milliseconds since 1970; null or absent if there was none. */
  readonly dateMs?: number | null;
  /** null without TLS, on the kept connection, and if the handshake did not end. */
  readonly session: TlsSession | null;
}

/** How long each part took, in milliseconds; null for a part that was not needed, or did not end. */
interface Phases {
  /** Until TCP was connected. */
  readonly connectMs: number | null;
  /** From then until the TLS handshake was done. */
  readonly handshakeMs: number | null;
  /** From then, or from the request over the kept connection, until the answer's headers were there. */
  readonly firstByteMs: number | null;
  /** The whole attempt, whatever its result. */
  readonly totalMs: number;
}

export interface TlsSession {
  /** `TLSv1.3` */
  readonly protocol: string;
  /** By its standard name: `TLS_AES_128_GCM_SHA256`. */
  readonly cipher: string;
  /** The server's certificate, and those from there to its CA as far as they are known, in DER. */
  readonly chain: readonly Uint8Array[];
  /** When the server's certificate expires, in milliseconds since 1970; null if it showed none. */
  readonly notAfterMs: number | null;
  /** The fault of the chain; absent if there is none, or if certificates are not verified. */
  readonly fault?: ChainFault;
}

export interface ChainFault {
  /** The index of the certificate in the chain: 0 is the server's own. */
  readonly index: number;
  /** In words, as in the evidence. */
  readonly detail: string;
}

/** The result of a single probe. */
export interface Answer {
  /** Evidence, or why there is none: the fault was on this node. */
  readonly outcome: { readonly kind: Evidence['kind'] | 'inconclusive'; readonly detail: string };
  /** null if it did not get so far. */
  readonly exchange: Exchange | null;
  /** When the probe began and when it ended, in milliseconds since 1970. */
  readonly askedMs: number;
  readonly answeredMs: number;
}
