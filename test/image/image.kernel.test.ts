// The image's root file system under the security context of manifests/lvscare.yaml: the demo's story inside it.
import assert from 'node:assert/strict';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Lab, until, type LabProcess } from '../../lab/index.js';
import { must } from '../../lab/run.js';
import { allOf, answerers, fingerprint, restore, untilWeights, VS } from '../program/lvscare.js';
import { PodRunner, ROOTFS, type Container } from './container.js';
import { shippedPod, type Pod } from './pod.js';

const pod = shippedPod();
const [{ args: manifestArgs = [] }] = pod.spec.containers;
const EXPIRE = 'net.ipv4.vs.expire_nodest_conn';
const CLEAN = ['care', '--vs', VS, '--clean'];
/** Capability 12 is CAP_NET_ADMIN. */
const NET_ADMIN = (1 << 12).toString(16).padStart(16, '0');

describe('the image', () => {
  it('has node, nft and lvscare for programs: no shell, no package manager, nothing else', async () => {
    assert.deepEqual((await readdir(join(ROOTFS, 'usr/bin'))).sort(), ['lvscare', 'node']);
    assert.deepEqual(await readdir(join(ROOTFS, 'usr/sbin')), ['nft']);
    for (const name of ['bin', 'sbin', 'lib', 'lib64'])
      assert.equal(await readlink(join(ROOTFS, name)), `usr/${name}`);
    assert.deepEqual(await readdir(join(ROOTFS, 'tmp')), []);
    assert.deepEqual(await readdir(join(ROOTFS, 'run')), []);
  });

  it('is below 140 MB, and below 55 MB compressed', async () => {
    const tar = join('/run/tmp', `image-${process.pid}.tar`);
    await must('tar', ['-C', ROOTFS, '-cf', tar, '.']);
    assert.ok((await stat(tar)).size < 140e6, `${(await stat(tar)).size} bytes`);
    await must('gzip', [tar]);
    assert.ok((await stat(`${tar}.gz`)).size < 55e6, `${(await stat(`${tar}.gz`)).size} bytes, by gzip`);
    await must('rm', [`${tar}.gz`]);
  });

  it('holds nothing that only building takes', async () => {
    const names = await readdir(join(ROOTFS, 'opt/lvscare'), { recursive: true });
    assert.deepEqual(
      names.filter((name) => /\.(ts|map|cc|h|gyp)$|node-addon-api|\/tests?(\/|\.js$)/.test(name)),
      [],
    );
  });
});

describe('the image under the security context of the static pod', () => {
  let lab: Lab;
  let pods: PodRunner;
  let daemon: Container | null = null;
  let bare = '';
  before(async () => {
    lab = await Lab.create();
    pods = await PodRunner.create(lab, pod);
    bare = await fingerprint(lab.node);
  });
  after(async () => {
    await pods.close();
    await lab.close();
  });

  async function start(args = manifestArgs, from = pods): Promise<Container> {
    const started = await from.start({ args });
    daemon = started;
    for (const { addresses } of lab.masters)
      await started.process.waitForLine(new RegExp(`${addresses.ipv4}:6443 is up`), { timeoutMs: 60_000 });
    await untilWeights(lab, allOf(lab));
    return started;
  }

  function running(): LabProcess {
    assert.ok(daemon !== null);
    return daemon.process;
  }

  it('prints its version and commit', async () => {
    const { status, stdout, stderr } = await pods.run({ args: ['version'] });
    assert.equal(status, 0, stderr);
    const told = JSON.parse(stdout) as Record<string, string>;
    const script = fileURLToPath(new URL('../../../scripts/image', import.meta.url));
    const wanted = await must(script, ['build-args']);
    assert.match(wanted, new RegExp(`COMMIT=${told['gitCommit']}$`, 'm'));
    assert.match(`v${/VERSION=(.*)/.exec(wanted)?.[1]}`, new RegExp(`^${told['gitVersion']}$`));
    assert.equal(stderr, '');
  });

  it('has all that lvscare may load: each of its modules finds what it imports', async () => {
    const found = await readdir(join(ROOTFS, 'opt/lvscare/dist/program'));
    const modules = found.filter((name) => name.endsWith('.js') && name !== 'main.js');
    const script = `for (const name of process.argv.slice(1)) await import('/opt/lvscare/dist/program/' + name);
      console.log(process.argv.length - 1);`;
    const command = ['/usr/bin/node', '--input-type=module', '--eval', script, '--', ...modules];
    assert.ok(modules.some((name) => name.startsWith('care-')));
    assert.deepEqual(await pods.run({ command, args: [] }), {
      status: 0,
      stdout: `${modules.length}\n`,
      stderr: '',
    });
  });

  it('names in its bill of materials all that it contains', async () => {
    const text = await readFile(join(ROOTFS, 'opt/lvscare/dist/sbom.cdx.json'), 'utf8');
    const { components } = JSON.parse(text) as {
      components: { name: string; version: string; purl: string }[];
    };
    const named = (kind: string): string[] =>
      components.filter(({ purl }) => purl.startsWith(`pkg:${kind}/`)).map(({ name }) => name);
    assert.deepEqual(named('deb').sort(), (await readdir(join(ROOTFS, 'var/lib/dpkg/status.d'))).sort());
    for (const name of ['pino', 'prom-client', 'undici', 'yargs'])
      assert.ok(named('npm').includes(name), name);
    const command = ['/usr/bin/node', '--print', 'process.versions.node'];
    const { stdout } = await pods.run({ command, args: [] });
    assert.equal(components.find(({ name }) => name === 'node')?.version, stdout.trim());
  });

  it('refuses wrong arguments with status 2 and one line', async () => {
    const { status, stdout, stderr } = await pods.run({ args: ['care', '--vs', 'nonsense'] });
    assert.equal(status, 2);
    assert.match(stdout + stderr, /^--vs: expected [^\n]+\n$/);
  });

  it('takes care as the manifest says, with NET_ADMIN and no other right', async () => {
    const { node } = lab;
    const container = await start();
    await running().waitForLine(/local route created/);
    const pid = await container.pid();
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const field = (name: string): string | undefined =>
      new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1]?.trim();
    assert.deepEqual(
      ['CapPrm', 'CapEff', 'CapBnd', 'CapInh', 'CapAmb', 'NoNewPrivs', 'Seccomp', 'Uid'].map(field),
      [NET_ADMIN, NET_ADMIN, NET_ADMIN, '0'.repeat(16), '0'.repeat(16), '1', '2', '0\t0\t0\t0'],
    );
    assert.match(field('NSpid') ?? '', /\s1$/, 'a process namespace of its own');
    assert.equal(
      await readlink(`/proc/${pid}/ns/net`),
      (await node.must('readlink', ['/proc/self/ns/net'])).trim(),
    );
    const mounts = (await readFile(`/proc/${pid}/mountinfo`, 'utf8'))
      .split('\n')
      .map((row) => row.split(' '));
    const optionsOf = (place: string): string[] | undefined =>
      mounts.findLast((row) => row[4] === place)?.[5]?.split(',');
    assert.ok(optionsOf('/')?.includes('ro'));
    assert.ok(optionsOf('/proc/sys')?.includes('ro'));
    assert.ok(optionsOf('/host/proc/sys/net')?.includes('rw'));

    assert.equal(await node.sysctl(EXPIRE), '1', 'set by way of the volume');
    assert.doesNotMatch(
      running().text(),
      /"level":"(warn|error|fatal)"/,
      'no warning, and so verified by the CA of its volume',
    );
    const namespace = /\d+/.exec(await readlink(`/proc/${pid}/ns/net`))?.[0] ?? '';
    const written = async (name: string): Promise<object> =>
      JSON.parse(await readFile(`/run/lvscare/${namespace}/${name}`, 'utf8')) as object;
    const record = await written(`${VS}.json`);
    assert.deepEqual(record, { ...record, virtualServer: VS, modes: [{ mode: 'local' }] });
    const earlier = await written(`${EXPIRE}.sysctl`);
    assert.deepEqual(earlier, { ...earlier, value: '0' });
    assert.deepEqual(
      [...new Set(await answerers(lab, 6))].sort(),
      lab.masters.map(({ name }) => name).sort(),
    );
  });

  it('answers who asks inside of it, and the probes of the manifest', async () => {
    const { status, stdout, stderr } = (await daemon?.exec(['/usr/bin/lvscare', 'status'])) ?? {};
    assert.equal(status, 0, stderr);
    for (const { endpoint } of lab.masters) assert.match(stdout ?? '', new RegExp(`-> ${endpoint} .* up`));
    const [{ livenessProbe, startupProbe }] = pod.spec.containers;
    for (const probe of [livenessProbe, startupProbe]) {
      assert.ok(probe !== undefined);
      const { host = lab.node.addresses.ipv4, port, path } = probe.httpGet;
      await lab.node.must('curl', [
        '--silent',
        '--fail',
        '--max-time',
        '10',
        `http://${host}:${port}${path}`,
      ]);
    }
  });

  it('keeps a second one away, in another container', async () => {
    const before = await fingerprint(lab.node);
    const { status, stdout, stderr } = await pods.run({});
    assert.equal(status, 1, stdout);
    assert.match(stderr, /^lvscare: another lvscare \(a process outside of this container\) [^\n]+\n$/);
    assert.equal(await fingerprint(lab.node), before);
  });

  it('takes an apiserver that is killed out, and back in', async () => {
    const victim = lab.master(1);
    const { [victim.endpoint]: _, ...others } = allOf(lab);
    const client = await lab.node.steady({ everyMs: 100 });
    await victim.kill();
    await running().waitForLine(/10\.103\.97\.201:6443 is dead/);
    await untilWeights(lab, others);
    // One may have been on its way.
    const out = client.samples.length + 1;
    await until(() => client.samples.length >= out + 10);
    await client.stop();
    assert.deepEqual(
      client.samples.slice(out).filter(({ ok }) => !ok),
      [],
    );
    await victim.start();
    await untilWeights(lab, allOf(lab));
  });

  it('repairs what others change', async () => {
    const { node } = lab;
    const before = await fingerprint(node);
    await node.ipvsadm(`-d -t ${VS} -r ${lab.master(0).endpoint}`);
    await node.ipvsadm(`-e -t ${VS} -r ${lab.master(2).endpoint} -m -w 7`);
    await node.ip('route delete table local local 10.103.97.2');
    await node.sysctl(EXPIRE, 0);
    const sorted = (text: string): string => text.split('\n').sort().join('\n');
    await until(async () => sorted(await fingerprint(node)) === sorted(before), {
      timeoutMs: 30_000,
      everyMs: 200,
    });
    await until(async () => (await node.sysctl(EXPIRE)) === '1', { timeoutMs: 30_000, everyMs: 200 });
  });

  it('may be killed: connections go on, and the next one finds all as it is', async () => {
    const { node } = lab;
    const connection = await node.open();
    const served = await connection.whoami();
    const client = await node.steady({ everyMs: 100 });
    const before = await fingerprint(node);
    assert.equal(await daemon?.end('SIGKILL'), 128 + 9);
    assert.equal(await fingerprint(node), before);
    await start([...manifestArgs, '--log-level', 'debug']);
    await running().waitForLine(/reconciled/);
    assert.equal(await fingerprint(node), before);
    assert.doesNotMatch(running().text(), /created|added|set |removed|repaired/, 'it had nothing to do');
    assert.match(
      running().text(),
      /"level":"debug".*running at the usual priority: .*EACCES/,
      'SYS_NICE is not among its rights',
    );
    assert.equal((await connection.whoami()).name, served.name);
    await until(() => client.samples.length > 10);
    await client.stop();
    assert.deepEqual(client.failures, []);
    await connection.close();
  });

  it('drains a master that leaves --rs, and takes it out in the end', async () => {
    const gone = lab.master(2);
    const { [gone.endpoint]: _, ...others } = allOf(lab);
    const args = manifestArgs.filter((arg) => arg !== `--rs=${gone.endpoint}`);
    assert.equal(args.length, manifestArgs.length - 1);
    const client = await lab.node.steady({ everyMs: 100 });
    assert.equal(await daemon?.end('SIGTERM'), 0);
    daemon = await pods.start({ args: [...args, '--drain-timeout', '2s'] });
    await running().waitForLine(/set 10\.103\.97\.202:6443 to weight 0/);
    await untilWeights(lab, others);
    await client.stop();
    assert.deepEqual(client.failures, []);
    assert.equal(await daemon.end('SIGTERM'), 0);
    await start();
  });

  it('leaves the rules at SIGTERM, and ends with status 0', async () => {
    const before = await fingerprint(lab.node);
    assert.equal(await daemon?.end('SIGTERM'), 0);
    assert.equal(await fingerprint(lab.node), before);
    assert.ok((await answerers(lab, 3)).every((name) => name.startsWith('master')));
  });

  it('--clean takes all of it away, and puts the sysctl back', async () => {
    const { status, stdout } = await pods.run({ args: CLEAN });
    assert.equal(status, 0, stdout);
    assert.equal(await fingerprint(lab.node), bare);
    assert.equal(await lab.node.sysctl(EXPIRE), '0');
  });

  describe('otherwise than the manifest has it', () => {
    afterEach(async () => {
      await daemon?.end('SIGTERM');
      daemon = null;
      await restore(lab);
      await pods.run({ args: CLEAN });
    });

    it('without the volume for sysctls it warns once, and takes care', async () => {
      const without = await PodRunner.create(lab, withoutVolume(pod, 'sysctl-net'));
      try {
        await start([...manifestArgs, '--interval', '1s'], without);
        await running().waitForLine(/cannot set net\.ipv4\.vs\.expire_nodest_conn=1 \(EROFS, ENOENT\)/);
        await lab.master(1).kill();
        await running().waitForLine(/removed 10\.103\.97\.201/);
        const warnings = running().lines.filter(
          ({ text }) => text.includes('"level":"warn"') && !text.includes('"event":"transition"'),
        );
        assert.equal(warnings.length, 1, running().text());
        assert.equal(await lab.node.sysctl(EXPIRE), '0');
      } finally {
        await without.close();
      }
    });

    it('reads a client certificate from what is mounted, and logs as text when an option says so', async () => {
      const { certificateFile, keyFile } = await lab.certificates.createClient('pod', { name: 'kubelet' });
      for (const master of lab.masters) await master.demand({ clientCertificate: true });
      const [crt, key] = ['/etc/kubernetes/client.crt', '/etc/kubernetes/client.key'];
      daemon = await pods.start({
        args: [...manifestArgs, '--health-cert', crt, '--health-key', key, '--log-format', 'text'],
        mounts: [
          [certificateFile, crt],
          [keyFile, key],
        ],
      });
      await running().waitForLine(/INFO: 10\.103\.97\.201:6443 is up/);
      await untilWeights(lab, allOf(lab));
    });
  });
});

/** The manifest of somebody who left that out. */
function withoutVolume(from: Pod, name: string): Pod {
  const [container] = from.spec.containers;
  const keep = <T extends { readonly name: string }>(all: readonly T[] = []): T[] =>
    all.filter((each) => each.name !== name);
  const volumeMounts = keep(container.volumeMounts);
  return {
    spec: { ...from.spec, volumes: keep(from.spec.volumes), containers: [{ ...container, volumeMounts }] },
  };
}
