// Only the image is changed: the static pods that were written for the Go program run, and each of its flags does to the kernel what
// it did. How the command line is read is in drop-in.test.ts.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { Lab, until, VIP, type LabProcess } from '../../lab/index.js';
import { allOf, answerers, fingerprint, lvscare, restore, untilWeights, VS } from './lvscare.js';
import { PROGRAM } from '../../lab/program.js';

const SECOND = '10.103.97.150';

/** `/etc/kubernetes/manifests/kube-sealos-lvscare.yaml`, as sealos writes it on a worker. */
const SEALOS_POD = `apiVersion: v1
kind: Pod
metadata:
  creationTimestamp: null
  name: kube-sealos-lvscare
  namespace: kube-system
spec:
  containers:
  - args:
    - care
    - --vs
    - 10.103.97.2:6443
    - --health-path
    - /healthz
    - --health-schem
    - https
    - --rs
    - 10.103.97.200:6443
    - --rs
    - 10.103.97.201:6443
    - --rs
    - 10.103.97.202:6443
    command:
    - /usr/bin/lvscare
    env:
    - name: LVSCARE_NODE_IP
      value: 10.103.97.100
    image: sealos.hub:5000/labring/lvscare:v4.3.7
    imagePullPolicy: IfNotPresent
    name: kube-sealos-lvscare
    resources: {}
    securityContext:
      privileged: true
    volumeMounts:
    - mountPath: /lib/modules
      name: lib-modules
      readOnly: true
  hostNetwork: true
  priorityClassName: system-node-critical
  volumes:
  - hostPath:
      path: /lib/modules
      type: ""
    name: lib-modules
status: {}
`;

/** In `/var/lib/rancher/k3s/agent/pod-manifests`: its apiservers answer 401 to who is not known. */
const K3S_POD = SEALOS_POD.replace('    - --rs\n', '    - --health-status\n    - "401"\n    - --rs\n');

interface Container {
  readonly command: readonly [string];
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
}

function containerOf(manifest: string): Container {
  const { spec } = parse(manifest) as { spec: { containers: [Container] } };
  return spec.containers[0];
}

describe('in the place of the Go program', () => {
  let lab: Lab;
  let daemon: LabProcess | null = null;
  let bare = '';
  before(async () => {
    lab = await Lab.create();
    await lab.node.ip(`address add ${SECOND}/32 dev lo`);
    bare = await fingerprint(lab.node);
  });
  after(() => lab.close());
  afterEach(async () => {
    await daemon?.stop();
    daemon = null;
    await restore(lab);
    await lvscare(lab.node, ['care', '--vs', VS, '-C', '-i', 'lvs0']);
    assert.equal(await fingerprint(lab.node), bare, '-C leaves nothing');
  });

  /** Its container, started as the runtime would, but for the image. */
  function runPod(manifest: string): LabProcess {
    const { command, args, env } = containerOf(manifest);
    assert.deepEqual(command, ['/usr/bin/lvscare']);
    const variables = Object.fromEntries(env.map(({ name, value }) => [name, value]));
    return lab.node.spawn(process.execPath, [PROGRAM, ...args], {
      env: { PATH: process.env['PATH'], ...variables },
    });
  }

  it('the static pod that sealos writes runs, command and arguments as they are', async () => {
    daemon = runPod(SEALOS_POD);
    await untilWeights(lab, allOf(lab));
    assert.deepEqual(new Set(await answerers(lab, 6)), new Set(['master0', 'master1', 'master2']));
    assert.match(
      await lab.node.ip('route show table local'),
      /^local 10\.103\.97\.2 dev lo .*src 10\.103\.97\.100/m,
    );
    await lab.master(1).kill();
    await until(async () => !(lab.master(1).endpoint in ((await lab.node.weights()) ?? {})));
    assert.deepEqual(new Set(await answerers(lab, 4)), new Set(['master0', 'master2']));
    await lab.master(1).start();
    await untilWeights(lab, allOf(lab));
    assert.equal(await daemon.stop(), 0);
    assert.deepEqual(await lab.node.weights(), allOf(lab), 'an upgrade of the pod leaves the rules');
  });

  it('the static pod of k3s runs, whose apiservers answer 401', async () => {
    for (const master of lab.masters) await master.demand({ token: 'one that nobody told lvscare' });
    daemon = runPod(K3S_POD);
    await daemon.waitForLine(/200:6443 is up .*status 401/);
    await untilWeights(lab, allOf(lab));
  });

  const mine = /^local 10\.103\.97\.2 dev lo .*src 10\.103\.97\.100/m;
  const second = new RegExp(`^local 10\\.103\\.97\\.2 dev lo .*src ${SECOND}`, 'm');
  const gateway = /^10\.103\.97\.2 via 10\.103\.97\.100 dev \S+ .*metric 50/m;
  const linked = (iface: string): RegExp => new RegExp(`^\\d+: ${iface} +inet 10\\.103\\.97\\.2/32 `, 'm');
  const unmasqueraded = { CARE_MASQUERADE: 'false' };

  /** What `--run-once` sets up. `has` and `lacks` are looked for in the routes of all tables and in the addresses. */
  const rows: readonly {
    readonly args?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly scheduler?: string;
    readonly has?: RegExp;
    readonly lacks?: RegExp;
  }[] = [
    { has: mine, lacks: gateway },
    { args: ['--mode', 'route'], has: gateway },
    { env: { CARE_MODE: 'route' }, has: gateway },
    { env: { IPVS_MODE: 'route' }, has: gateway },
    { args: ['--mode', 'link'], env: unmasqueraded, has: linked('lvscare') },
    { args: ['--mode', 'link', '-i', 'lvs0'], env: unmasqueraded, has: linked('lvs0') },
    { args: ['--mode', 'link'], env: { ...unmasqueraded, CARE_IFACE: 'lvs0' }, has: linked('lvs0') },
    { args: ['--mode', ''], lacks: /10\.103\.97\.2 / },
    { args: ['--ip', SECOND], has: second },
    { args: ['--ip', ''], has: mine },
    { env: { CARE_IP: SECOND }, has: second },
    { env: { LVSCARE_NODE_IP: SECOND }, has: second },
    { args: ['--ip', '10.103.97.100'], env: { LVSCARE_NODE_IP: SECOND }, has: mine },
    ...['rr', 'lc', 'dh', 'sh', 'wrr', 'wlc'].map((scheduler) => ({
      args: ['--scheduler', scheduler],
      scheduler,
    })),
    { args: ['--masqueradebit', '14', '--logger', 'DEBG', 'stray'], has: mine },
  ];
  for (const { args = [], env = {}, scheduler = 'rr', has, lacks } of rows) {
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    it(`--run-once with ${[...variables, ...args.map((arg) => arg || "''")].join(' ') || 'nothing else'}`, async () => {
      const rs = lab.masters.flatMap((master) => ['--rs', master.endpoint]);
      const { status, stdout, stderr } = await lvscare(
        lab.node,
        ['care', '--vs', VS, ...rs, '--run-once', ...args],
        env,
      );
      assert.equal(status, 0, stdout + stderr);
      assert.deepEqual(await lab.node.weights(), allOf(lab));
      assert.match(
        await lab.node.ipvsadmText(),
        new RegExp(`^TCP +10\\.103\\.97\\.2:6443 ${scheduler}\\b`, 'm'),
      );
      const found = (await lab.node.ip('route show table all')) + (await lab.node.ip('-o address show'));
      if (has !== undefined) assert.match(found, has);
      if (lacks !== undefined) assert.doesNotMatch(found, lacks);
    });
  }

  it('everything may come from the environment, and --clean too', async () => {
    const rs = lab.masters.map(({ endpoint }) => endpoint).join(',');
    const set = await lvscare(lab.node, ['care'], { CARE_VS: VS, CARE_RS: rs, CARE_RUN_ONCE: 'true' });
    assert.equal(set.status, 0, set.stdout + set.stderr);
    assert.deepEqual(await lab.node.weights(), allOf(lab));
    const cleaned = await lvscare(lab.node, ['care'], { IPVS_VS: VS, IPVS_CLEAN: 'true' });
    assert.equal(cleaned.status, 0, cleaned.stdout + cleaned.stderr);
    assert.equal(await lab.node.weights(), null);
    assert.doesNotMatch(await lab.node.ip('route show table all'), new RegExp(`${VIP.ipv4} `));
  });

  it('a file of options does as well', async () => {
    const rs = lab.masters.map(({ endpoint }) => endpoint);
    const file = '/run/lvscare-options.json';
    await lab.node.must('tee', [file], {
      input: JSON.stringify({ vs: VS, rs, mode: 'route', 'run-once': true }),
    });
    const { status, stdout, stderr } = await lvscare(lab.node, [
      'care',
      '--config',
      file,
      '--scheduler',
      'sh',
    ]);
    assert.equal(status, 0, stdout + stderr);
    assert.match(await lab.node.ipvsadmText(), /^TCP +10\.103\.97\.2:6443 sh\b/m);
    assert.match(await lab.node.ip('route show'), gateway);
  });
});
