import { X509Certificate } from 'node:crypto';
import { describe } from 'node:test';
import fc from 'fast-check';
import { alternativeNames } from '../../src/text/alternative-names.js';
import { certificateFacts } from '../../src/tls/certificate-summary.js';
import { areCertificates, isPrivateKey, pairFault, tokenIn } from '../../src/tls/pem.js';
import { anyBytes, anyText, corpusFile, fuzz, harmless, mutated, quickly } from './fuzz.js';

const NOW_MS = Date.parse('2026-06-01T12:00:00Z');
/** Always the same ones: the inputs are made from them. The key is of no certificate that anything trusts. */
const made = { cert: corpusFile('certificate.pem'), key: corpusFile('key.pem') };
const der = new X509Certificate(made.cert).raw.toString('latin1');
const bytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));

describe('a certificate in DER', () => {
  fuzz('has facts, or is none', fc.oneof(mutated([der], bytes), anyBytes), async (text) => {
    const facts = await quickly(() => certificateFacts(Buffer.from(text, 'latin1'), NOW_MS));
    if (facts === null) return;
    for (const shown of [facts.subject, facts.issuer, ...facts.names]) harmless(shown, { most: 303 });
  });
});

describe('credentials in PEM', () => {
  const pem = fc.oneof(
    mutated([made.cert, made.key, made.cert + made.key], ['-----BEGIN CERTIFICATE-----\n'], 1 << 17),
    anyText,
  );
  fuzz('can be used, or not', fc.tuple(pem, pem), async ([certificate, key]) => {
    await quickly(() => {
      tokenIn(certificate);
      const [one, other] = [areCertificates(certificate), isPrivateKey(key)];
      if (one && other) pairFault(certificate, key);
    });
  });
});

describe('alternative names', () => {
  const names = mutated(['DNS:kubernetes, IP Address:10.0.0.1, DNS:"a\\"b, c"'], ['"', '\\"', ', '], 1 << 16);
  fuzz('are listed', names, async (text) => {
    await quickly(() => alternativeNames(text));
  });
});
