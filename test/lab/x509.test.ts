// What is made, as OpenSSL in Node reads it. test/lab/lab.kernel.test.ts has the openssl program judge it as well.
import assert from 'node:assert/strict';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { describe, it } from 'node:test';
import { makeCertificate, type CertificateRequest, type Issued } from '../../lab/x509.js';

const DAY_MS = 86_400_000;
const FROM_MS = Date.parse('2026-01-31T23:59:59Z');
const VALID = { fromMs: FROM_MS, untilMs: FROM_MS + DAY_MS };

const read = ({ cert }: Issued): X509Certificate => new X509Certificate(cert);

describe('a certificate that is made', () => {
  const root = makeCertificate({ subject: '/CN=root', authority: true, signer: null, ...VALID });
  const made = (request: Partial<CertificateRequest> = {}): X509Certificate =>
    read(makeCertificate({ subject: '/O=lab/CN=server', signer: root, ...VALID, ...request }));

  it('is signed by its signer and by no other of the same name', () => {
    const other = makeCertificate({ subject: '/CN=root', authority: true, signer: null, ...VALID });
    const server = made();
    assert.equal(server.checkIssued(read(root)), true);
    assert.equal(server.verify(read(root).publicKey), true);
    assert.equal(server.checkIssued(read(other)), false);
    assert.equal(server.verify(read(other).publicKey), false);
    assert.equal(read(root).verify(read(root).publicKey), true);
  });

  it('has the subject, the time and the key that were asked for', () => {
    const issued = makeCertificate({ subject: '/O=lab/CN=server', signer: root, ...VALID });
    const server = read(issued);
    assert.equal(server.subject, 'O=lab\nCN=server');
    assert.equal(server.issuer, 'CN=root');
    assert.equal(Date.parse(server.validFrom), VALID.fromMs);
    assert.equal(Date.parse(server.validTo), VALID.untilMs);
    assert.equal(server.checkPrivateKey(createPrivateKey(issued.key)), true);
    assert.notEqual(server.serialNumber, made().serialNumber);
  });

  it('has the names of both families, and the usage', () => {
    const names = ['DNS:kubernetes', 'IP:10.0.0.1', 'IP:fd00::1', 'IP:::1', 'IP:1:2:3:4:5:6:7:8', 'IP:::'];
    const server = made({ names, usage: 'serverAuth' });
    assert.equal(
      server.subjectAltName,
      'DNS:kubernetes, IP Address:10.0.0.1, IP Address:FD00:0:0:0:0:0:0:1, IP Address:0:0:0:0:0:0:0:1, ' +
        'IP Address:1:2:3:4:5:6:7:8, IP Address:0:0:0:0:0:0:0:0',
    );
    assert.deepEqual(server.keyUsage, ['1.3.6.1.5.5.7.3.1']);
    assert.deepEqual(made({ usage: 'clientAuth' }).keyUsage, ['1.3.6.1.5.5.7.3.2']);
  });

  it('may be longer than 255 octets in a field, and is an authority only if it was asked for', () => {
    const names = Array.from({ length: 60 }, (_, index) => `DNS:name-${index}.example.org`);
    const server = made({ names });
    assert.equal(server.checkHost('name-59.example.org'), 'name-59.example.org');
    assert.deepEqual([server.ca, read(root).ca], [false, true]);
  });

  it('is refused if a name or an attribute of the subject is unknown', () => {
    assert.throws(() => made({ names: ['URI:urn:x'] }), /unknown kind of alternative name: URI:urn:x/);
    assert.throws(() => made({ subject: '/OU=x' }), /unknown attribute OU in the subject \/OU=x/);
  });
});
