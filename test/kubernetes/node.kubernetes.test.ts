// Faults and changes on a worker: kubelet, containerd, lvscare's pod, the machine.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Stage } from '../../kubernetes/stage.js';
import { MANIFEST } from '../../kubernetes/worker.js';
import { until } from '../../lab/until.js';

describe('a worker whose kubelet runs lvscare as a static pod', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.create();
    await stage.startLvscare();
  });
  after(() => stage.close());

  it('fails no request when the manifest names one server less, or one more again', async () => {
    const { cluster, worker } = stage;
    const [first, second] = cluster.masters.map(({ endpoint: at }) => `--rs=${at}`);
    const { failed } = await stage.play(
      'the manifest names one server less, then all again',
      async ({ traffic }) => {
        await worker.writeManifest(first ?? '', second ?? '');
        await traffic.serving([cluster.master(0).endpoint, cluster.master(1).endpoint], 90_000);
        await worker.writeManifest(...stage.realServers);
        await traffic.serving(stage.endpoints, 90_000);
      },
    );
    assert.equal(failed, 0);
  });

  it('fails no request when the image is a newer one', async () => {
    const { worker } = stage;
    await worker.ctr('images', 'tag', 'docker.io/library/lvscare:0.1.0', 'docker.io/library/lvscare:0.1.1');
    const { failed } = await stage.play('the image is updated', async () => {
      const before = await stage.container();
      const { status, stderr } = await worker.lvscare('manifest', '--set-image', 'lvscare:0.1.1', '--write');
      assert.equal(status, 0, stderr);
      await stage.containerAfter(before);
    });
    assert.equal(failed, 0);
  });

  it('fails no request when lvscare is killed', async () => {
    const { worker } = stage;
    const { failed } = await stage.play('lvscare is killed (kill -9)', async () => {
      const before = await stage.container();
      await worker.must('kill', ['-9', String(before?.pid)]);
      await stage.containerAfter(before);
    });
    assert.equal(failed, 0);
  });

  it('fails no request while its pod is away', async () => {
    const { worker } = stage;
    const { failed } = await stage.play('the pod is removed, and put back', async ({ requests }) => {
      const before = await stage.container();
      const manifest = await worker.read(MANIFEST);
      await worker.must('rm', [MANIFEST]);
      await until(async () => (await stage.container()) === null, {
        what: 'the pod is gone',
        timeoutMs: 90_000,
        everyMs: 250,
      });
      await requests(60);
      await worker.write(MANIFEST, manifest);
      await stage.containerAfter(before);
    });
    assert.equal(failed, 0);
  });

  it('fails no request when kubelet and containerd are started again', async () => {
    const { worker } = stage;
    const { failed } = await stage.play('kubelet and containerd are restarted', async ({ requests }) => {
      await worker.kubelet?.stop();
      await worker.containerd?.stop();
      await requests(30);
      await worker.startContainerd();
      await worker.startKubelet();
      await stage.leaseIsRenewed();
    });
    assert.equal(failed, 0);
  });

  it('serves a pod of the pod network, through the node', async () => {
    const { cluster, worker } = stage;
    await stage.startLvscare('--masquerade');
    // A connection that begins before this rule is there never works: the kernel has decided about it.
    await until(async () => (await worker.must('nft', ['list', 'ruleset'])).includes('table ip lvscare'), {
      what: 'nft lists the masquerade rule',
      // kubelet ends the earlier pod before.
      timeoutMs: 60_000,
    });
    const pod = await cluster.addPod(worker);
    const { failed } = await stage.play(
      'a client in a pod (--masquerade)',
      ({ requests }) => requests(60),
      pod,
    );
    assert.equal(failed, 0);
  });

  it('has the virtual server after a reboot, and kubelet reaches the cluster through it', async () => {
    const { worker } = stage;
    await worker.powerOff();
    await worker.powerOn();
    assert.equal(await worker.node.weights(), null);
    await worker.startContainerd();
    await worker.startKubelet();
    await stage.serving();
    await stage.leaseIsRenewed();
  });
});
