/** The facts of a certificate, for people and for JSON. */
import { X509Certificate } from 'node:crypto';
import { namesOf } from '../text/alternative-names.js';
import { inOneLine } from '../text/one-line.js';

export interface CertificateFacts {
  /** `O=lab, CN=kube-apiserver`; empty if it has none. */
  readonly subject: string;
  readonly issuer: string;
  /** The alternative names: `DNS:kubernetes`, `IP:10.0.0.1`. */
  readonly names: readonly string[];
  /** ISO 8601, or null if it is not a date. */
  readonly notBefore: string | null;
  readonly notAfter: string | null;
  /** Whole days until it expires, negative after that; null if that is not a date. */
  readonly daysLeft: number | null;
  readonly validity: 'valid' | 'expired' | 'not yet valid';
}

const DAY_MS = 24 * 3600 * 1000;
const MOST_NAME = 300;

/** Reads a certificate in DER; null if it is not one. */
export function certificateFacts(der: Uint8Array, nowMs: number): CertificateFacts | null {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch {
    return null;
  }
  const { subject, issuer, validFrom, validTo } = certificate as {
    // Empty names are undefined, whatever the types say.
    readonly [Key in keyof X509Certificate]: X509Certificate[Key] | undefined;
  };
  const [fromMs, untilMs] = [Date.parse(validFrom ?? ''), Date.parse(validTo ?? '')];
  return {
    subject: inOneLine(subject ?? '', MOST_NAME),
    issuer: inOneLine(issuer ?? '', MOST_NAME),
    names: namesOf(certificate).map((name) => inOneLine(name.replace(/^IP Address:/, 'IP:'), MOST_NAME)),
    notBefore: moment(fromMs),
    notAfter: moment(untilMs),
    daysLeft: Number.isNaN(untilMs) ? null : Math.floor((untilMs - nowMs) / DAY_MS),
    validity: untilMs < nowMs ? 'expired' : fromMs > nowMs ? 'not yet valid' : 'valid',
  };
}

function moment(ms: number): string | null {
  return Number.isNaN(ms) ? null : new Date(ms).toISOString().replace('.000Z', 'Z');
}
