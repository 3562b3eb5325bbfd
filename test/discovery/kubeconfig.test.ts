import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { filesOf, parseKubeconfig, readKubeconfig } from '../../src/discovery/kubeconfig.js';
import { kubeconfig } from './servers.js';

const CA = { 'certificate-authority': '/etc/kubernetes/pki/ca.crt' };
const TOKEN = { token: 'secret' };
const ROTATING = '/var/lib/kubelet/pki/kubelet-client-current.pem';

function parse(cluster: Readonly<Record<string, string>>, user: Readonly<Record<string, string>>): unknown {
  return parseKubeconfig(kubeconfig(cluster, user), '/etc/kubernetes');
}

describe('a kubeconfig', () => {
  it('is read as kubeadm writes it for kubelet', () => {
    const data = Buffer.from('a CA').toString('base64');
    const read = parseKubeconfig(
      kubeconfig(
        { 'certificate-authority-data': data, 'tls-server-name': '""' },
        { 'client-certificate': ROTATING, 'client-key': ROTATING },
      ),
      '/etc/kubernetes',
    );
    assert.deepEqual(read, {
      serverHost: 'apiserver.cluster.local',
      tlsServerName: null,
      ca: { kind: 'text', text: 'a CA' },
      clientCertificate: {
        certificate: { kind: 'file', path: ROTATING },
        key: { kind: 'file', path: ROTATING },
      },
      token: null,
    });
    assert.deepEqual(filesOf(read), [ROTATING, ROTATING]);
  });

  it('names files relative to its directory, and prefers the data in it to files', () => {
    assert.deepEqual(
      parse({ 'certificate-authority': '../ca.crt', 'tls-server-name': 'api' }, { tokenFile: 'token' }),
      {
        serverHost: 'apiserver.cluster.local',
        tlsServerName: 'api',
        ca: { kind: 'file', path: '/etc/ca.crt' },
        clientCertificate: null,
        token: { kind: 'file', path: '/etc/kubernetes/token' },
      },
    );
    const both = parseKubeconfig(kubeconfig({ ...CA, 'certificate-authority-data': 'YQ==' }, TOKEN), '/');
    assert.deepEqual(both.ca, { kind: 'text', text: 'a' });
  });

  it('may be JSON, and may name an IPv6 address, or no server', () => {
    const json = (cluster: object): string =>
      JSON.stringify({
        'current-context': 'c',
        contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
        clusters: [{ name: 'k', cluster: { ...CA, ...cluster } }],
        users: [{ name: 'u', user: TOKEN }],
      });
    assert.equal(parseKubeconfig(json({ server: 'https://[fd00::2]:6443/' }), '/').serverHost, 'fd00::2');
    assert.equal(parseKubeconfig(json({}), '/').serverHost, null);
    assert.equal(parseKubeconfig(json({ server: 'nonsense' }), '/').serverHost, null);
  });

  for (const [what, cluster, user, expected] of [
    [
      'a program',
      CA,
      { exec: '{command: aws}' },
      'user "node" has exec, which is not supported: lvscare runs no other program for credentials',
    ],
    [
      'a plugin',
      CA,
      { 'auth-provider': '{name: gcp}' },
      'user "node" has auth-provider, which is not supported: lvscare has no plugins for credentials',
    ],
    [
      'a password',
      CA,
      { username: 'a', password: 'b' },
      'user "node" has username, which is not supported: apiservers do not accept passwords',
    ],
    [
      'impersonation',
      CA,
      { ...TOKEN, as: 'admin' },
      'user "node" has as, which is not supported: lvscare does not impersonate',
    ],
    [
      'no verification',
      { ...CA, 'insecure-skip-tls-verify': 'true' },
      TOKEN,
      'cluster "kubernetes" has insecure-skip-tls-verify, which is not supported: lvscare verifies each apiserver',
    ],
    [
      'a proxy',
      { ...CA, 'proxy-url': 'socks5://a' },
      TOKEN,
      'cluster "kubernetes" has proxy-url, which is not supported: lvscare connects to apiservers directly',
    ],
    [
      'no CA',
      {},
      TOKEN,
      'cluster "kubernetes" has no certificate-authority, so apiservers could not be verified',
    ],
    ['no credentials', CA, { token: '""' }, 'user "node" has neither client-certificate nor token'],
    [
      'half a pair',
      CA,
      { 'client-key': 'a' },
      'user "node" has only one of client-certificate and client-key',
    ],
    ['a list for a text', CA, { token: '[a]' }, 'user "node" has a list as token'],
    ['an alias', CA, { token: '*t' }, /./],
  ] as const)
    it(`is refused with ${what}`, () => {
      assert.throws(
        () => parse(cluster, user),
        (error: Error) => {
          if (typeof expected === 'string') assert.equal(error.message, expected);
          return true;
        },
      );
    });

  it('may switch off what is not supported', () => {
    parse({ ...CA, 'insecure-skip-tls-verify': 'false', 'proxy-url': '""' }, { ...TOKEN, exec: 'null' });
  });

  for (const [text, expected] of [
    ['', 'line 1: it is empty'],
    ['a', 'the file has to be a mapping, and is a value'],
    ['a: [', /^Error: line 1: /],
    ['a: 1', 'the file has no current-context'],
    ['current-context: a', 'the file has no context "a"'],
    ['current-context: a\ncontexts: [{name: a, context: {user: u}}]', 'context "a" has no cluster'],
    [
      'current-context: a\ncontexts: [{name: a, context: 1}]',
      'context "a" has to be a mapping, and is a value',
    ],
    ['current-context: a\ncontexts: [1, {name: a}]', 'the file has no context "a"'],
    [
      'current-context: a\ncontexts: [{name: a, context: {cluster: k, user: u}}]',
      'the file has no cluster "k"',
    ],
  ] as const)
    it(`is refused as ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parseKubeconfig(text, '/'),
        typeof expected === 'string' ? { message: expected } : expected,
      );
    });

  it('is named in errors of reading it, and is not read if it is large', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'lvscare-kubeconfig-'));
    try {
      const path = join(directory, 'kubelet.conf');
      await assert.rejects(readKubeconfig(path), /^Error: kubeconfig .*kubelet\.conf: ENOENT/);
      await assert.rejects(readKubeconfig(directory), /^Error: kubeconfig .*: .* is not a regular file$/);
      await writeFile(path, `a: ${'b'.repeat(129 * 1024)}`);
      await assert.rejects(readKubeconfig(path), /^Error: kubeconfig .*: .* has more than 128 KiB$/);
      await writeFile(path, kubeconfig(CA, TOKEN));
      assert.deepEqual(filesOf(await readKubeconfig(path)), ['/etc/kubernetes/pki/ca.crt']);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
