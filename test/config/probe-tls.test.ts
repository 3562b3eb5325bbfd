import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Certificates, type Certificate } from '../../lab/certificates.js';
import { readCareConfig, type CareConfig } from '../../src/config/care-config.js';
import { Settings, type Arguments, type Environment } from '../../src/config/settings.js';
import { refused } from './refused.js';

const NOWHERE = '/nowhere/ca.crt';

let certificates: Certificates;
let ca: string;
let own: Certificate;
let other: Certificate;
let token: string;

before(async () => {
  certificates = await Certificates.create();
  ca = certificates.authority.certificateFile;
  own = await certificates.create('own', { name: 'node', alternativeNames: ['DNS:node'] });
  other = await certificates.create('other', { name: 'other', alternativeNames: ['DNS:other'] });
  token = file('token', 'abc.def-ghi\n');
});
after(() => certificates.close());

function file(name: string, content: string): string {
  const path = join(certificates.directory, name);
  writeFileSync(path, content);
  return path;
}

function configOf(given: Arguments, environment: Environment = {}, defaultCa = NOWHERE): CareConfig {
  const servers = { vs: '10.103.97.2:6443', rs: '10.0.0.1:6443' };
  return readCareConfig(new Settings({ ...servers, ...given }, environment), environment, { defaultCa });
}

const tlsOf = (...options: Parameters<typeof configOf>): CareConfig['probe']['tls'] =>
  configOf(...options).probe.tls;

describe('how certificates are verified', () => {
  const unverified =
    'certificates of the real servers are NOT VERIFIED: there is no --health-ca, and /nowhere/ca.crt cannot be read; ' +
    'give one of them, or say --health-insecure-skip-verify';

  /** The given options, whether the default CA can be read, and what comes of it: verified, and by which CA. */
  const cases: readonly (readonly [
    skip: string | undefined,
    given: 'given' | 'none',
    defaultCa: 'readable' | 'missing',
    outcome: 'by the given CA' | 'by the default CA' | "by Node's" | 'not' | 'not, and said loudly',
  ])[] = [
    [undefined, 'given', 'missing', 'by the given CA'],
    [undefined, 'given', 'readable', 'by the given CA'],
    [undefined, 'none', 'readable', 'by the default CA'],
    [undefined, 'none', 'missing', 'not, and said loudly'],
    ['true', 'given', 'readable', 'not'],
    ['true', 'none', 'readable', 'not'],
    ['true', 'none', 'missing', 'not'],
    ['false', 'given', 'missing', 'by the given CA'],
    ['false', 'none', 'readable', 'by the default CA'],
    ['false', 'none', 'missing', "by Node's"],
  ];
  for (const [skip, given, defaultCa, outcome] of cases) {
    it(`skip ${skip ?? 'unset'}, --health-ca ${given}, the default one ${defaultCa}: ${outcome}`, () => {
      const byDefault = file('default.crt', readFileSync(ca, 'utf8'));
      const config = configOf(
        { 'health-insecure-skip-verify': skip, 'health-ca': given === 'given' ? ca : undefined },
        {},
        defaultCa === 'readable' ? byDefault : NOWHERE,
      );
      const caFile = outcome === 'by the given CA' ? ca : outcome === 'by the default CA' ? byDefault : null;
      assert.equal(config.probe.tls.verify, outcome.startsWith('by'));
      assert.equal(config.probe.tls.caFile, caFile);
      assert.deepEqual(
        config.notes,
        outcome === 'not, and said loudly' ? [{ about: 'ca', text: unverified }] : [],
      );
    });
  }

  it('is of no concern with the scheme http', () => {
    const config = configOf({ 'health-schem': 'http', 'health-insecure-skip-verify': 'false' }, {}, ca);
    assert.equal(config.probe.tls.verify, false);
    assert.equal(config.probe.tls.caFile, null);
    assert.deepEqual(config.notes, []);
  });

  it('is said only by who probes', () => {
    assert.deepEqual(configOf({ 'run-once': 'true' }).notes, []);
  });

  it('takes a bundle of certificates with words around them', () => {
    const pem = readFileSync(ca, 'utf8');
    assert.equal(tlsOf({ 'health-ca': file('bundle.pem', `# two of them\n${pem}${pem}`) }).verify, true);
  });

  it('is refused when it is more than one would read', () => {
    const path = file('large.pem', readFileSync(ca, 'utf8') + ' '.repeat(4 << 20));
    refused(`--health-ca: expected a file of at most 4 MiB, got "${path}"`, () =>
      tlsOf({ 'health-ca': path }),
    );
  });

  it('takes a default CA that is none for missing', () => {
    assert.equal(tlsOf({}, {}, file('empty.pem', 'no certificate')).verify, false);
  });
});

describe('what is shown to real servers', () => {
  it('is nothing by default', () => {
    const { certificateFile, keyFile, tokenFile, serverName } = tlsOf({}, {}, ca);
    assert.deepEqual([certificateFile, keyFile, tokenFile, serverName], [null, null, null, null]);
  });

  it('is a certificate and its key, a token, and a name', () => {
    const given = {
      'health-ca': ca,
      'health-cert': own.certificateFile,
      'health-key': own.keyFile,
      'health-token-file': token,
      'health-server-name': 'kubernetes.default.svc',
    };
    const expected = {
      verify: true,
      caFile: ca,
      certificateFile: own.certificateFile,
      keyFile: own.keyFile,
      tokenFile: token,
      serverName: 'kubernetes.default.svc',
    };
    assert.deepEqual(tlsOf(given), expected);
    const variables = Object.entries(given).map(([flag, text]) => [
      `CARE_${flag.toUpperCase().replaceAll('-', '_')}`,
      text,
    ]);
    assert.deepEqual(tlsOf({}, Object.fromEntries(variables) as Environment), expected);
  });

  it('may be a certificate alone, and to servers that are not verified: it gives no secret away', () => {
    const tls = tlsOf({
      'health-insecure-skip-verify': 'true',
      'health-cert': own.certificateFile,
      'health-key': own.keyFile,
      'health-server-name': 'kubernetes',
    });
    assert.equal(tls.verify, false);
    assert.equal(tls.certificateFile, own.certificateFile);
    assert.equal(tls.serverName, 'kubernetes');
  });

  it('may be certificate and key in one file, as the kubelet keeps its own', () => {
    const both = file(
      'kubelet.pem',
      readFileSync(own.certificateFile, 'utf8') + readFileSync(own.keyFile, 'utf8'),
    );
    assert.equal(tlsOf({ 'health-cert': both, 'health-key': both }).keyFile, both);
  });

  it('may be a token where Node or the default CA verifies', () => {
    assert.equal(tlsOf({ 'health-token-file': token }, {}, ca).tokenFile, token);
    const given = { 'health-token-file': token, 'health-insecure-skip-verify': 'false' };
    assert.equal(tlsOf(given).tokenFile, token);
  });

  for (const [text, name] of [
    ['kubernetes', 'kubernetes'],
    ['apiserver.cluster.local', 'apiserver.cluster.local'],
    ['Node_1.example', 'Node_1.example'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['10.96.0.1', '10.96.0.1'],
    ['FD00::0:1', 'fd00::1'],
  ] as const) {
    it(`may have the server name ${text}`, () => {
      assert.equal(tlsOf({ 'health-server-name': text }).serverName, name);
    });
  }

  for (const task of ['run-once', 'clean']) {
    it(`is not looked at for --${task}: the files may not be there yet, or no more`, () => {
      const config = configOf({
        [task]: 'true',
        'health-ca': NOWHERE,
        'health-cert': '/nowhere/own.crt',
        'health-key': '/nowhere/own.key',
        'health-token-file': '/nowhere/token',
      });
      assert.equal(config.task, task);
      assert.deepEqual(config.notes, []);
      // Before there is a default CA.
      assert.doesNotThrow(() => configOf({ [task]: 'true', 'health-token-file': '/nowhere/token' }));
    });
  }
});

describe('what is refused', () => {
  const PEM = 'a file with certificates in PEM';
  const KEY = 'a file with a private key in PEM that needs no passphrase';
  const NAME = 'a DNS name or an IP address';
  const VERIFIED = 'certificates that are verified beside it, or any server could take the token';

  /** A title, and the rest when the certificates are there. */
  const cases: Readonly<
    Record<string, () => readonly [given: Arguments, message: string, environment?: Environment]>
  > = {
    'no CA': () => [
      { 'health-ca': NOWHERE },
      `--health-ca: expected a readable file (ENOENT), got "${NOWHERE}"`,
    ],
    'no CA, of the environment': () => [
      {},
      `CARE_HEALTH_CA: expected a readable file (ENOENT), got "${NOWHERE}"`,
      { CARE_HEALTH_CA: NOWHERE },
    ],
    'a directory for a CA': () => [{ 'health-ca': '/' }, '--health-ca: expected a regular file, got "/"'],
    'a CA that could not be read again': () => [
      { 'health-ca': '/dev/null' },
      '--health-ca: expected a regular file, got "/dev/null"',
    ],
    'a CA that is empty': () => {
      const path = file('empty.pem', '');
      return [{ 'health-ca': path }, `--health-ca: expected ${PEM}, got "${path}"`];
    },
    'a CA that is a key': () => [
      { 'health-ca': own.keyFile },
      `--health-ca: expected ${PEM}, got "${own.keyFile}"`,
    ],
    'a CA with a piece of a certificate': () => {
      const pem = readFileSync(ca, 'utf8');
      const path = file('piece.pem', pem + pem.slice(0, 100));
      return [{ 'health-ca': path }, `--health-ca: expected ${PEM}, got "${path}"`];
    },
    'a CA with nonsense in a certificate': () => {
      const path = file('nonsense.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
      return [{ 'health-ca': path }, `--health-ca: expected ${PEM}, got "${path}"`];
    },
    'a CA by HTTP': () => [
      { 'health-schem': 'http', 'health-ca': ca },
      '--health-ca: expected --health-schem https beside it, got "http"',
    ],
    'neither to skip nor not': () => [
      { 'health-insecure-skip-verify': 'maybe' },
      '--health-insecure-skip-verify: expected true or false, got "maybe"',
    ],
    'a certificate without a key': () => [
      { 'health-cert': own.certificateFile },
      '--health-cert: expected --health-key beside it, got nothing',
    ],
    'a key without a certificate': () => [
      { 'health-key': own.keyFile },
      '--health-key: expected --health-cert beside it, got nothing',
    ],
    'a key without a certificate, for --clean too': () => [
      { 'health-key': own.keyFile, clean: 'true' },
      '--health-key: expected --health-cert beside it, got nothing',
    ],
    'no certificate': () => [
      { 'health-cert': '/nowhere/own.crt', 'health-key': own.keyFile },
      '--health-cert: expected a readable file (ENOENT), got "/nowhere/own.crt"',
    ],
    'an empty path': () => [
      { 'health-cert': '', 'health-key': own.keyFile },
      '--health-cert: expected a readable file (ENOENT), got ""',
    ],
    'a certificate that is a key': () => [
      { 'health-cert': own.keyFile, 'health-key': own.keyFile },
      `--health-cert: expected ${PEM}, got "${own.keyFile}"`,
    ],
    'no key': () => [
      { 'health-cert': own.certificateFile, 'health-key': '/nowhere/own.key' },
      '--health-key: expected a readable file (ENOENT), got "/nowhere/own.key"',
    ],
    'a key that is a certificate': () => [
      { 'health-cert': own.certificateFile, 'health-key': own.certificateFile },
      `--health-key: expected ${KEY}, got "${own.certificateFile}"`,
    ],
    'a key with a passphrase': () => {
      const path = join(certificates.directory, 'locked.key');
      const locked = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' } as const;
      writeFileSync(path, createPrivateKey(own.key).export(locked));
      const given = { 'health-cert': own.certificateFile, 'health-key': path };
      return [given, `--health-key: expected ${KEY}, got "${path}"`];
    },
    'the key of another certificate': () => [
      { 'health-cert': own.certificateFile, 'health-key': other.keyFile },
      `--health-key: expected the key of --health-cert ${own.certificateFile} ` +
        `(the key is not that of the certificate), got "${other.keyFile}"`,
    ],
    'a certificate by HTTP': () => [
      { 'health-schem': 'http', 'health-cert': own.certificateFile, 'health-key': own.keyFile },
      '--health-cert: expected --health-schem https beside it, got "http"',
    ],
    'a key by HTTP, both of the environment': () => [
      {},
      'CARE_HEALTH_KEY: expected CARE_HEALTH_SCHEME https beside it, got "http"',
      { CARE_HEALTH_SCHEME: 'http', CARE_HEALTH_KEY: own.keyFile },
    ],
    'no token': () => [
      { 'health-ca': ca, 'health-token-file': '/nowhere/token' },
      '--health-token-file: expected a readable file (ENOENT), got "/nowhere/token"',
    ],
    'an empty token': () => {
      const path = file('empty.token', '\n');
      const given = { 'health-ca': ca, 'health-token-file': path };
      return [given, `--health-token-file: expected a file with one token, got "${path}"`];
    },
    'two tokens': () => {
      const path = file('two.token', 'one\ntwo\n');
      const given = { 'health-ca': ca, 'health-token-file': path };
      return [given, `--health-token-file: expected a file with one token, got "${path}"`];
    },
    'a token for who is not verified': () => [
      { 'health-token-file': token },
      `--health-token-file: expected ${VERIFIED} ` +
        `(by --health-ca, ${NOWHERE} or --health-insecure-skip-verify=false), got nothing`,
    ],
    'a token for who is not verified on purpose': () => [
      { 'health-ca': ca, 'health-insecure-skip-verify': 'true', 'health-token-file': token },
      `--health-token-file: expected ${VERIFIED}, got "--health-insecure-skip-verify"`,
    ],
    'a token for who is not verified on purpose, for --run-once too': () => [
      { 'run-once': 'true', 'health-insecure-skip-verify': 'true', 'health-token-file': token },
      `--health-token-file: expected ${VERIFIED}, got "--health-insecure-skip-verify"`,
    ],
    'a token by HTTP': () => [
      { 'health-schem': 'http', 'health-token-file': token },
      '--health-token-file: expected --health-schem https beside it, got "http"',
    ],
    'a token beside another': () => [
      {
        'health-ca': ca,
        'health-token-file': token,
        'health-req-headers': ['x=1', 'Authorization=Bearer abc'],
      },
      '--health-token-file: expected no other authorization beside it, got "--health-req-headers"',
    ],
    ...Object.fromEntries(
      ['Authorization', 'proxy-authorization', 'COOKIE'].flatMap((name) =>
        [
          { 'health-schem': 'http' },
          { 'health-insecure-skip-verify': 'true' },
          // Without a CA, as the Go program.
          {},
        ].map((unverified) => [
          `${name} among the headers with ${JSON.stringify(unverified)}`,
          () => [
            { ...unverified, 'health-req-headers': ['x=1', `${name}=secret`] },
            `--health-req-headers: expected no credentials without certificates that are verified (--health-ca), or anybody could take them; for a bearer token --health-token-file, got "${name.toLowerCase()}"`,
          ],
        ]),
      ),
    ),
    'a server name by HTTP': () => [
      { 'health-schem': 'http', 'health-server-name': 'kubernetes' },
      '--health-server-name: expected --health-schem https beside it, got "http"',
    ],
    ...Object.fromEntries(
      [
        ...['', '.', 'a..b', 'kubernetes.', '*.example', 'a b', 'https://kubernetes', 'kubernetes:6443'],
        ...['-a', 'a-', 'ä', '10.0.0', '1.2.3.4.5', '[fd00::1]', 'fe80::1%lo', 'a'.repeat(64)],
        Array.from({ length: 130 }, () => 'a').join('.'),
      ].map((name) => [
        `the server name ${JSON.stringify(name)}`,
        () => [
          { 'health-server-name': name },
          `--health-server-name: expected ${name.includes('%') ? 'an IP address' : NAME}, got ${JSON.stringify(name)}`,
        ],
      ]),
    ),
  };
  for (const [title, made] of Object.entries(cases)) {
    it(title, () => {
      const [given, message, environment = {}] = made();
      refused(message, () => configOf(given, environment));
    });
  }

  it('says nothing of what is in a file', () => {
    const path = file('secret.token', 'top secret\n');
    assert.throws(
      () => configOf({ 'health-ca': ca, 'health-token-file': path }),
      (error: unknown) => error instanceof Error && !error.message.includes('top secret'),
    );
  });
});
