import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Certificates, type Certificate } from '../../lab/certificates.js';
import { loadWebConfig, type LoadedWebConfig } from '../../src/config/web-config.js';
import { UsageError } from '../../src/config/usage-error.js';

/** Of the password `secret`. */
const HASH = '$2y$04$ODoP2pQcJirB2c1NwOZZY.SMFlO8HYI0dW.axTJ9HCXN8TVOuqrdS';

describe('a web configuration file', () => {
  let directory: string;
  let certificates: Certificates;
  let pair: Certificate;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'web-config-'));
    certificates = await Certificates.create();
    pair = await certificates.create('server', { name: 'node-1', alternativeNames: ['IP:127.0.0.1'] });
    await writeFile(join(directory, 'tls.crt'), pair.cert);
    await writeFile(join(directory, 'tls.key'), pair.key);
    await writeFile(join(directory, 'ca.crt'), certificates.authority.cert);
    await writeFile(join(directory, 'empty'), '');
    const other = await certificates.create('other', { name: 'node-2', alternativeNames: [] });
    await writeFile(join(directory, 'other.key'), other.key);
  });
  after(async () => {
    await certificates.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function load(text: string): Promise<LoadedWebConfig> {
    const path = join(directory, 'web.yml');
    await writeFile(path, text);
    return await loadWebConfig(path, '--web-config-file');
  }
  const TLS = 'tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n';

  it('has TLS, by files beside it, users and headers', async () => {
    const { config, files, keyFile } = await load(
      `${TLS}  client_ca_file: ${directory}/ca.crt
  client_auth_type: "RequireAndVerifyClientCert"
  client_allowed_sans: [prometheus, 10.0.0.9]
  min_version: TLS13
http_server_config:
  http2: false
  headers:
    Strict-Transport-Security: max-age=31536000
    X-Frame-Options:
basic_auth_users:
  prometheus: ${HASH}
  123: '${HASH.replace('2y', '2a')}'
`,
    );
    assert.deepEqual(config, {
      tls: {
        certificate: pair.cert,
        key: pair.key,
        clientCa: certificates.authority.cert,
        clientAuth: 'RequireAndVerifyClientCert',
        allowedNames: ['prometheus', '10.0.0.9'],
        minVersion: 'TLSv1.3',
        maxVersion: 'TLSv1.3',
      },
      users: new Map([
        ['123', HASH.replace('2y', '2a')],
        ['prometheus', HASH],
      ]),
      headers: { 'strict-transport-security': 'max-age=31536000' },
    });
    assert.deepEqual(
      files,
      ['tls.crt', 'tls.key', 'ca.crt'].map((name) => join(directory, name)),
    );
    assert.equal(keyFile, join(directory, 'tls.key'));
  });

  it('has the defaults of Prometheus', async () => {
    const { config } = await load(TLS);
    assert.deepEqual([config.tls?.clientAuth, config.tls?.minVersion], ['NoClientCert', 'TLSv1.2']);
    assert.equal((await load(`basic_auth_users: {a: ${HASH}}`)).config.tls, null);
  });

  it('has other texts when a file that it names has another content', async () => {
    const [before] = [await load(TLS)];
    assert.equal((await load(TLS)).texts, before.texts);
    const renewed = await certificates.create('renewed', { name: 'node-1', alternativeNames: [] });
    await writeFile(join(directory, 'tls.crt'), renewed.cert);
    await writeFile(join(directory, 'tls.key'), renewed.key);
    const after = await load(TLS);
    assert.notEqual(after.texts, before.texts);
    assert.equal(after.config.tls?.certificate, renewed.cert);
  });

  const wrong: readonly (readonly [text: string, message: RegExp])[] = [
    [
      '',
      /^--web-config-file: expected a file with tls_server_config or basic_auth_users, got "DIR\/web.yml"$/,
    ],
    [
      'basic_auth_users: {}',
      /^--web-config-file: expected a file with tls_server_config or basic_auth_users, /,
    ],
    [
      'tls_server_config:',
      /^--web-config-file: expected a file with tls_server_config or basic_auth_users, /,
    ],
    ['a: [', /^--web-config-file: expected a file in YAML \(.+\), got "DIR\/web.yml"$/],
    ['a: 1\na: 2', /^--web-config-file: expected a file in YAML \(Map keys must be unique.*\), got /],
    ['*nowhere', /^--web-config-file: expected a file in YAML \(.+\), got /],
    ['- a', /^the content of DIR\/web.yml: expected a mapping, got "\[.+"$/],
    [`x: ${'[]'.repeat(9000)}`, /^--web-config-file: expected a file of at most 16 KiB, got /],
    [
      `tls_config:\n  cert_file: x`,
      /^DIR\/web.yml: expected as keys only tls_server_config, http_server_config, basic_auth_users, got "tls_config"$/,
    ],
    ['rate_limit: {burst: 1}', /^DIR\/web.yml: expected as keys only .*, got "rate_limit"$/],
    ['tls_server_config: x', /^tls_server_config of DIR\/web.yml: expected a mapping, got "x"$/],
    [
      `${TLS}  cipher_suites: []`,
      /^DIR\/web.yml: expected as keys of tls_server_config only cert_file, .*, got "cipher_suites"$/,
    ],
    [
      'tls_server_config: {key_file: tls.key}',
      /^tls_server_config.cert_file in DIR\/web.yml: expected a file .*, got nothing$/,
    ],
    [
      'tls_server_config: {cert_file: tls.crt}',
      /^tls_server_config.key_file in DIR\/web.yml: expected a file .*, got nothing$/,
    ],
    [
      'tls_server_config: {cert_file: nowhere, key_file: tls.key}',
      /^tls_server_config.cert_file in DIR\/web.yml: expected a readable file \(ENOENT\), got "DIR\/nowhere"$/,
    ],
    [
      'tls_server_config: {cert_file: empty, key_file: tls.key}',
      /^tls_server_config.cert_file in DIR\/web.yml: expected a file with certificates in PEM, got "DIR\/empty"$/,
    ],
    [
      'tls_server_config: {cert_file: tls.crt, key_file: /dev/zero}',
      /^tls_server_config.key_file in DIR\/web.yml: expected a regular file, got "\/dev\/zero"$/,
    ],
    [
      'tls_server_config: {cert_file: tls.crt, key_file: other.key}',
      /^tls_server_config.key_file in DIR\/web.yml: expected the key of cert_file DIR\/tls.crt \(.+\), got "DIR\/other.key"$/,
    ],
    [
      'tls_server_config: {cert_file: [a], key_file: tls.key}',
      /^tls_server_config.cert_file in DIR\/web.yml: expected a text, got "\[\\"a\\"\]"$/,
    ],
    [
      `${TLS}  client_auth_type: x`,
      /^tls_server_config.client_auth_type in DIR\/web.yml: expected one of NoClientCert, /,
    ],
    [
      `${TLS}  min_version: TLS10`,
      /^tls_server_config.min_version in DIR\/web.yml: expected one of TLS12, TLS13, got "TLS10"$/,
    ],
    [
      `${TLS}  min_version: TLS13\n  max_version: TLS12`,
      /max_version in DIR\/web.yml: expected TLS13 or later, got "TLS12"$/,
    ],
    [
      `${TLS}  client_auth_type: RequireAndVerifyClientCert`,
      /client_ca_file in DIR\/web.yml: expected a file with the CA for RequireAndVerifyClientCert, got nothing$/,
    ],
    [
      `${TLS}  client_ca_file: ca.crt`,
      /client_auth_type in DIR\/web.yml: expected VerifyClientCertIfGiven or .* beside client_ca_file, /,
    ],
    [
      `${TLS}  client_allowed_sans: [a]`,
      /client_auth_type in DIR\/web.yml: expected RequireAndVerifyClientCert beside /,
    ],
    [
      'basic_auth_users: {prometheus: hunter2}',
      /^basic_auth_users.prometheus in DIR\/web.yml: expected a bcrypt hash with a cost from 4 to 14 \(htpasswd -nB\), got "\.\.\."$/,
    ],
    [
      `basic_auth_users: {a: ${HASH.replace('04', '15')}}`,
      /expected a bcrypt hash with a cost from 4 to 14 /,
    ],
    [`basic_auth_users: {'a:b': ${HASH}}`, /expected a user name without a colon, got "a:b"$/],
    [
      `basic_auth_users: {a: ${HASH}}\nhttp_server_config: {headers: {Server: x}}`,
      /keys of http_server_config.headers only .*, got "Server"$/,
    ],
    [
      `basic_auth_users: {a: ${HASH}}\nhttp_server_config: {headers: {X-Frame-Options: "a\\nb"}}`,
      /^http_server_config.headers.X-Frame-Options in DIR\/web.yml: expected a text in ASCII, /,
    ],
  ];
  for (const [text, message] of wrong)
    it(`is refused in one line: ${JSON.stringify(text.slice(0, 80))}`, async () => {
      await writeFile(join(directory, 'tls.crt'), pair.cert);
      await writeFile(join(directory, 'tls.key'), pair.key);
      await assert.rejects(load(text), (error) => {
        assert.ok(error instanceof UsageError);
        assert.match(error.message.replaceAll(directory, 'DIR'), message);
        assert.ok(!error.message.includes('\n') && !error.message.includes('hunter2'));
        return true;
      });
    });

  it('is refused if it cannot be read', async () => {
    await assert.rejects(
      loadWebConfig(join(directory, 'nowhere'), 'CARE_WEB_CONFIG_FILE'),
      new UsageError('CARE_WEB_CONFIG_FILE', 'a readable file (ENOENT)', join(directory, 'nowhere')),
    );
  });
});
