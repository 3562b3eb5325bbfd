/** What one probe of a real server found. The table is in docs/decisions.md. */
export type EvidenceKind =
  /** An accepted status, in time. */
  | 'ok'
  /** TCP reset in answer to connect: no process listens. */
  | 'refused'
  /** No answer to connect in time, or the host or network is unreachable. */
  | 'silent'
  /** Connected, and no complete answer in time. */
  | 'slow'
  /** The handshake failed, or the certificate is not accepted. */
  | 'tls'
  /** A status that is not accepted. */
  | 'status'
  /** The connection was closed in the middle of an answer, or the answer is not HTTP. */
  | 'broken';

export interface Evidence {
  readonly kind: EvidenceKind;
  /** In words, for the log: `status 500`, `ECONNREFUSED`, `certificate has expired`. */
  readonly detail: string;
  /** Of `status`: the status. */
  readonly status?: number;
  /** It needs no confirmation: the kept connection was lost, and then no process listened any more. */
  readonly conclusive?: true;
  /** Of `slow`: the TLS handshake was not answered either. */
  readonly noHandshake?: true;
  /** Of silence: the kernel or a router reported at once that there is no route; it may have known that for a while. */
  readonly unreachable?: true;
  /** Of silence: another server had answered just before this one was probed. */
  readonly witnessed?: true;
}

/** What evidence says about its server: it serves, it is there but fails, or it is not there. */
export type EvidenceClass = 'up' | 'sick' | 'dead';

export function classOf(kind: EvidenceKind): EvidenceClass {
  switch (kind) {
    case 'ok':
      return 'up';
    case 'refused':
    case 'silent':
      return 'dead';
    case 'slow':
    case 'tls':
    case 'status':
    case 'broken':
      return 'sick';
  }
}

/** Whether such evidence needs a packet of the server: proof that the network to it works. */
export function answered(kind: EvidenceKind): boolean {
  // A kept connection may be slow because its packets are lost.
  return kind !== 'silent' && kind !== 'slow';
}
