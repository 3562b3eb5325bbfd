import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Settings, type Arguments } from '../../src/config/settings.js';
import { mountsFor } from '../../src/manifest/mounts.js';
import { refused } from '../config/refused.js';

const CA = 'cluster-ca File /etc/kubernetes/pki/ca.crt ro';
const SYSCTL = 'sysctl-net Directory /proc/sys/net rw at /host/proc/sys/net';
const RUN = 'run DirectoryOrCreate /run/lvscare rw';

function mounts(
  given: Arguments,
  webFiles: readonly string[] = [],
  kubeconfigFiles: readonly string[] = [],
): string[] {
  const settings = new Settings(given, {});
  return mountsFor(settings, [settings], webFiles, kubeconfigFiles).map(
    ({ name, path, at, type, readOnly }) =>
      `${name} ${type} ${path} ${readOnly ? 'ro' : 'rw'}${at === undefined ? '' : ` at ${at}`}`,
  );
}

describe('what the pod sees of its node', () => {
  it('is the kubeconfig of --discover alone, the directory of the certificate in it, and where the list is saved', () => {
    const files = ['/etc/kubernetes/pki/ca.crt', '/var/lib/kubelet/pki/kubelet-client-current.pem'];
    assert.deepEqual(mounts({ discover: '/etc/kubernetes/kubelet.conf' }, [], files), [
      SYSCTL,
      CA,
      'secret File /etc/kubernetes/kubelet.conf ro',
      'credentials Directory /var/lib/kubelet/pki ro',
      RUN,
      'state DirectoryOrCreate /var/lib/lvscare rw',
    ]);
  });

  it('is the directory of the web configuration, those of its files, and a file alone among keys that it does not need', () => {
    const given = {
      'web-config-file': '/etc/lvscare/web/web.yml',
      'health-token-file': '/etc/lvscare/token',
    };
    const files = ['/etc/lvscare/web/tls.crt', '/srv/pki/tls.key', '/etc/kubernetes/pki/ca.crt'];
    assert.deepEqual(mounts(given, files), [
      SYSCTL,
      CA,
      'credentials Directory /etc/lvscare ro',
      'web-config Directory /srv/pki ro',
      RUN,
    ]);
    assert.deepEqual(mounts({ 'web-config-file': '/etc/lvscare/web.yml', 'health-schem': 'http' }, files), [
      SYSCTL,
      'web-file File /etc/kubernetes/pki/ca.crt ro',
      'web-config Directory /etc/lvscare ro',
      'web-config-2 Directory /srv/pki ro',
      RUN,
    ]);
  });

  const kubelet = '/var/lib/kubelet/pki/kubelet-client-current.pem';
  const cases: readonly (readonly [what: string, given: Arguments, mounts: readonly string[]])[] = [
    ['by default', {}, [SYSCTL, CA, RUN]],
    ['without sysctls', { sysctl: 'false' }, [CA, RUN]],
    ['by HTTP', { 'health-schem': 'http' }, [SYSCTL, RUN]],
    ['when certificates are not verified', { 'health-insecure-skip-verify': 'true' }, [SYSCTL, RUN]],
    [
      'when certificates are verified on purpose',
      { 'health-insecure-skip-verify': 'false' },
      [SYSCTL, CA, RUN],
    ],
    ['another CA', { 'health-ca': '/etc/ca.pem' }, [SYSCTL, 'cluster-ca File /etc/ca.pem ro', RUN]],
    [
      "the kubelet's certificate, which is a link: with its directory",
      { 'health-cert': kubelet, 'health-key': kubelet },
      [SYSCTL, CA, 'credentials Directory /var/lib/kubelet/pki ro', RUN],
    ],
    [
      "a certificate among the cluster's keys: alone",
      {
        'health-cert': '/etc/kubernetes/pki/apiserver-kubelet-client.crt',
        'health-key': '/etc/kubernetes/pki/apiserver-kubelet-client.key',
      },
      [
        SYSCTL,
        CA,
        'secret File /etc/kubernetes/pki/apiserver-kubelet-client.crt ro',
        'secret-2 File /etc/kubernetes/pki/apiserver-kubelet-client.key ro',
        RUN,
      ],
    ],
    [
      'a token in a directory that the pod has itself: alone',
      { 'health-token-file': '/etc/token' },
      [SYSCTL, CA, 'secret File /etc/token ro', RUN],
    ],
    [
      'two directories, and a CA that is in one of them',
      {
        'health-token-file': '/srv/tokens/one',
        'health-cert': '/srv/pki/c',
        'health-key': '/srv/pki/k',
        'health-ca': '/srv/pki/ca',
      },
      [SYSCTL, 'credentials Directory /srv/pki ro', 'credentials-2 Directory /srv/tokens ro', RUN],
    ],
    [
      'a directory in another one',
      { 'health-token-file': '/srv/pki/tokens/one', 'health-cert': '/srv/pki/c', 'health-key': '/srv/pki/c' },
      [SYSCTL, CA, 'credentials Directory /srv/pki ro', RUN],
    ],
    [
      'a file of options',
      { config: '/etc/lvscare/care.json' },
      [SYSCTL, CA, 'config Directory /etc/lvscare ro', RUN],
    ],
    [
      'a file of options beside files of other programs',
      { config: '/etc/care.json' },
      [SYSCTL, 'config File /etc/care.json ro', CA, RUN],
    ],
  ];
  for (const [what, given, expected] of cases) {
    it(what, () => {
      assert.deepEqual(mounts(given), expected);
    });
  }

  for (const path of [
    'ca.crt',
    './ca.crt',
    '/etc/../ca.crt',
    '/etc/./ca',
    '/etc//ca',
    '/',
    '/etc/ca/',
    '/etc/a:b',
    '/a\nb',
    '',
  ]) {
    it(`refuses ${JSON.stringify(path)}`, () => {
      const expected = 'a path from the root, without a colon, . or .., which the pod can mount';
      refused(`--health-ca: expected ${expected}, got ${JSON.stringify(path)}`, () =>
        mounts({ 'health-ca': path }),
      );
    });
  }
});
