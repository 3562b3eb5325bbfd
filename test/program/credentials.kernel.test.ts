/** What lvscare shows to apiservers that want to know who asks, and that it goes with the times. */
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Certificate } from '../../lab/certificates.js';
import { Lab } from '../../lab/index.js';
import { allOf, restore, takeCare, untilWeights } from './lvscare.js';

describe('an apiserver that tells its health only to whom it knows', () => {
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

  it('by its certificate: is sick for whom has an expired one, and up once that is renewed, without a restart', async () => {
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
