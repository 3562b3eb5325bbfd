/** What lvscare shows to apiservers that want to know who asks, and that it goes with the times. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Certificate } from '../../lab/certificates.js';
import { Lab, until } from '../../lab/index.js';
import { asked } from './asked.js';
import { allOf, lvscare, restore, serversOf, startCare, takeCare, untilWeights, VS } from './lvscare.js';

describe('an apiserver that reports its health only to clients that it knows', () => {
  let lab: Lab;
  let directory: string;
  before(async () => {
    lab = await Lab.create();
    directory = await mkdtemp(join(tmpdir(), 'credentials-'));
  });
  after(async () => {
    await lab.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** Puts a client's certificate and key where lvscare looks for them, as kubeadm does: one after the other. */
  async function install(certificate: Certificate): Promise<void> {
    for (const [from, to] of [
      [certificate.certificateFile, 'client.crt'],
      [certificate.keyFile, 'client.key'],
    ] as const) {
      await copyFile(from, join(directory, `${to}.new`));
      await rename(join(directory, `${to}.new`), join(directory, to));
    }
  }

  it('by its certificate: is sick for a client with an expired one, and up once that is renewed, without a restart', async () => {
    const expired = await lab.certificates.createClient('stale-client', { name: 'kubelet', expired: true });
    const valid = await lab.certificates.createClient('client', { name: 'kubelet' });
    await install(valid);
    for (const master of lab.masters) await master.demand({ clientCertificate: true });
    const files = [
      '--health-cert',
      join(directory, 'client.crt'),
      '--health-key',
      join(directory, 'client.key'),
    ];
    const daemon = await takeCare(lab, [...files, '--handshake-interval', '1s', '--max-hold', '0']);
    try {
      await install(expired);
      await daemon.waitForLine(/10\.103\.97\.201:6443 is sick \(was up\)/);
      await install(valid);
      await daemon.waitForLine(/10\.103\.97\.201:6443 is up \(was sick\)/);
      await untilWeights(lab, allOf(lab));
    } finally {
      await daemon.stop();
      await restore(lab);
    }
  });

  it('by its token, which is read again when it changes', async () => {
    const file = join(directory, 'token');
    await writeFile(file, 'first\n');
    for (const master of lab.masters) await master.demand({ token: 'first' });
    const daemon = await takeCare(lab, ['--health-token-file', file]);
    try {
      for (const master of lab.masters) await master.demand({ token: 'second' });
      await daemon.waitForLine(/10\.103\.97\.201:6443 is sick \(was up\): status, status 401/);
      await writeFile(file, 'second\n');
      await daemon.waitForLine(/10\.103\.97\.201:6443 is up \(was sick\)/);
      await untilWeights(lab, allOf(lab));
      assert.doesNotMatch(daemon.text(), /first|second/, 'no secret in the log');
    } finally {
      await daemon.stop();
      await restore(lab);
    }
  });
});

describe('a CA file that is mounted alone, as a static pod mounts it', () => {
  let lab: Lab;
  let directory: string;
  before(async () => {
    lab = await Lab.create();
    directory = await mkdtemp(join(tmpdir(), 'mounted-'));
  });
  after(async () => {
    await lab.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('and that the host replaces is reported, by doctor on the host as well, until the mount is another one', async () => {
    const host = join(directory, 'host.crt');
    const pod = join(directory, 'pod', 'ca.crt');
    await mkdir(join(directory, 'pod'));
    await copyFile(lab.caFile, host);
    await copyFile(lab.caFile, pod);
    const servers = [...serversOf(lab).slice(0, 4), '--health-ca', pod];
    const daemon = startCare(lab, ['--handshake-interval', '1s'], servers, {
      wrapper: ['unshare', '--mount', 'sh', '-c', `mount --bind ${host} ${pod} && exec "$@"`, 'sh'],
    });
    const what = `CA ${pod}`;
    const inMetrics = async (): Promise<boolean> =>
      (await asked(lab.node, '/metrics')).body.includes(`what="${what}"`);
    /** What doctor on the host, with the host's file, finds about the running lvscare. */
    const doctor = async (): Promise<readonly { name: string; verdict: string; evidence: string }[]> => {
      const { stdout } = await lvscare(lab.node, [
        ...['doctor', '--json', ...servers.slice(0, 4)],
        ...['--health-ca', host],
      ]);
      const { findings } = JSON.parse(stdout) as {
        findings: { name: string; verdict: string; evidence: string }[];
      };
      return findings.filter(({ name }) => name.startsWith('trouble') || name.startsWith('rs '));
    };
    try {
      await untilWeights(lab, allOf(lab));
      for (const master of lab.masters) await daemon.waitForLine(new RegExp(`${master.endpoint} is up`));
      assert.equal(await inMetrics(), false);
      await copyFile(lab.caFile, `${host}.new`);
      await rename(`${host}.new`, host);
      await daemon.waitForLine(
        /WARN: CA \S+pod\/ca\.crt: the host replaced or removed \S+, .* restart the pod, or/,
      );
      await until(inMetrics, { what: 'it is among the troubles of the metrics' });
      assert.match((await lvscare(lab.node, ['status', '--vs', VS])).stdout, /the host replaced or removed/);
      const [trouble, ...rest] = (await doctor()).filter(({ verdict }) => verdict !== 'ok');
      assert.deepEqual([trouble?.name, trouble?.verdict, rest], [`trouble ${what}`, 'warn', []]);
      assert.match(trouble?.evidence ?? '', /^the running lvscare reports: the host replaced or removed /);
      // The servers still have certificates of that CA.
      await untilWeights(lab, allOf(lab));

      // As a restart of the container does. Without a mount, the file there is as good.
      const remount = `umount ${pod} && mount --bind ${host} ${pod}`;
      await lab.node.must('nsenter', ['-t', String(daemon.pid), '-m', 'sh', '-c', remount]);
      await daemon.waitForLine(/INFO: CA \S+: can be used again/);
      await until(async () => !(await inMetrics()), { what: 'the metrics have no such trouble any more' });
      const after = await doctor();
      assert.ok(
        after.some(({ name, verdict }) => name === 'trouble' && verdict === 'ok'),
        JSON.stringify(after),
      );
      assert.equal(daemon.lines.filter(({ text }) => text.includes('the host replaced')).length, 1);
    } finally {
      await daemon.stop();
    }
  });
});
