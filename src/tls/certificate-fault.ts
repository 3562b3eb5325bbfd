/** Why a server's certificate is not accepted, with the names in it. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import tls from 'node:tls';
import { namesOf } from '../text/alternative-names.js';
import type { ChainFault } from '../values/exchange.js';
import { inOneLine } from '../text/one-line.js';

export interface ExpectedIdentity {
  /** The server's IP address. */
  readonly address: string;
  /** What the certificate must be for instead of the address: a DNS name or an IP address; null for the address. */
  readonly serverName: string | null;
  /** A valid certificate for any other name is accepted, too. Default false. */
  readonly anyName?: boolean;
}

/**
 * Why the certificate that a server showed is not accepted; null if it is. For a socket that was connected with
 * `rejectUnauthorized: false`, after its 'secureConnect'. Checks the name itself, whatever host the socket was given. A
 * resumed session shows no certificate, so it is never accepted.
 */
export function certificateFault(socket: tls.TLSSocket, expected: ExpectedIdentity): ChainFault | null {
  const shown: Partial<tls.PeerCertificate> = socket.getPeerCertificate();
  if (shown.raw === undefined) return { index: 0, detail: 'the server showed no certificate' };
  const name = expected.serverName ?? expected.address;
  // Node checks the name only if nothing else is wrong.
  const code = socket.authorized ? WRONG_NAME : codeOf(socket.authorizationError);
  const named =
    expected.anyName === true || tls.checkServerIdentity(name, shown as tls.PeerCertificate) === undefined;
  if (code === WRONG_NAME && named) return null;
  const certificate = new X509Certificate(shown.raw);
  if (code === WRONG_NAME)
    return {
      index: 0,
      detail: `certificate is not for ${name}: ${namesInWords(certificate, name)} ${whose(certificate)}`,
    };
  return chainFault(
    code,
    certificate,
    shownChain(socket).map(({ raw }) => new X509Certificate(raw)),
  );
}

const WRONG_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID';

/** Node gives a code; by its types it is an error. */
function codeOf(fault: unknown): string {
  return typeof fault === 'string' ? fault : ((fault as NodeJS.ErrnoException | null)?.code ?? 'unknown');
}

/** Far more than OpenSSL verifies by default. */
const LONGEST_CHAIN = 200;

/**
 * The certificate and those that lead to its CA, as far as they are known. Not by getPeerX509Certificate(), which removes the
 * certificate from its socket.
 */
export function shownChain(socket: tls.TLSSocket): readonly tls.PeerCertificate[] {
  const chain: tls.PeerCertificate[] = [];
  // Empty if there is no certificate. The certificate that ends the chain has signed itself.
  let next: Partial<tls.DetailedPeerCertificate> | undefined = socket.getPeerCertificate(true);
  while (next?.raw !== undefined && chain.length < LONGEST_CHAIN) {
    chain.push(next as tls.PeerCertificate);
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
  }
  return chain;
}

/** By the codes of OpenSSL's verification: openssl-verification-options(1) lists them. */
function chainFault(
  code: string,
  certificate: X509Certificate,
  chain: readonly X509Certificate[],
): ChainFault {
  const nowMs = Date.now();
  const last = Math.max(0, chain.length - 1);
  const own = whose(certificate);
  switch (code) {
    case 'CERT_HAS_EXPIRED': {
      const [index, one] = firstOf(chain, certificate, ({ validTo }) => Date.parse(validTo) < nowMs);
      const detail = `${inChain(index)} has expired: it was valid until ${moment(one.validTo)} ${whose(one)}`;
      return { index, detail };
    }
    case 'CERT_NOT_YET_VALID': {
      const [index, one] = firstOf(chain, certificate, ({ validFrom }) => Date.parse(validFrom) > nowMs);
      const detail = `${inChain(index)} is not yet valid: it will be from ${moment(one.validFrom)} ${whose(one)}`;
      return { index, detail };
    }
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return { index: 0, detail: `certificate is self-signed, and not trusted ${own}` };
    case 'SELF_SIGNED_CERT_IN_CHAIN': {
      const ca = nameIn(chain.at(-1)?.subject);
      return { index: last, detail: `certificate is of a CA that is not trusted, ${ca} ${own}` };
    }
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE': {
      const ca = nameIn(chain.at(-1)?.issuer);
      return { index: last, detail: `certificate is of an unknown CA, ${ca} ${own}` };
    }
    case 'CERT_SIGNATURE_FAILURE':
      return { index: 0, detail: `certificate is of another CA with the name of a trusted one ${own}` };
    default:
      return { index: 0, detail: `certificate is not accepted: ${code} ${own}` };
  }
}

/** The first of the chain that matches, with its index; the server's own if none does. */
function firstOf(
  chain: readonly X509Certificate[],
  own: X509Certificate,
  matches: (one: X509Certificate) => boolean,
): readonly [index: number, one: X509Certificate] {
  const index = Math.max(0, chain.findIndex(matches));
  return [index, chain[index] ?? own];
}

function inChain(index: number): string {
  return index === 0 ? 'certificate' : "the certificate of the certificate's CA";
}

function whose({ subject, issuer }: X509Certificate): string {
  return `(subject ${nameIn(subject)}, issuer ${nameIn(issuer)})`;
}

/** An X.500 name; Node writes its parts as lines. */
function nameIn(text: string | undefined): string {
  return inOneLine(text ?? '') || 'without a name';
}

const MOST_NAMES = 8;

/** Some names of a certificate, first those of the same kind as `wanted`. */
function namesInWords(certificate: X509Certificate, wanted: string): string {
  const names = namesOf(certificate);
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
