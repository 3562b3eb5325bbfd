/** What the files of credentials must contain, at the start and after each change. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import tls from 'node:tls';

const BEGINNING = /(?=-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----)/;
const CERTIFICATE = /^-----BEGIN ((?:TRUSTED |X509 )?CERTIFICATE)-----[^]*?-----END \1-----/;

/** Whether a text has certificates in PEM, all of them complete. OpenSSL itself ignores what it cannot read. */
export function areCertificates(text: string): boolean {
  // What is before the first one is ignored.
  const parts = text.split(BEGINNING).filter((part, index) => index > 0 || part.startsWith('-----BEGIN '));
  return (
    parts.length > 0 &&
    parts.every((part) => {
      const [pem] = CERTIFICATE.exec(part) ?? [];
      return pem !== undefined && succeeds(() => new X509Certificate(pem));
    })
  );
}

/** Whether a text has a private key in PEM without a passphrase. */
export function isPrivateKey(text: string): boolean {
  return succeeds(() => createPrivateKey(text));
}

/** Why a certificate and a key, both well-formed, cannot be used together; null if they can. */
export function pairFault(certificate: string, key: string): string | null {
  try {
    if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)))
      return 'the key is not that of the certificate';
    // OpenSSL has further rules, such as on the length of a key or on what is before the first certificate.
    tls.createSecureContext({ cert: certificate, key });
    return null;
  } catch (error) {
    const { message, reason } = error as Error & { readonly reason?: unknown };
    return typeof reason === 'string' ? reason : message;
  }
}

/** The bearer token in a text, without white space around it; null if it is not a single token. */
export function tokenIn(text: string): string | null {
  const token = text.trim();
  return /^[\x21-\x7e]+$/.test(token) ? token : null;
}

function succeeds(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}
