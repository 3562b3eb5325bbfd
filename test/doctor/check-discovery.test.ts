import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discoveryFindings } from '../../src/doctor/check-discovery.js';
import type { DiscoveryResult } from '../../src/control-loop/ports.js';
import { endpoint, type Endpoint } from '../../src/values/endpoint.js';

const [A, B, C] = [1, 2, 3].map((host) => endpoint('ipv4', `10.0.0.${host}`, 6443)) as [
  Endpoint,
  Endpoint,
  Endpoint,
];

function found(result: DiscoveryResult | null, whyNotWritable: string | null = null): string[] {
  return discoveryFindings({
    kubeconfig: '/etc/kubernetes/kubelet.conf',
    result,
    realServers: [A, B],
    stateDirectory: '/var/lib/lvscare',
    whyNotWritable,
  }).map(({ name, verdict, evidence, remedy }) => `${name} ${verdict}: ${evidence} -> ${remedy}`);
}

const list = (...servers: readonly Endpoint[]): DiscoveryResult => ({
  kind: 'list',
  list: { servers, from: A, by: 'poll' },
});
const RIGHTS =
  'correct /etc/kubernetes/kubelet.conf, or give its user the right to get endpoints/kubernetes in the namespace default';

describe('doctor, of --discover', () => {
  it('is content when the cluster lists what --rs has, and more', () => {
    assert.deepEqual(found(list(A, B)), [
      'discovery ok: 10.0.0.1:6443 lists 10.0.0.1:6443, 10.0.0.2:6443 -> null',
    ]);
    assert.deepEqual(found(list(A, B, C)), [
      'discovery ok: 10.0.0.1:6443 lists 10.0.0.1:6443, 10.0.0.2:6443, 10.0.0.3:6443; beside --rs: 10.0.0.3:6443 -> null',
    ]);
  });

  it('warns of a server of --rs that the cluster does not list', () => {
    assert.deepEqual(found(list(A, C)), [
      'discovery warn: 10.0.0.1:6443 lists 10.0.0.1:6443, 10.0.0.3:6443, but not 10.0.0.2:6443 of --rs; beside --rs: 10.0.0.3:6443 -> take out of --rs what was removed from the cluster; an apiserver that is down is not listed either',
    ]);
    assert.match(found(list())[0] ?? '', /lists no apiserver, but not 10.0.0.1:6443, 10.0.0.2:6443 of --rs/);
  });

  it('warns when the list cannot be read, or not be saved', () => {
    assert.deepEqual(
      found({ kind: 'failed', from: B, error: new Error('Endpoints: status 403: Forbidden') }),
      [
        `discovery warn: the list of apiservers was not read from 10.0.0.2:6443: Endpoints: status 403: Forbidden -> ${RIGHTS}`,
      ],
    );
    assert.deepEqual(found({ kind: 'failed', from: null, error: new Error('kubeconfig: ENOENT') }), [
      `discovery warn: the list of apiservers was not read: kubeconfig: ENOENT -> ${RIGHTS}`,
    ]);
    assert.deepEqual(found(null, 'EROFS'), [
      `discovery warn: the list of apiservers was not read: no answer in time -> ${RIGHTS}`,
      'discovery state warn: the list of apiservers cannot be saved in /var/lib/lvscare: EROFS -> make /var/lib/lvscare writable, or a node that boots knows only the real servers of --rs',
    ]);
  });
});
