/**
 * Makes X.509 certificates. The DER is written here, because a test that needs no tools cannot run openssl, and the
 * known libraries take longer to load than a lab's certificates take to make.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  type KeyObject,
} from 'node:crypto';
import { isIPv4 } from 'node:net';

/** A certificate with its private key, both PEM. */
export interface Issued {
  /** As openssl writes it: `/O=lab/CN=apiserver`. */
  readonly subject: string;
  readonly cert: string;
  readonly key: string;
}

export interface CertificateRequest {
  /** As openssl writes it: `/O=lab/CN=apiserver`. */
  readonly subject: string;
  /** Subject alternative names, such as `DNS:kubernetes` and `IP:127.0.0.1`. Default none. */
  readonly names?: readonly string[];
  /** Whether it may sign others. Default no. */
  readonly authority?: boolean;
  /** What it may be used for. Default anything. */
  readonly usage?: keyof typeof USAGES;
  /** Who signs, or null if it signs itself. */
  readonly signer: Issued | null;
  readonly fromMs: number;
  readonly untilMs: number;
  /** Default yes. */
  readonly withKeyIdentifiers?: boolean;
  /** Default a fresh one, of the curve P-256. */
  readonly privateKey?: KeyObject;
}

/** Makes a certificate, signed by ECDSA with SHA-256. */
export function makeCertificate(request: CertificateRequest): Issued {
  const { subject, names = [], authority = false, usage, signer, withKeyIdentifiers = true } = request;
  const privateKey = request.privateKey ?? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const signingKey = signer === null ? privateKey : createPrivateKey(signer.key);
  const algorithm = sequence(oid(ECDSA_WITH_SHA256));
  const extensions = [
    extension('2.5.29.19', true, authority ? sequence(TRUE) : sequence()),
    ...(authority ? [extension('2.5.29.15', true, KEY_CERT_SIGN_AND_CRL_SIGN)] : []),
    ...(usage === undefined ? [] : [extension('2.5.29.37', false, sequence(oid(USAGES[usage])))]),
    ...(names.length === 0 ? [] : [extension('2.5.29.17', false, sequence(...names.map(alternativeName)))]),
    ...(withKeyIdentifiers
      ? [
          extension('2.5.29.14', false, der(OCTET_STRING, keyIdentifier(privateKey))),
          extension('2.5.29.35', false, sequence(der(context(0), keyIdentifier(signingKey)))),
        ]
      : []),
  ];
  const toBeSigned = sequence(
    der(context(0) | CONSTRUCTED, der(INTEGER, Buffer.of(2))),
    // The first bit of a positive number is clear, and the first octet is not zero.
    der(INTEGER, Buffer.concat([Buffer.of(0x40), randomBytes(15)])),
    algorithm,
    distinguishedName(signer?.subject ?? subject),
    sequence(utcTime(request.fromMs), utcTime(request.untilMs)),
    distinguishedName(subject),
    publicKeyOf(privateKey),
    der(context(3) | CONSTRUCTED, sequence(...extensions)),
  );
  const signature = sign('sha256', toBeSigned, signingKey);
  return {
    subject,
    cert: pem('CERTIFICATE', sequence(toBeSigned, algorithm, bitString(signature))),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const SEQUENCE = 0x30;
const SET = 0x31;
const UTC_TIME = 0x17;
const CONSTRUCTED = 0x20;
const context = (number: number): number => 0x80 | number;

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const USAGES = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' } as const;
const ATTRIBUTES: Readonly<Record<string, string>> = { O: '2.5.4.10', CN: '2.5.4.3' };

const TRUE = Buffer.of(0x01, 1, 0xff);
/** Bits 5 and 6 of a bit string with one unused bit. */
const KEY_CERT_SIGN_AND_CRL_SIGN = der(BIT_STRING, Buffer.of(1, 0x06));

function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  if (length < 0x100) return Buffer.concat([Buffer.of(tag, 0x81, length), content]);
  return Buffer.concat([Buffer.of(tag, 0x82, length >> 8, length & 0xff), content]);
}

function sequence(...contents: readonly Uint8Array[]): Buffer {
  return der(SEQUENCE, ...contents);
}

function bitString(bytes: Uint8Array): Buffer {
  return der(BIT_STRING, Buffer.of(0), bytes);
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return der(OBJECT_IDENTIFIER, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** Seven bits in each octet, and the eighth set in all but the last. */
function base128(value: number): number[] {
  const octets = [value & 0x7f];
  for (let rest = value >> 7; rest > 0; rest >>= 7) octets.unshift((rest & 0x7f) | 0x80);
  return octets;
}

function distinguishedName(text: string): Buffer {
  const attributes = text.split('/').filter((part) => part !== '');
  return sequence(
    ...attributes.map((attribute) => {
      const [type = '', value = ''] = attribute.split('=');
      const id = ATTRIBUTES[type];
      if (id === undefined) throw new Error(`unknown attribute ${type} in the subject ${text}`);
      return der(SET, sequence(oid(id), der(UTF8_STRING, Buffer.from(value))));
    }),
  );
}

function alternativeName(text: string): Buffer {
  const value = text.slice(text.indexOf(':') + 1);
  if (text.startsWith('DNS:')) return der(context(2), Buffer.from(value, 'latin1'));
  if (text.startsWith('IP:')) return der(context(7), addressBytes(value));
  throw new Error(`unknown kind of alternative name: ${text}`);
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head = [], tail = []] = address
    .split('::')
    .map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0');
  return Buffer.from([...head, ...zeros, ...tail].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [TRUE] : []), der(OCTET_STRING, value));
}

/** `20260131235959Z`, without the century. */
function utcTime(atMs: number): Buffer {
  const text = new Date(atMs).toISOString().replaceAll(/\D/g, '').slice(2, 14);
  return der(UTC_TIME, Buffer.from(`${text}Z`));
}

function publicKeyOf(privateKey: KeyObject): Buffer {
  return createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
}

function keyIdentifier(privateKey: KeyObject): Buffer {
  return createHash('sha1').update(publicKeyOf(privateKey)).digest();
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
