/** Inputs that a fuzzer found, or that one was written for: each failed once. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makeCertificate } from '../../lab/x509.js';
import { readCommandLine } from '../../src/cli/command-line.js';
import { readAllSettings } from '../../src/config/config-file.js';
import { milliseconds } from '../../src/config/duration.js';
import { UsageError } from '../../src/config/usage-error.js';
import { loadWebConfig } from '../../src/config/web-config.js';
import { listsOf } from '../../src/doctor/manifests.js';
import { unquoted } from '../../src/host/iptables.js';
import { masqueradeTable } from '../../src/host/masquerade-table.js';
import { tableDrift } from '../../src/host/nft-table.js';
import { alternativeNames } from '../../src/text/alternative-names.js';
import { certificateFacts } from '../../src/tls/certificate-summary.js';
import { areCertificates, pairFault } from '../../src/tls/pem.js';
import { refused } from '../config/refused.js';
import { VS } from '../doctor/fake-node.js';
import { corpusFile, quickly } from './fuzz.js';

describe('an error about an option', () => {
  it('shows no control characters, neither of the value nor of the name', async () => {
    assert.equal(
      new UsageError('--\u009b2J\nx', 'a\u202eb', '\u007f\u2028').message,
      '--\\u009b2J, x: expected a\\u202eb, got "\\u007f\\u2028"',
    );
    await assert.rejects(readCommandLine(['care', '--\u001b[2J'], 80), {
      message: '--\\u001b[2J: expected an option that exists (see --help), got "--\\u001b[2J"',
    });
  });

  it('is short, however long the value is', () => {
    const { message } = new UsageError('x'.repeat(50_000), 'less', 'y'.repeat(50_000));
    assert.ok(message.length < 5000, `${message.length} characters`);
  });
});

describe('texts that took the square of their length', () => {
  it('a duration of digits', async () => {
    assert.equal(await quickly(() => milliseconds(`${'1'.repeat(100_000)}x`)), null);
  });

  it('certificates without an end', async () => {
    const text = '-----BEGIN CERTIFICATE-----\n'.repeat(40_000);
    assert.equal(await quickly(() => areCertificates(text)), false);
  });

  it('quotes without an end', async () => {
    const specification = '\\"'.repeat(50_000);
    await quickly(() => alternativeNames(specification));
    await quickly(() => unquoted({ chain: 'INPUT', specification }));
  });
});

describe('files of credentials', () => {
  it('with a character before the certificate do not fit, and nothing is thrown', () => {
    const { cert, key } = makeCertificate({ subject: '/CN=a', signer: null, fromMs: 0, untilMs: 2e12 });
    assert.equal(areCertificates(`\0${cert}`), true);
    assert.equal(pairFault(`\0${cert}`, key), 'no start line');
    assert.equal(pairFault(cert, key), null);
  });

  it('whose last certificate has no end are none', () => {
    const { cert } = makeCertificate({ subject: '/CN=a', signer: null, fromMs: 0, untilMs: 2e12 });
    assert.equal(areCertificates(`text\n${cert}${cert}`), true);
    assert.equal(areCertificates(`${cert}-----BEGIN CERTIFICATE-----\n`), false);
    assert.equal(areCertificates(`-----BEGIN CERTIFICATE-----\n${cert}`), false);
  });
});

describe('objects with a key toString', () => {
  const object = { toString: 1 };

  it('among the lists of a manifest', () => {
    assert.deepEqual(listsOf('args: [{toString: 1}, care]', 'args'), [['', 'care']]);
  });

  it('and null, in the table of lvscare', () => {
    const table = masqueradeTable(VS);
    assert.match(
      tableDrift(table, JSON.stringify({ nftables: [{ chain: null }] })) ?? '',
      /^table ip .* has no table$/,
    );
    const objects = table.objects.map(([kind, value]) => ({ [kind]: value }));
    const more = JSON.stringify({ nftables: [...objects, { chain: { name: object } }] });
    assert.match(tableDrift(table, more) ?? '', /has a chain that is not ours$/);
  });
});

describe('a file of the configuration', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lvscare-fuzz-'));
  });
  after(() => rm(directory, { recursive: true }));

  it('with a thousand wrong keys is refused soon, in a hundred lines', async () => {
    const path = join(directory, 'care.yaml');
    await writeFile(path, Array.from({ length: 1000 }, (_, at) => `not-an-option-${at}: 1\n`).join(''));
    const error: unknown = await quickly(() =>
      readAllSettings({ config: path }, {}).catch((why: unknown) => why),
    );
    assert.ok(error instanceof UsageError);
    const lines = error.message.split('\n');
    assert.equal(lines.length, 101);
    assert.equal(lines.at(-1), 'there are more errors');
  });

  for (const text of ['{'.repeat(16_000), '['.repeat(16_000), '? '.repeat(8000)])
    it(`of the web, that is too deep, is refused before it is parsed: ${text.slice(0, 4)}`, async () => {
      const path = join(directory, 'web.yaml');
      await writeFile(path, text);
      const error: unknown = await quickly(() =>
        loadWebConfig(path, '--web-config-file').catch((why: unknown) => why),
      );
      refused(
        `--web-config-file: expected a file whose values are not so deep in each other, got "${path}"`,
        () => {
          throw error;
        },
      );
    });
});

describe('a certificate whose alternative names OpenSSL cannot write', () => {
  it('has none, and nothing is thrown (Node.js from 22 on throws)', () => {
    const der = Buffer.from(corpusFile('names-unreadable.txt'), 'base64');
    const facts = certificateFacts(der, Date.parse('2026-06-01T12:00:00Z'));
    assert.equal(facts?.subject, 'O=lab, CN=apiserver');
    assert.deepEqual(facts.names, []);
  });
});
