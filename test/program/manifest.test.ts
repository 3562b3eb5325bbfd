// lvscare manifest: what it prints, writes and refuses. Most of it in this process, since each start of the program takes time.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { parse } from 'yaml';
import { Certificates } from '../../lab/certificates.js';
import { run, type Result } from '../../lab/run.js';
import { sortArguments } from '../../src/cli/arguments.js';
import { readCommandLine } from '../../src/cli/command-line.js';
import { CARE_OPTIONS } from '../../src/config/options.js';
import { readCareConfig } from '../../src/config/care-config.js';
import { readSettings } from '../../src/config/config-file.js';
import { UsageError } from '../../src/config/usage-error.js';
import { runManifestCommand } from '../../src/commands/manifest.js';
import { asTheKubeletExpands } from '../support/kubelet.js';
import { podFaults, type Pod } from '../manifests/pod-schema.js';
import { PROGRAM } from '../../lab/program.js';

const ROOT = new URL('../../../', import.meta.url);
/** As manifests/lvscare.yaml has it. */
const IMAGE = ['--image', 'registry.example.com/lvscare:0.1.0'];
const SERVERS = [
  '--vs',
  '10.103.97.2:6443',
  '--rs',
  '10.103.97.200:6443,10.103.97.201:6443',
  '--rs',
  '10.103.97.202:6443',
  ...IMAGE,
];

/** The built program. */
function program(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Result> {
  return run(process.execPath, [PROGRAM, 'manifest', ...args], { env: { ...process.env, ...env } });
}

/** What the program does, in this process. */
async function manifest(args: readonly string[], image: string | null = null): Promise<Result> {
  try {
    const command = await readCommandLine(['manifest', ...args], 80, {});
    assert.ok(command.kind === 'run');
    const { text, notes } = await runManifestCommand(
      command.given,
      { image, interpreter: process.execPath, script: PROGRAM },
      command.spelled,
    );
    return { status: 0, stdout: text, stderr: notes.map((note) => `lvscare: ${note}\n`).join('') };
  } catch (error) {
    if (error instanceof UsageError) return { status: 2, stdout: '', stderr: `${error.message}\n` };
    return { status: 1, stdout: '', stderr: `lvscare: ${(error as Error).message}\n` };
  }
}

async function printed(args: readonly string[]): Promise<{ text: string; pod: Pod; notes: string }> {
  const { status, stdout, stderr } = await manifest(args);
  assert.equal(status, 0, stderr);
  return { text: stdout, pod: parse(stdout, { version: '1.1' }) as Pod, notes: stderr };
}

describe('lvscare manifest', { concurrency: 1 }, () => {
  let directory = '';
  let path = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lvscare-manifest-'));
    path = join(directory, 'lvscare.yaml');
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('prints manifests/lvscare.yaml for its arguments', async () => {
    const { text, pod, notes } = await printed(SERVERS);
    assert.deepEqual(await program(SERVERS), { status: 0, stdout: text, stderr: '' });
    assert.equal(text, await readFile(new URL('manifests/lvscare.yaml', ROOT), 'utf8'));
    assert.equal(notes, '');
    const { args = [] } = pod.spec?.containers[0] ?? {};
    assert.equal(
      (await printed([...args.slice(1), ...IMAGE])).text,
      text,
      'and again for the arguments that it prints',
    );
  });

  it("names the image of this program's build, or demands one if the build names none", async () => {
    const without = SERVERS.slice(0, -IMAGE.length);
    const own = await manifest(without, 'r.example.com/lvscare:7');
    assert.deepEqual((parse(own.stdout) as Pod).spec?.containers[0]?.image, 'r.example.com/lvscare:7');
    assert.equal((await manifest(SERVERS, 'r.example.com/lvscare:7')).stdout, (await printed(SERVERS)).text);
    for (const args of [without, [...without, '--write', '--path', path]])
      assert.deepEqual(await manifest(args), {
        status: 2,
        stdout: '',
        stderr:
          '--image: expected the image that nodes pull or already have: this build names none, got nothing\n',
      });
    assert.deepEqual(await readdir(directory), []);
  });

  const odd: readonly (readonly string[])[] = [
    [
      '--vs',
      '[fd00:10:103:97::2]:6443',
      '--rs',
      '[fd00::1]:6443,[fd00::2]:6443',
      '--name',
      'lvscare-6',
      ...IMAGE,
    ],
    [
      ...SERVERS,
      '--health-req-headers',
      'Authorization=$(TOKEN) $$ "x": #y',
      '--health-req-body',
      "- a: 'b'\n\té",
    ],
    [
      ...SERVERS,
      '--mode=',
      '--iface',
      'yes',
      '--ip',
      '',
      '--image',
      'r.example.com:5000/a/lvscare:1',
      '--masquerade',
    ],
    [
      ...SERVERS,
      '--health-cert',
      '/a/b/c',
      '--health-key',
      '/a/b/c',
      '--health-token-file',
      '/d/e/f',
      '--health-ca',
      '/g/h',
    ],
    [...SERVERS, '--sysctl=false', '--health-schem', 'http', '--health-port', '8080', '--dry-run'],
  ];
  for (const args of odd) {
    it(`prints a pod that Kubernetes takes, for ${args.filter((arg) => !SERVERS.includes(arg)).join(' ')}`, async () => {
      const { pod } = await printed(args);
      assert.deepEqual(podFaults(pod), []);
    });
  }

  it('has each argument reach care as it was given, past what the kubelet expands', async () => {
    const body = '$(HOME) $$(A) $$ $ "x": #y - \'b\'\n\té';
    const { pod } = await printed([...SERVERS, '--health-req-body', body]);
    const { args = [] } = pod.spec?.containers[0] ?? {};
    assert.ok(
      args.map((arg) => asTheKubeletExpands(arg)).includes(`--health-req-body=${body}`),
      args.join('\n'),
    );
  });

  it('has the kubelet ask where lvscare listens, and says so where that cannot be', async () => {
    const asked = async (address: string): Promise<unknown> => {
      const { pod, notes } = await printed([...SERVERS, '--metrics-addr', address]);
      const [container] = pod.spec?.containers ?? [];
      assert.ok(container !== undefined);
      assert.ok(container.args?.includes(`--metrics-addr=${address}`));
      const httpGet = container.livenessProbe?.httpGet;
      assert.deepEqual(container.startupProbe?.httpGet, httpGet);
      assert.equal(notes === '', httpGet !== undefined, notes);
      return httpGet;
    };
    const path = '/healthz';
    assert.deepEqual(await asked('10.0.0.9:9000'), { host: '10.0.0.9', port: 9000, path });
    assert.deepEqual(await asked('0.0.0.0:9000'), { host: '127.0.0.1', port: 9000, path });
    assert.deepEqual(await asked('[10.0.0.9]:9000'), { host: '10.0.0.9', port: 9000, path });
    assert.deepEqual(await asked('[]:9000'), { host: '127.0.0.1', port: 9000, path });
    assert.equal(await asked('unix:/run/lvscare/metrics.sock'), undefined);
    assert.equal(await asked('off'), undefined);
    assert.equal((await manifest([...SERVERS, '--metrics-addr', 'x'])).status, 2);
  });

  it('has kubelet send its probes as the web configuration says, mounts its files, and refuses one that it cannot read', async () => {
    const certificates = await Certificates.create();
    try {
      const { certificateFile, keyFile } = await certificates.create('node', {
        name: 'node',
        alternativeNames: [],
      });
      const file = join(directory, 'web.yml');
      await writeFile(file, `tls_server_config: {cert_file: ${certificateFile}, key_file: ${keyFile}}`);
      const { pod } = await printed([...SERVERS, '--web-config-file', file]);
      assert.deepEqual(podFaults(pod), []);
      const [container] = pod.spec?.containers ?? [];
      assert.ok(container !== undefined);
      assert.ok(container.args?.includes(`--web-config-file=${file}`));
      for (const probe of [container.startupProbe, container.livenessProbe])
        assert.deepEqual(probe?.httpGet, { port: 9288, path: '/healthz', scheme: 'HTTPS' });
      const mounted = container.volumeMounts?.map(({ mountPath }) => mountPath) ?? [];
      for (const path of [directory, certificates.directory]) assert.ok(mounted.includes(path), path);
      const missing = await manifest([...SERVERS, '--web-config-file', join(directory, 'nowhere')]);
      assert.equal(missing.status, 2);
      assert.match(missing.stderr, /^--web-config-file: expected a readable file \(ENOENT\), got /);
    } finally {
      await certificates.close();
    }
  });

  it('has care listen at the address that the kubelet knows for the pod, of either family or none, and be asked there', async () => {
    const { pod } = await printed(SERVERS);
    const [container] = pod.spec?.containers ?? [];
    assert.deepEqual(container?.env, [
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    ]);
    for (const probe of [container.startupProbe, container.livenessProbe])
      assert.deepEqual(probe?.httpGet, { port: 9288, path: '/healthz' });
    for (const [podIp, address] of [
      ['192.168.0.21', '192.168.0.21'],
      ['fd00::21', 'fd00::21'],
      // What the kubelet does while it knows none.
      ['', '127.0.0.1'],
    ] as const) {
      const args = (container.args ?? []).map((arg) => asTheKubeletExpands(arg, { POD_IP: podIp }));
      const { given } = sortArguments(args.slice(1), CARE_OPTIONS);
      const { metricsAddress } = readCareConfig(await readSettings(given, {}), {});
      assert.ok(metricsAddress?.kind === 'tcp', podIp);
      assert.deepEqual([metricsAddress.address, metricsAddress.port], [address, 9288]);
    }
  });

  it('takes nothing from the environment', async () => {
    const env = {
      CARE_SCHEDULER: 'sh',
      CARE_VS: '10.9.9.9:1',
      CARE_INTERVAL: 'wrong',
      LVSCARE_NODE_IP: 'wrong',
    };
    const { status, stdout } = await program(SERVERS, env);
    assert.equal(status, 0);
    assert.equal(stdout, (await printed(SERVERS)).text);
    assert.match((await program(['--rs', '10.0.0.1:1'], env)).stderr, /^--vs: expected the virtual server/);
  });

  it('reads and mounts the file of options, and whatever that names', async () => {
    const file = join(directory, 'care.json');
    const options = { vs: '10.103.97.2:6443', rs: ['10.0.0.1:6443'], 'health-ca': '/etc/lvscare/ca.crt' };
    await writeFile(file, JSON.stringify(options));
    const { pod } = await printed(['--config', file, '--fall', '3', ...IMAGE]);
    const { args = [] } = pod.spec?.containers[0] ?? {};
    assert.deepEqual(
      args.filter((arg) => !arg.startsWith('--metrics-addr')),
      ['care', '--fall=3', `--config=${file}`],
    );
    const paths = pod.spec?.volumes?.map(({ hostPath }) => hostPath?.path);
    assert.deepEqual(paths, ['/proc/sys/net', '/etc/lvscare/ca.crt', directory, '/run/lvscare']);
    const several = [
      options,
      { ...options, vs: '10.103.97.2:9345', 'health-cert': '/srv/c/c', 'health-key': '/srv/c/k' },
    ];
    await writeFile(file, JSON.stringify({ virtualServers: several }));
    const ofSeveral = (await printed(['--config', file, ...IMAGE])).pod.spec?.volumes ?? [];
    assert.deepEqual(
      ofSeveral.map(({ hostPath }) => hostPath?.path),
      ['/proc/sys/net', '/etc/lvscare/ca.crt', directory, '/srv/c', '/run/lvscare'],
    );
    await writeFile(file, JSON.stringify({ ...options, clean: true }));
    const refused = await manifest(['--config', file]);
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /^\S*care\.json:1: clean: expected nothing that ends/);
  });

  it('writes what it prints, once', async () => {
    const first = await manifest([...SERVERS, '--write', '--path', path]);
    assert.deepEqual(
      { status: first.status, stdout: first.stdout },
      { status: 0, stdout: `wrote ${path}\n` },
    );
    assert.equal(await readFile(path, 'utf8'), (await printed(SERVERS)).text);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(directory), ['lvscare.yaml']);
    const { ino } = await stat(path);
    const again = await manifest([...SERVERS, '--write', '--path', path]);
    assert.equal(again.stdout, `${path} is so already\n`);
    assert.equal((await stat(path)).ino, ino);
    const other = await manifest([...SERVERS, '--fall', '3', '--write', '--path', path]);
    assert.equal(other.stdout, `wrote ${path}\n`, 'nothing is lost');
    assert.match(await readFile(path, 'utf8'), /- --fall=3\n/);
  });

  it('refuses to write over a manifest of which something would be lost, and names it, unless --replace is given', async () => {
    const own = (
      await printed([...SERVERS, '--health-path', '/readyz', '--image', 'r.example.com/lvscare:9'])
    ).text;
    const before = own.replace('10m', '20m').replace('spec:', '# for ACME\nspec:');
    await writeFile(path, before);
    const write = [...SERVERS, '--write', '--path', path];
    const refused = await manifest(write);
    assert.deepEqual([refused.status, refused.stdout], [1, '']);
    for (const lost of ['--health-path=/readyz', 'r.example.com/lvscare:9', 'cpu: "20m"', '# for ACME'])
      assert.ok(refused.stderr.includes(lost), refused.stderr);
    assert.equal(await readFile(path, 'utf8'), before);
    assert.equal((await manifest([...write, '--replace'])).stdout, `wrote ${path}\n`);
    assert.equal(await readFile(path, 'utf8'), (await printed(SERVERS)).text);
  });

  it('changes real servers and options of a manifest, prints the difference, and keeps the rest', async () => {
    const own = (await printed([...SERVERS, '--fall', '3', '--image', 'r.example.com/lvscare:9'])).text;
    const before = own.replace('spec:', '# for ACME\nspec:');
    await writeFile(path, before);
    const edit = [
      '--add-rs',
      '10.0.0.9:6443',
      '--set',
      'fall=4',
      '--set',
      'health-path=/readyz?a=b',
      '--path',
      path,
    ];
    const shown = await manifest(edit);
    assert.equal(shown.status, 0, shown.stderr);
    const changes = shown.stdout.split('\n').filter((line) => /^[-+]/.test(line));
    assert.deepEqual(changes.map((line) => line.replace(/ +/, ' ')).toSorted(), [
      "+ - '--health-path=/readyz?a=b'",
      '+ - --fall=4',
      '+ - --rs=10.0.0.9:6443',
      '- - --fall=3',
    ]);
    assert.equal(await readFile(path, 'utf8'), before, 'without --write nothing is written');
    assert.equal((await manifest([...edit, '--write'])).stdout, `${shown.stdout}wrote ${path}\n`);
    const after = await readFile(path, 'utf8');
    const added = '        - --rs=10.0.0.9:6443\n';
    assert.equal(after.split(added).length, 2);
    const back = ['--remove-rs', '10.0.0.9:6443', '--set', 'fall=3', '--path', path, '--write'];
    assert.equal((await manifest(back)).status, 0);
    assert.equal(
      (await readFile(path, 'utf8')).replace("        - '--health-path=/readyz?a=b'\n", ''),
      before,
    );
    assert.equal(
      (await manifest(['--set', 'fall=3', '--write', '--path', path])).stdout,
      `${path} is so already\n`,
    );
  });

  const refusedEdits: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [
      ['--add-rs', '10.103.97.200:6443'],
      /^--add-rs: expected a real server that \S+ does not have yet, got "10\.103\.97\.200:6443"$/,
    ],
    [
      ['--remove-rs', '10.0.0.8:6443'],
      /^--remove-rs: expected one of the real servers of \S+, 10\.103\.97\.200:6443.*got/,
    ],
    [['--add-rs', '[fd00::1]:6443'], /got/],
    [['--add-rs', 'x'], /^--add-rs: expected/],
    [['--set', 'fall'], /^--set: expected NAME=VALUE/],
    [
      ['--set', 'fall=0'],
      /^--fall: expected 1 to 1000|^--fall: expected a whole number from 1 to 1000, got "0"$/,
    ],
    [['--set', 'nonsense=1'], /^--set: expected an option of lvscare care/],
    [['--set', 'rs=10.0.0.1:6443'], /^--set: expected an option other than rs/],
    [
      ['--set', 'health-ca=/etc/x/ca.crt'],
      /^--set: expected options for which the pod needs no other mounts/,
    ],
    [['--set', 'fall=3', '--vs', '10.0.0.1:1'], /^--set: expected nothing beside it but .*, got "--vs"$/],
    [['--replace'], /^--replace: expected --write beside it/],
  ];
  for (const [args, message] of refusedEdits)
    it(`refuses ${args.join(' ')}, and changes nothing`, async () => {
      const { text } = await printed(SERVERS);
      await writeFile(path, text);
      const without =
        args[0] === '--replace' ? [...SERVERS, '--replace'] : [...args, '--path', path, '--write'];
      const { status, stderr } = await manifest(without);
      assert.equal(status, 2, stderr);
      assert.match(stderr.trim(), message);
      assert.equal(await readFile(path, 'utf8'), text);
    });

  it("refuses to edit what is not there, is another pod's, or has its arguments in one line", async () => {
    const edit = async (): Promise<{ status: number; stderr: string }> =>
      await manifest(['--add-rs', '10.0.0.9:6443', '--path', path, '--write']);
    await rm(path, { force: true });
    const missing = await edit();
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /cannot read .*: ENOENT/);
    for (const [text, why] of [
      ['kind: Pod\nspec:\n  containers:\n  - {name: etcd, image: etcd}\n', /its container is not lvscare's/],
      [
        'kind: Pod\nspec:\n  containers:\n  - {name: a, image: a}\n  - {name: b, image: b}\n',
        /none of its 2 containers is called lvscare/,
      ],
      [
        'kind: Pod\nspec:\n  containers:\n  - {name: lvscare, image: x, args: [care, --vs=10.0.0.2:1, --rs=10.0.0.1:1]}\n',
        /not each on a line of its own/,
      ],
      [
        'kind: Pod\nspec:\n  containers:\n  - name: lvscare\n    args:\n    - care\n    - --vs=10.0.0.2:1\n',
        /its real servers are not among its arguments/,
      ],
    ] as const) {
      await writeFile(path, text);
      const { status, stderr } = await edit();
      assert.equal(status, 2, stderr);
      assert.match(stderr, why);
      assert.equal(await readFile(path, 'utf8'), text);
    }
    await rm(path);
  });

  it('says what the pod will wait for when it writes', async () => {
    const missing = join(directory, 'nowhere', 'ca.crt');
    const { status, stderr } = await manifest([
      ...SERVERS,
      '--health-ca',
      missing,
      '--write',
      '--path',
      path,
    ]);
    assert.equal(status, 0);
    assert.match(stderr, new RegExp(`^lvscare: ${missing} is not there yet: the pod waits for it$`, 'm'));
    assert.equal((await manifest([...SERVERS, '--health-ca', missing])).stderr, '');
  });

  it('sets the image and nothing else', async () => {
    const { text } = await printed(SERVERS);
    const before = text
      .replace(/image: \S+/, 'image: "old:1" # mine')
      .replace('spec:', '\n# and mine\nspec:');
    const after = before.replace('old:1', 'r.example.com/lvscare:0.2.0');
    await writeFile(path, before, { mode: 0o644 });
    const set = ['--set-image', 'r.example.com/lvscare:0.2.0', '--path', path];
    assert.equal((await manifest(set)).stdout, after);
    assert.equal(await readFile(path, 'utf8'), before);
    assert.equal((await manifest([...set, '--write'])).stdout, `wrote ${path}\n`);
    assert.equal(await readFile(path, 'utf8'), after);
    assert.equal((await stat(path)).mode & 0o777, 0o644);
    assert.equal((await manifest([...set, '--write'])).stdout, `${path} is so already\n`);
  });

  const refused: readonly (readonly [args: readonly string[], says: RegExp, status?: number])[] = [
    [[], /^--vs: expected the virtual server/],
    [[...IMAGE, '--vs', '10.103.97.2:6443'], /^--rs: expected at least one real server/],
    [[...SERVERS, '--interval', 'soon'], /^--interval: expected .*, got "soon"$/],
    [[...SERVERS, '--health-cert', '/a/b'], /^--health-cert: expected --health-key beside it, got nothing$/],
    [[...SERVERS, '--health-ca', 'ca.crt'], /^--health-ca: expected a path from the root/],
    [[...SERVERS, '--name', 'Lvscare'], /^--name: expected a DNS label/],
    [[...SERVERS, '--image', ''], /^--image: expected an image, .*, got ""$/],
    [[...SERVERS, '--run-once'], /^--run-once: expected an option of this command/],
    [[...SERVERS, 'now'], /^lvscare manifest: expected nothing but options/],
    [['--set-image', 'a b'], /^--set-image: expected an image/],
    [
      ['--set-image', 'a', ...SERVERS],
      /^--set-image: expected nothing beside it but --path and --write, got "--vs"$/,
    ],
  ];
  it('refuses as a program does that was used wrongly, or that cannot do what it was asked for', async () => {
    for (const args of [
      ['--vs', 'x'],
      [...SERVERS, '--write', '--path', '/nowhere/lvscare.yaml'],
    ])
      assert.deepEqual(await program(args), await manifest(args));
  });

  for (const [args, says, status = 2] of refused) {
    it(`refuses in one line, and writes nothing: ${args.join(' ')}`, async () => {
      await writeFile(path, 'as it was');
      const result = await manifest([...args, '--write', '--path', path]);
      assert.equal(result.status, status);
      assert.equal(result.stdout, '');
      assert.match(result.stderr, /^[^\n]+\n$/);
      assert.match(result.stderr.trimEnd(), says);
      assert.equal(await readFile(path, 'utf8'), 'as it was');
      assert.deepEqual(await readdir(directory), ['lvscare.yaml']);
    });
  }

  const foreign: readonly (readonly [what: string, text: string, why: string])[] = [
    ['no pod', 'kind: Service\n', 'it is not a Pod'],
    [
      'the pod of an apiserver',
      'kind: Pod\nspec:\n  containers:\n  - {name: kube-apiserver, image: kube-apiserver:1, command: [kube-apiserver]}\n',
      "its container is not lvscare's",
    ],
  ];
  for (const [what, text, why] of foreign) {
    it(`leaves a file alone that is ${what}`, async () => {
      await writeFile(path, text);
      for (const [args, expected] of [
        [['--set-image', 'a'], 'the manifest of an lvscare'],
        [SERVERS, 'a new file, or the manifest of an lvscare'],
      ] as const) {
        const { status, stdout, stderr } = await manifest([...args, '--path', path, '--write']);
        assert.deepEqual([status, stdout], [2, '']);
        assert.equal(stderr, `--path: expected ${expected} (${why}), got ${JSON.stringify(path)}\n`);
        assert.equal(await readFile(path, 'utf8'), text);
      }
    });
  }

  it('writes over a file that is empty', async () => {
    await writeFile(path, '\n');
    assert.equal((await manifest([...SERVERS, '--path', path, '--write'])).stdout, `wrote ${path}\n`);
  });

  it('refuses a path that nothing is written to, that the kubelet would not read, or that is no place', async () => {
    assert.match(
      (await manifest([...SERVERS, '--path', path])).stderr,
      /^--path: expected --write, --add-rs, --remove-rs, --set or --set-image/,
    );
    const hidden = join(directory, '.lvscare.yaml');
    assert.match(
      (await manifest([...SERVERS, '--write', '--path', hidden])).stderr,
      /does not begin with a dot/,
    );
    const { status, stderr } = await manifest([
      ...SERVERS,
      '--write',
      '--path',
      join(directory, 'no', 'x.yaml'),
    ]);
    assert.equal(status, 1);
    assert.equal(
      stderr,
      `lvscare: cannot write ${directory}/no/x.yaml: there is no directory ${directory}/no\n`,
    );
    assert.deepEqual(await readdir(directory), []);
    const none = await manifest(['--set-image', 'a', '--path', path]);
    assert.deepEqual(
      { status: none.status, stderr: none.stderr },
      { status: 1, stderr: `lvscare: cannot read ${path}: ENOENT\n` },
    );
  });
});
