/** What the files of credentials have to hold: the same at the start, and whenever one of them changes. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import tls from 'node:tls';

const CERTIFICATE = /-----BEGIN ((?:TRUSTED |X509 )?CERTIFICATE)-----[^]*?-----END \1-----/g;
const BEGINNING = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/** Whether a text has certificates in PEM, every one of them whole. OpenSSL itself passes over what it cannot read. */
export function areCertificates(text: string): boolean {
  const found = text.match(CERTIFICATE) ?? [];
  return (
    found.length > 0 &&
    found.length === text.match(BEGINNING)?.length &&
    found.every((pem) => succeeds(() => new X509Certificate(pem)))
  );
}

/** Whether a text has a private key in PEM, without a passphrase: nobody would be there to give it. */
export function isPrivateKey(text: string): boolean {
  return succeeds(() => createPrivateKey(text));
}

/** Why a certificate and a key, both well-formed, are of no use together; null when they are. */
export function pairFault(certificate: string, key: string): string | null {
  if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) {
    return 'the key is not that of the certificate';
  }
  try {
    // OpenSSL has opinions of its own, such as on the length of a key.
    tls.createSecureContext({ cert: certificate, key });
    return null;
  } catch (error) {
    const { message, reason } = error as Error & { readonly reason?: unknown };
    return typeof reason === 'string' ? reason : message;
  }
}

/** The bearer token that a text is, but for white space around it; null when it is none. */
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
