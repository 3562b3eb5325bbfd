import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { Settings } from '../../src/config/settings.js';
import { mountsFor } from '../../src/manifest/mounts.js';
import { podManifest } from '../../src/manifest/pod.js';
import { podFaults, type Pod } from '../manifests/pod-schema.js';

const settings = new Settings({}, {});
const mounts = mountsFor(settings, [settings], []);

function pod(health: Parameters<typeof podManifest>[0]['health']): Pod {
  const args = ['care', '--vs=10.103.97.2:6443'];
  return parse(podManifest({ name: 'lvscare', image: 'lvscare:1', args, health, mounts }), {
    version: '1.1',
  }) as Pod;
}

describe('the manifest of a pod', () => {
  for (const host of ['127.0.0.1', 'fd00::1', 'localhost']) {
    it(`has the kubelet ask at ${host} whether it has started, and whether it is alive`, () => {
      const made = pod({ host, port: 9288, scheme: 'HTTP' });
      assert.deepEqual(podFaults(made), []);
      const [container] = made.spec?.containers ?? [];
      for (const probe of [container?.startupProbe, container?.livenessProbe])
        assert.deepEqual(probe?.httpGet, { host, port: 9288, path: '/healthz' });
    });
  }

  it('has kubelet ask only after the program had time to listen, and then often', () => {
    const [container] = pod({ host: null, port: 9288, scheme: 'HTTP' }).spec?.containers ?? [];
    const { initialDelaySeconds, periodSeconds } = container?.startupProbe ?? {};
    assert.deepEqual([initialDelaySeconds, periodSeconds], [10, 2]);
  });

  it('has the kubelet ask at its own address, and names that', () => {
    const made = pod({ host: null, port: 9288, scheme: 'HTTP' });
    assert.deepEqual(podFaults(made), []);
    const [container] = made.spec?.containers ?? [];
    for (const probe of [container?.startupProbe, container?.livenessProbe])
      assert.deepEqual(probe?.httpGet, { port: 9288, path: '/healthz' });
    assert.deepEqual(container?.env, [
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    ]);
    assert.equal(pod({ host: '127.0.0.1', port: 9288, scheme: 'HTTP' }).spec?.containers[0]?.env, undefined);
  });

  it('has kubelet send its probes by HTTPS where lvscare has TLS', () => {
    const made = pod({ host: null, port: 9288, scheme: 'HTTPS' });
    assert.deepEqual(podFaults(made), []);
    const [container] = made.spec?.containers ?? [];
    for (const probe of [container?.startupProbe, container?.livenessProbe])
      assert.deepEqual(probe?.httpGet, { port: 9288, path: '/healthz', scheme: 'HTTPS' });
  });

  it('has no probes where the kubelet cannot ask', () => {
    const made = pod(null);
    assert.deepEqual(podFaults(made), []);
    const [container] = made.spec?.containers ?? [];
    assert.equal(container?.startupProbe ?? container?.livenessProbe, undefined);
  });
});
