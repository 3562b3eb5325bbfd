/** What one probe of one server showed, as plain values that JSON can say. */
import type { Endpoint } from '../values/endpoint.js';
import type { Evidence } from '../values/evidence.js';
import type { Answer } from '../values/exchange.js';
import { inOneLine } from '../text/one-line.js';
import { statusHint } from '../decisions/status-meaning.js';
import { certificateFacts, type CertificateFacts } from '../tls/certificate-summary.js';

export interface ProbeReport {
  /** As `--rs` has it. */
  readonly server: string;
  /** Where it was asked: its own port, or that of `--health-port`. */
  readonly askedAt: string;
  /** When it was asked, ISO 8601. */
  readonly at: string;
  readonly ok: boolean;
  /** What the probe says about the server; null when it says nothing. */
  readonly evidence: Pick<Evidence, 'kind' | 'detail'> | null;
  /** Why it says nothing: a fault of this node's own. */
  readonly inconclusive: string | null;
  /** In milliseconds; null for what was not come to. */
  readonly phases: {
    readonly connectMs: number | null;
    readonly handshakeMs: number | null;
    readonly firstByteMs: number | null;
    readonly totalMs: number | null;
  };
  /** The HTTP status. */
  readonly status: number | null;
  /** What the server means by a status that is not accepted, and what helps; null if there is nothing to say. */
  readonly hint: string | null;
  readonly tls: TlsReport | null;
}

interface TlsReport {
  readonly protocol: string;
  readonly cipher: string;
  readonly certificate: 'verified' | 'not accepted' | 'not verified';
  /** The server's own first, then what leads to its CA, as far as it is known. */
  readonly chain: readonly ChainMember[];
}

export interface ChainMember extends CertificateFacts {
  /** It is why the chain is not accepted. */
  readonly atFault: boolean;
}

/** What came of one probe. */
interface Asked extends Omit<Answer, 'answeredMs'> {
  readonly server: Endpoint;
  readonly askedAt: string;
}

const MOST_DETAIL = 500;

/** @param verifies Whether certificates were verified. */
export function probeReport(
  { server, askedAt, askedMs, outcome, exchange }: Asked,
  verifies: boolean,
): ProbeReport {
  const detail = inOneLine(outcome.detail, MOST_DETAIL);
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
