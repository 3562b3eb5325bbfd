// What is in manifests/: taken by Kubernetes, kubeadm, kube-proxy and systemd, and of one mind about the addresses.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { BlockList } from 'node:net';
import { describe, it } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { readCareConfig } from '../../src/config/care-config.js';
import { readSettings } from '../../src/config/config-file.js';
import type { ClusterConfiguration, KubeProxyConfiguration } from './kubeadm-types.js';
import { podFaults, type Pod } from './pod-schema.js';
import { typeFaults } from './typed.js';

const MANIFESTS = new URL('../../../manifests/', import.meta.url);
const TYPES = 'test/manifests/kubeadm-types.ts';
const VIP = '10.103.97.2';

const textOf = (name: string): string => readFileSync(new URL(name, MANIFESTS), 'utf8');

interface Configuration {
  readonly apiVersion: string;
  readonly kind: string;
}

/** As kubeadm and the kubelet read YAML: 1.1, no key twice. */
function documents(text: string): Configuration[] {
  return parseAllDocuments(text, { version: '1.1' }).map((document) => {
    assert.deepEqual(document.errors, []);
    return document.toJS() as Configuration;
  });
}

function faults(configurations: readonly Configuration[]): string[] {
  return typeFaults(
    TYPES,
    configurations.map((value) => ({ type: value.kind, value })),
  );
}

describe('the manifests', () => {
  it('are all looked at here', async () => {
    assert.deepEqual((await readdir(MANIFESTS)).toSorted(), [
      'care.json',
      'kube-proxy-exclude-cidrs.yaml',
      'kubeadm.yaml',
      'lvscare-config.schema.json',
      'lvscare-discovery-rbac.yaml',
      'lvscare.service',
      'lvscare.yaml',
      // Looked at in test/monitoring.
      'monitoring',
    ]);
  });

  describe('the static pod', () => {
    const text = textOf('lvscare.yaml');
    const pod = parse(text, { version: '1.1' }) as Pod;
    const [container] = pod.spec?.containers ?? [];

    it('is a pod', () => {
      assert.deepEqual(podFaults(pod), []);
    });

    it('has no privilege but NET_ADMIN, and bounds', () => {
      assert.deepEqual(container?.securityContext?.capabilities, { drop: ['ALL'], add: ['NET_ADMIN'] });
      assert.equal(container.securityContext.privileged, false);
      assert.equal(container.securityContext.allowPrivilegeEscalation, false);
      assert.equal(container.securityContext.readOnlyRootFilesystem, true);
      assert.ok(
        container.resources?.requests['memory'] !== undefined &&
          container.resources.limits['memory'] !== undefined,
      );
      assert.equal(pod.spec?.priorityClassName, 'system-node-critical');
      assert.equal(pod.spec.hostNetwork, true);
    });

    const wrong: readonly (readonly [what: string, from: string | RegExp, to: string])[] = [
      ['a field that there is not', 'hostNetwork:', 'hostNetworking:'],
      [
        'a field in the wrong place',
        '      imagePullPolicy:',
        '      priorityClassName: x\n      imagePullPolicy:',
      ],
      ['a text for a number', 'terminationGracePeriodSeconds: 5', "terminationGracePeriodSeconds: '5'"],
      ['a text for a truth', 'privileged: false', 'privileged: nope'],
      ['a text for a list', "drop: ['ALL']", 'drop: ALL'],
      ['no containers', /containers:\n[^]*?\n {2}volumes:/, 'volumes:'],
      ['no name', '- name: lvscare\n      image', '- image'],
      ['a name that is none', 'name: lvscare\n  namespace', 'name: LVScare\n  namespace'],
      ['an odd quantity', 'memory: 80Mi', 'memory: 80MB'],
      ['a mount of no volume', '- name: run\n          mountPath', '- name: ran\n          mountPath'],
      ['an unknown type of path', 'type: DirectoryOrCreate', 'type: Folder'],
    ];
    for (const [what, from, to] of wrong) {
      it(`would be found to be none with ${what}`, () => {
        const changed = text.replace(from, to);
        assert.notEqual(changed, text);
        assert.notDeepEqual(podFaults(parse(changed, { version: '1.1' }) as Pod), []);
      });
    }
  });

  it('let nodes list and watch the one EndpointSlice of the apiservers, and nothing else', () => {
    const [role, binding] = documents(textOf('lvscare-discovery-rbac.yaml')) as unknown as [
      Readonly<Record<'kind' | 'metadata' | 'rules', unknown>>,
      Readonly<Record<'kind' | 'metadata' | 'roleRef' | 'subjects', unknown>>,
    ];
    const metadata = { name: 'lvscare-discovery', namespace: 'default' };
    assert.deepEqual([role.kind, role.metadata], ['Role', metadata]);
    assert.deepEqual(role.rules, [
      {
        apiGroups: ['discovery.k8s.io'],
        resources: ['endpointslices'],
        resourceNames: ['kubernetes'],
        verbs: ['list', 'watch'],
      },
    ]);
    const apiGroup = 'rbac.authorization.k8s.io';
    assert.deepEqual([binding.kind, binding.metadata], ['RoleBinding', metadata]);
    assert.deepEqual(binding.roleRef, { apiGroup, kind: 'Role', name: metadata.name });
    assert.deepEqual(binding.subjects, [{ apiGroup, kind: 'Group', name: 'system:nodes' }]);
  });

  describe("kubeadm's configuration", () => {
    const text = textOf('kubeadm.yaml');
    const all = documents(text);

    it('is of the kinds and the fields that kubeadm knows', () => {
      assert.deepEqual(
        all.map(({ kind }) => kind),
        ['InitConfiguration', 'ClusterConfiguration', 'KubeProxyConfiguration'],
      );
      assert.deepEqual(faults(all), []);
    });

    it("has the endpoint's name and the virtual server in the certificates, and neither among the services", () => {
      const cluster = all.find(({ kind }) => kind === 'ClusterConfiguration') as
        ClusterConfiguration | undefined;
      const [name = '', port] = (cluster?.controlPlaneEndpoint ?? '').split(':');
      assert.equal(port, '6443');
      assert.deepEqual(cluster?.apiServer?.certSANs, [name, VIP]);
      for (const cidr of [cluster.networking?.serviceSubnet, cluster.networking?.podSubnet]) {
        const [network = '', bits = ''] = (cidr ?? '').split('/');
        const list = new BlockList();
        list.addSubnet(network, Number(bits));
        assert.equal(list.check(VIP), false, cidr);
      }
    });

    for (const [what, from, to] of [
      ['a field of an older version', 'podSubnet:', 'podCIDR:'],
      ['arguments as v1beta3 had them', 'apiServer:', 'apiServer:\n  extraArgs:\n    a: b'],
      ['a list that is a text', /certSANs:\n {4}- .*\n {4}- .*\n/, 'certSANs: apiserver.cluster.local\n'],
      ['another version', 'kubeadm.k8s.io/v1beta4\nkind: Cluster', 'kubeadm.k8s.io/v1beta3\nkind: Cluster'],
      ['a port that is a text', 'bindPort: 6443', "bindPort: '6443'"],
      ['a misspelled list of CIDRs', 'excludeCIDRs', 'excludeCidrs'],
    ] as const) {
      it(`would be refused with ${what}`, () => {
        const changed = text.replace(from, to);
        assert.notEqual(changed, text);
        assert.notDeepEqual(faults(documents(changed)), []);
      });
    }
  });

  it("kube-proxy's configuration spares the virtual server in ipvs mode", () => {
    const [proxy, ...others] = documents(textOf('kube-proxy-exclude-cidrs.yaml'));
    assert.deepEqual(others, []);
    assert.ok(proxy !== undefined);
    assert.deepEqual(faults([proxy]), []);
    const { mode, ipvs } = proxy as KubeProxyConfiguration;
    assert.deepEqual([mode, ipvs?.excludeCIDRs], ['ipvs', [`${VIP}/32`]]);
  });

  it('the file of options is one for lvscare care', async () => {
    const path = new URL('care.json', MANIFESTS).pathname;
    const config = readCareConfig(await readSettings({ config: path }, {}), {}, { elsewhere: true });
    assert.equal(config.virtualServer.address, VIP);
    assert.equal(config.realServers.length, 3);
  });

  it('docs/kubeadm.md installs each file where the options have it, and the unit for them', async () => {
    const [page, unit, options] = await Promise.all(
      ['../docs/kubeadm.md', 'lvscare.service', 'care.json'].map((file) =>
        readFile(new URL(file, MANIFESTS), 'utf8'),
      ),
    );
    const installed = [...(page ?? '').matchAll(/^install -D -m \d+ (\S+) (\S+)$/gm)].map(([, from, to]) => [
      from,
      to,
    ]);
    const config = / --config=(\S+)$/m.exec(unit ?? '')?.[1];
    assert.ok(page?.includes(`lvscare manifest --systemd --config ${config ?? ''} |`));
    const { 'health-ca': ca } = JSON.parse(options ?? '') as { 'health-ca': string };
    assert.deepEqual(installed, [
      ['manifests/care.json', config],
      ['ca.crt', ca],
    ]);
  });
});
