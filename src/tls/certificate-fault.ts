/** What is wrong with a server's certificate, in the certificate's own words. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import tls from 'node:tls';
import { alternativeNames } from '../text/alternative-names.js';
import type { ChainFault } from '../values/exchange.js';
import { inOneLine } from '../text/one-line.js';

export interface ExpectedIdentity {
  /** The server's IP address. */
  readonly address: string;
  /** What the certificate has to be for instead of the address: a DNS name, or an IP address. */
  readonly serverName: string | null;
}

/**
 * Why the certificate that a server showed is not acceptable; null when it is. For a socket that was connected with
 * `rejectUnauthorized: false` and has its 'secureConnect' behind it. Whatever host the socket was told, the name is looked
 * at here. A resumed session shows no certificate, and so is never acceptable: Node would not look at its name either.
 */
export function certificateFault(socket: tls.TLSSocket, expected: ExpectedIdentity): ChainFault | null {
  const shown: Partial<tls.PeerCertificate> = socket.getPeerCertificate();
  if (shown.raw === undefined) return { index: 0, detail: 'the server showed no certificate' };
  const name = expected.serverName ?? expected.address;
  // Node looks at the name only when nothing else is wrong.
  const code = socket.authorized ? WRONG_NAME : codeOf(socket.authorizationError);
  const named = tls.checkServerIdentity(name, shown as tls.PeerCertificate) === undefined;
  if (code === WRONG_NAME && named) return null;
  const certificate = new X509Certificate(shown.raw);
  if (code === WRONG_NAME)
    return {
      index: 0,
      detail: `certificate is not for ${name}: ${namesOf(certificate, name)} ${whose(certificate)}`,
    };
  const chain = chainOf(socket);
  return { index: culprit(code, chain), detail: chainFault(code, certificate, chain) };
}

/** Which of a chain a fault is about. */
function culprit(code: string, chain: readonly X509Certificate[]): number {
  const nowMs = Date.now();
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return Math.max(
        0,
        chain.findIndex(({ validTo }) => Date.parse(validTo) < nowMs),
      );
    case 'CERT_NOT_YET_VALID':
      return Math.max(
        0,
        chain.findIndex(({ validFrom }) => Date.parse(validFrom) > nowMs),
      );
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return Math.max(0, chain.length - 1);
    default:
      return 0;
  }
}

const WRONG_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID';

/** Node gives a code, its types an error. */
function codeOf(fault: unknown): string {
  return typeof fault === 'string' ? fault : ((fault as NodeJS.ErrnoException | null)?.code ?? 'unknown');
}

/** Far more than OpenSSL verifies by default. */
const LONGEST_CHAIN = 200;

/**
 * The certificate and those that lead to its CA, as far as they are known. Not by getPeerX509Certificate(), which takes the
 * certificate away from its socket: whoever asks next finds none.
 */
export function shownChain(socket: tls.TLSSocket): readonly tls.PeerCertificate[] {
  const chain: tls.PeerCertificate[] = [];
  // Empty when there is no certificate; the one that ends the chain has signed itself.
  let next: Partial<tls.DetailedPeerCertificate> | undefined = socket.getPeerCertificate(true);
  while (next?.raw !== undefined && chain.length < LONGEST_CHAIN) {
    chain.push(next as tls.PeerCertificate);
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
  }
  return chain;
}

function chainOf(socket: tls.TLSSocket): X509Certificate[] {
  return shownChain(socket).map(({ raw }) => new X509Certificate(raw));
}

/** By the codes that OpenSSL's verification ends with: openssl-verification-options(1) has them all. */
function chainFault(code: string, certificate: X509Certificate, chain: readonly X509Certificate[]): string {
  switch (code) {
    case 'CERT_HAS_EXPIRED': {
      const one = chain.find(({ validTo }) => Date.parse(validTo) < Date.now()) ?? certificate;
      return `${inChain(one, chain)} has expired: it was valid until ${moment(one.validTo)} ${whose(one)}`;
    }
    case 'CERT_NOT_YET_VALID': {
      const one = chain.find(({ validFrom }) => Date.parse(validFrom) > Date.now()) ?? certificate;
      return `${inChain(one, chain)} is not yet valid: it will be from ${moment(one.validFrom)} ${whose(one)}`;
    }
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return `certificate is self-signed, and not trusted ${whose(certificate)}`;
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return `certificate is of a CA that is not trusted, ${nameIn(chain.at(-1)?.subject)} ${whose(certificate)}`;
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return `certificate is of an unknown CA, ${nameIn(chain.at(-1)?.issuer)} ${whose(certificate)}`;
    case 'CERT_SIGNATURE_FAILURE':
      return `certificate is of another CA with the name of a trusted one ${whose(certificate)}`;
    default:
      return `certificate is not accepted: ${code} ${whose(certificate)}`;
  }
}

function inChain(one: X509Certificate, chain: readonly X509Certificate[]): string {
  return chain.indexOf(one) <= 0 ? 'certificate' : "the certificate of the certificate's CA";
}

function whose({ subject, issuer }: X509Certificate): string {
  return `(subject ${nameIn(subject)}, issuer ${nameIn(issuer)})`;
}

/** A name of X.500, the parts of which are lines. */
function nameIn(text: string | undefined): string {
  return inOneLine(text ?? '') || 'without a name';
}

const MOST_NAMES = 8;

/** The names of a certificate, those of the kind that is looked for first, and no more than one reads. */
function namesOf({ subjectAltName }: X509Certificate, wanted: string): string {
  const names = alternativeNames(subjectAltName);
  if (names.length === 0) return 'it has no alternative names';
  const isOfKind = (name: string): boolean => name.startsWith('IP ') === (isIP(wanted) !== 0);
  const shown = [...names.filter(isOfKind), ...names.filter((name) => !isOfKind(name))].slice(0, MOST_NAMES);
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : '';
  return `it is for ${shown.map((text) => inOneLine(text)).join(', ')}${more}`;
}

/** `Nov 21 10:00:00 2026 GMT` as `2026-11-21T10:00:00Z`. */
function moment(text: string): string {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? text : new Date(ms).toISOString().replace('.000Z', 'Z');
}
