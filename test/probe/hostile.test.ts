// Servers that are out to keep lvscare busy, with credentials as lvscare makes them. Those that need openssl are in
// hostile.tools.test.ts.
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, it, type TestContext } from 'node:test';
import type tls from 'node:tls';
import { makeCertificate } from '../../lab/x509.js';
import { askUnverified } from './hostile.js';
import { answering, rawAboveTls, web } from './servers.js';

const DAY_MS = 24 * 3600 * 1000;
const certificate = makeCertificate({
  subject: '/CN=hostile',
  signer: null,
  fromMs: Date.now() - DAY_MS,
  untilMs: Date.now() + DAY_MS,
  privateKey: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
});

/** The parameters of a Diffie-Hellman group with a modulus of so many bits, which need not be prime to cost time. */
function group(bits: number): string {
  const modulus = randomBytes(bits / 8);
  modulus[0] = (modulus[0] ?? 0) | 0x80;
  modulus[modulus.length - 1] = (modulus.at(-1) ?? 0) | 1;
  const integer = (bytes: Buffer): Buffer => tagged(0x02, Buffer.concat([Buffer.from([0]), bytes]));
  const der = tagged(0x30, Buffer.concat([integer(modulus), integer(Buffer.from([2]))]));
  return `-----BEGIN DH PARAMETERS-----\n${der.toString('base64')}\n-----END DH PARAMETERS-----\n`;
}

function tagged(tag: number, content: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(content.length);
  return Buffer.concat([Buffer.from([tag, 0x82]), length, content]);
}

/** Runs something, and notes for how long the event loop stood still meanwhile. */
async function measured<Value>(t: TestContext, act: () => Promise<Value>): Promise<Value> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  try {
    return await act();
  } finally {
    delay.disable();
    t.diagnostic(`the event loop stood still for ${Math.round(delay.max / 1e6)} ms at most`);
  }
}

describe('a server that offers only Diffie-Hellman over a finite field', () => {
  const servers: Readonly<Record<string, tls.TlsOptions>> = {
    'of 10,000 bits, by TLS 1.2': {
      maxVersion: 'TLSv1.2',
      ciphers: 'DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0',
      dhparam: group(10_000),
    },
    'of 2048 bits, by TLS 1.2': {
      maxVersion: 'TLSv1.2',
      ciphers: 'DHE-RSA-AES256-GCM-SHA384',
      dhparam: group(2048),
    },
    'ffdhe8192, by TLS 1.3': { minVersion: 'TLSv1.3', ecdhCurve: 'ffdhe8192' },
  };
  for (const [what, options] of Object.entries(servers))
    it(`${what}: the handshake fails at once`, async (t) => {
      let handshakes = 0;
      await using server = await rawAboveTls({ ...certificate, ...options }, () => (handshakes += 1));
      const found = await measured(t, () => askUnverified(server.endpoint));
      assert.equal(found.kind, 'tls', found.detail);
      assert.match(found.detail, /handshake failure|no shared cipher|illegal parameter/);
      assert.equal(handshakes, 0);
    });
});

describe('a server with what every apiserver has', () => {
  const servers: Readonly<Record<string, tls.TlsOptions>> = {
    'TLS 1.3': { minVersion: 'TLSv1.3' },
    'TLS 1.2 with ECDHE and AES-GCM': { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' },
    'TLS 1.2 with ECDHE and ChaCha20': { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-CHACHA20-POLY1305' },
    'TLS 1.2 with ECDHE and AES-CBC': { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-SHA' },
    'P-521 alone': { ecdhCurve: 'P-521' },
  };
  for (const [what, options] of Object.entries(servers))
    it(`${what}: is asked`, async () => {
      await using server = await web({ ...certificate, ...options }, answering(200));
      assert.deepEqual(await askUnverified(server.endpoint), { kind: 'ok', detail: 'status 200' });
    });
});

describe('a server that sends too much', () => {
  const HEAD = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
  const filler = 'x'.repeat(16 * 1024);
  const floods: Readonly<Record<string, { begin: string; again: string; detail: RegExp }>> = {
    'headers of more than 16 KiB': {
      begin: `HTTP/1.1 200 OK\r\nx: ${filler}`,
      again: '',
      detail: /Headers Overflow/,
    },
    'headers without end': {
      begin: 'HTTP/1.1 200 OK\r\n',
      again: `x: ${'x'.repeat(100)}\r\n`,
      detail: /Headers Overflow/,
    },
    'interim answers, each with many headers': {
      begin: '',
      again: `HTTP/1.1 103 Early Hints\r\nlink: ${'x'.repeat(12 * 1024)}\r\n\r\n`,
      detail: /^status 1xx again and again|^the server sent more than 512 KiB/,
    },
    'an extension of a chunk without end, which HTTP ignores': {
      begin: `${HEAD}1;`,
      again: filler,
      detail: /^the server sent more than 512 KiB, and no complete answer$/,
    },
  };
  for (const [what, { begin, again, detail }] of Object.entries(floods))
    it(`${what}: broken, and the connection ends`, async (t) => {
      let sent = 0;
      const ended: Promise<void>[] = [];
      await using server = await rawAboveTls(certificate, (socket) => {
        ended.push(
          new Promise((resolve) =>
            socket.once('close', () => {
              resolve();
            }),
          ),
        );
        const send = (text: string): boolean => {
          sent += text.length;
          return socket.write(text);
        };
        const fill = (): void => {
          while (again !== '' && !socket.destroyed && send(again));
        };
        socket.once('data', () => {
          send(begin);
          fill();
        });
        socket.on('drain', fill);
      });
      const found = await measured(t, () => askUnverified(server.endpoint));
      assert.equal(found.kind, 'broken', found.detail);
      assert.match(found.detail, detail);
      await Promise.all(ended);
      // What is under way in both kernels comes on top of what lvscare took.
      assert.ok(sent < 32 << 20, `${sent} bytes`);
    });
});
