// What is in deploy/ beside Ansible: each has the options that lvscare accepts, and what lvscare manifest prints for them.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse, parseDocument } from 'yaml';
import { run } from '../../lab/run.js';
import { readCommandLine } from '../../src/cli/command-line.js';
import { runManifestCommand } from '../../src/commands/manifest.js';
import { readCareConfig } from '../../src/config/care-config.js';
import { Settings } from '../../src/config/settings.js';
import type { KubeadmConfigTemplate } from './kubeadm-types.js';
import { podFaults, type Pod } from './pod-schema.js';
import { typeFaults } from './typed.js';

const ROOT = new URL('../../../', import.meta.url);
const textOf = (name: string): string => readFileSync(new URL(name, ROOT), 'utf8');
const { version } = JSON.parse(textOf('package.json')) as { version: string };
const CARE = JSON.parse(textOf('manifests/care.json')) as Readonly<Record<string, string>>;
/** That of the unit in the package, which lvscare manifest --systemd prints. */
const CONFIG = / --config=(\S+)$/m.exec(textOf('manifests/lvscare.service'))?.[1] ?? '';
const PLACEHOLDER = 'registry.example.com/lvscare';

interface File {
  readonly path: string;
  readonly content?: string;
}

function yamlOf(name: string): unknown {
  const document = parseDocument(textOf(name), { version: '1.1' });
  assert.deepEqual([document.errors, document.warnings], [[], []]);
  return document.toJS();
}

/** The files of the node: the options of the service where its unit reads them, and the CA that they name. */
function checkFiles(files: readonly File[]): void {
  const options = JSON.parse(files.find(({ path }) => path === CONFIG)?.content ?? '{}') as typeof CARE;
  assert.deepEqual(options, CARE);
  readCareConfig(new Settings({ ...options, rs: [options['rs'] ?? []].flat() }, {}), {}, { elsewhere: true });
  assert.deepEqual(files.map(({ path }) => path).toSorted(), [CARE['health-ca'], CONFIG].toSorted());
}

/** What installs this version's package and starts the service, as a shell reads it. */
async function checkCommands(script: string): Promise<void> {
  const { status, stderr } = await run('bash', ['-n', '-c', script]);
  assert.deepEqual([status, stderr], [0, '']);
  assert.ok(script.includes(`/lvscare_${version}_amd64.deb`));
  assert.match(script, /^echo "[0-9a-f]{64} {2}.*\.deb"|^echo "0{64} {2}\$deb"/m);
  const order = [
    'curl',
    'sha256sum --check',
    'apt-get install',
    'lvscare config',
    'systemctl enable --now lvscare',
  ];
  const places = order.map((command) => script.indexOf(command));
  assert.ok(!places.includes(-1));
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
}

describe('deploy/', () => {
  it('has nothing that no test looks at', () => {
    const files = readdirSync(new URL('deploy/', ROOT), { recursive: true, encoding: 'utf8' });
    // scripts/test-fleet applies Ansible's.
    const others = files.filter((file) => !file.startsWith('ansible') && file.includes('/'));
    assert.deepEqual(others.toSorted(), [
      'cloud-init/worker.yaml',
      'cluster-api/workers.yaml',
      'ignition/worker.bu',
    ]);
  });

  it('cloud-init gives the service the options of manifests/care.json, then installs and starts it', async () => {
    const { write_files: files, runcmd } = yamlOf('deploy/cloud-init/worker.yaml') as {
      write_files: readonly File[];
      runcmd: readonly string[];
    };
    assert.ok(textOf('deploy/cloud-init/worker.yaml').startsWith('#cloud-config\n'));
    checkFiles(files);
    assert.equal(runcmd.length, 1, 'of several, cloud-init runs all, whichever fails');
    assert.match(runcmd[0] ?? '', /^set -eu$/m);
    await checkCommands(runcmd[0] ?? '');
  });

  it("Cluster API's template is one, gives the same options, and has the cluster's CA from its secret", async () => {
    const template = yamlOf('deploy/cluster-api/workers.yaml') as KubeadmConfigTemplate;
    const faults = typeFaults('test/manifests/kubeadm-types.ts', [
      { type: 'KubeadmConfigTemplate', value: template },
    ]);
    assert.deepEqual(faults, []);
    const { files = [], preKubeadmCommands = [] } = template.spec.template.spec;
    checkFiles(files);
    const ca = files.find(({ path }) => path === CARE['health-ca']);
    assert.deepEqual(ca?.contentFrom, { secret: { name: 'CLUSTER-ca', key: 'tls.crt' } });
    await checkCommands(preKubeadmCommands.join('\n'));
    assert.notDeepEqual(
      typeFaults('test/manifests/kubeadm-types.ts', [
        {
          type: 'KubeadmConfigTemplate',
          value: { ...template, apiVersion: 'bootstrap.cluster.x-k8s.io/v1beta1' },
        },
      ]),
      [],
    );
  });

  describe('Ignition', () => {
    const { storage, systemd } = yamlOf('deploy/ignition/worker.bu') as {
      storage: { files: readonly { path: string; contents: { inline: string } }[] };
      systemd: { units: readonly { name: string; enabled: boolean; contents: string }[] };
    };
    const manifest = storage.files.find(({ path }) => path === '/etc/kubernetes/manifests/lvscare.yaml');
    const pod = parse(manifest?.contents.inline ?? '') as Pod;
    const [container] = pod.spec?.containers ?? [];
    const options = (container?.args ?? []).slice(1);

    it('has the static pod that lvscare manifest prints for its options', async () => {
      assert.deepEqual(podFaults(pod), []);
      const command = await readCommandLine(
        ['manifest', '--image', `${PLACEHOLDER}:${version}`, ...options],
        80,
      );
      assert.ok(command.kind === 'run');
      const program = { image: null, interpreter: '', script: '' };
      const { text, notes } = await runManifestCommand(command.given, program);
      assert.equal(manifest?.contents.inline, text);
      assert.deepEqual(notes, []);
    });

    it('sets up the same virtual server before kubelet, from the same image, with the files that both read', async () => {
      const [unit, ...others] = systemd.units;
      assert.deepEqual([unit?.name, unit?.enabled, others], ['lvscare-once.service', true, []]);
      const [, words = ''] = /^ExecStart=((?:.*\\\n)*.*)$/m.exec(unit?.contents ?? '') ?? [];
      const line = words.replaceAll('\\\n', ' ').split(/\s+/);
      const command = await readCommandLine(line.slice(line.indexOf('/usr/bin/lvscare') + 1), 80);
      assert.ok(command.kind === 'run' && command.name === 'care');
      const config = readCareConfig(new Settings(command.given, {}), {}, { elsewhere: true });
      assert.equal(config.task, 'run-once');
      const once = line.filter((word) => /^--(?:vs|rs|health-)/.test(word));
      assert.deepEqual(
        once,
        options.filter((option) => !option.startsWith('--metrics-addr')),
      );
      const images = new Set(unit?.contents.match(/registry\.\S+/g));
      assert.deepEqual([...images], [container?.image]);
      assert.match(unit?.contents ?? '', /^Before=kubelet\.service$/m);
      assert.deepEqual(
        storage.files.map(({ path }) => path),
        [CARE['health-ca'], '/etc/kubernetes/manifests/lvscare.yaml'],
      );
    });
  });
});
