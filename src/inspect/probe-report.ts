/** The result of one probe of one server, as values for JSON. */
import type { Endpoint } from '../values/endpoint.js';
import type { Evidence } from '../values/evidence.js';
import type { Answer } from '../values/exchange.js';
import { inOneLine } from '../text/one-line.js';
import { statusHint } from '../decisions/status-meaning.js';
import { certificateFacts, type CertificateFacts } from '../tls/certificate-summary.js';

export interface ProbeReport {
  /** As `--rs` has it. */
  readonly server: string;
  /** Where it was probed: at its own port, or at that of `--health-port`. */
  readonly askedAt: string;
  /** When it was probed, ISO 8601. */
  readonly at: string;
  readonly ok: boolean;
  /** What the probe says about the server, or null if it is inconclusive. */
  readonly evidence: Pick<Evidence, 'kind' | 'detail'> | null;
  /** The fault of this node that made it inconclusive, or null if it is conclusive. */
  readonly inconclusive: string | null;
  /** In milliseconds; null for a phase that the probe did not reach. */
  readonly phases: {
    readonly connectMs: number | null;
    readonly handshakeMs: number | null;
    readonly firstByteMs: number | null;
    readonly totalMs: number | null;
  };
  /** The HTTP status, or null without an answer. */
  readonly status: number | null;
  /** The meaning of a status that is not accepted, and the remedy, or null if neither is known. */
  readonly hint: string | null;
  readonly tls: TlsReport | null;
}

interface TlsReport {
  readonly protocol: string;
  readonly cipher: string;
  readonly certificate: 'verified' | 'not accepted' | 'not verified';
  /** The server's own certificate first, then those that lead to its CA, as far as they are known. */
  readonly chain: readonly ChainMember[];
}

export interface ChainMember extends CertificateFacts {
  /** Whether the chain is not accepted because of it. */
  readonly atFault: boolean;
}

/** One probe and its result. */
interface Asked extends Omit<Answer, 'answeredMs'> {
  readonly server: Endpoint;
  readonly askedAt: string;
}

const MAX_DETAIL = 500;

/** @param verifies Whether certificates were verified. */
export function probeReport(
  { server, askedAt, askedMs, outcome, exchange }: Asked,
  verifies: boolean,
): ProbeReport {
  const detail = inOneLine(outcome.detail, MAX_DETAIL);
  const { kind } = outcome;
  const session = exchange?.session ?? null;
  const fault = session?.fault;
  const phases = exchange?.phases;
  return {
    server: server.text,
    askedAt,
    at: new Date(askedMs).toISOString(),
    ok: kind === 'ok',
    evidence: kind === 'inconclusive' ? null : { kind, detail },
    inconclusive: kind === 'inconclusive' ? detail : null,
    phases: {
      connectMs: rounded(phases?.connectMs),
      handshakeMs: rounded(phases?.handshakeMs),
      firstByteMs: rounded(phases?.firstByteMs),
      totalMs: rounded(phases?.totalMs),
    },
    status: exchange?.status ?? null,
    hint: kind === 'status' ? statusHint(exchange?.status) : null,
    tls:
      session === null
        ? null
        : {
            protocol: session.protocol,
            cipher: session.cipher,
            certificate: !verifies ? 'not verified' : fault === undefined ? 'verified' : 'not accepted',
            chain: session.chain.flatMap((der, index) => {
              const facts = certificateFacts(der, askedMs);
              return facts === null ? [] : [{ ...facts, atFault: fault?.index === index }];
            }),
          },
  };
}

/** To microseconds. */
function rounded(ms: number | null | undefined): number | null {
  return ms === null || ms === undefined ? null : Math.round(ms * 1000) / 1000;
}
