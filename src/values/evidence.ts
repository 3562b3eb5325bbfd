/** What one probe of a real server found. The table is in docs/decisions.md. */
export type EvidenceKind =
  /** An accepted status, in time. */
  | 'ok'
  /** TCP reset in answer to connect: nothing listens. */
  | 'refused'
  /** No answer to connect in time, or the host or network is unreachable. */
  | 'silent'
  /** Connected, and no complete answer in time. */
  | 'slow'
  /** The handshake failed, or the certificate is not accepted. */
  | 'tls'
  /** A status that is not accepted. */
  | 'status'
  /** The connection was closed, or made no sense, in the middle of an answer. */
  | 'broken';

export interface Evidence {
  readonly kind: EvidenceKind;
  /** In words, for the log: `status 500`, `ECONNREFUSED`, `certificate has expired`. */
  readonly detail: string;
  /** Of `status`: which one it was. */
  readonly status?: number;
  /** It needs no second opinion: the kept connection was lost, and then nobody listened any more. */
  readonly conclusive?: true;
  /** Of `slow`: not even the TLS handshake was answered. */
  readonly noHandshake?: true;
  /** Of silence: nobody was waited for. The kernel or a router says that there is no way, as it may have found a while ago. */
  readonly unreachable?: true;
  /** Of silence: another server had been heard just before this one was asked. */
  readonly witnessed?: true;
}

/** What a piece of evidence says about its server: it serves, it is there but unwell, or it is not there. */
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

/** Whether a packet of the server's must have come for it: proof that the network between us works. */
export function answered(kind: EvidenceKind): boolean {
  // A kept connection may be slow because its packets are lost.
  return kind !== 'silent' && kind !== 'slow';
}
