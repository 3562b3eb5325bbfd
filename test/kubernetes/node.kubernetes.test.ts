// What befalls a worker: kubelet, containerd, lvscare's pod, the machine; and a worker that joins.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startControllerManager } from '../../kubernetes/controller-manager.js';
import { Stage } from '../../kubernetes/stage.js';
import { Cluster } from '../../kubernetes/cluster.js';
import { BOOTSTRAP_TOKEN } from '../../kubernetes/pki.js';
import { program } from '../../kubernetes/programs.js';
import { endpoint, VIP } from '../../lab/addresses.js';
import type { LabProcess } from '../../lab/process.js';
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
    const { failed } = await stage.play('the manifest names one server less', async ({ traffic }) => {
      await worker.writeManifest(first ?? '', second ?? '');
      await traffic.serving([cluster.master(0).endpoint, cluster.master(1).endpoint], 90_000);
      await worker.writeManifest(...stage.realServers);
      await traffic.serving(stage.endpoints, 90_000);
    });
    assert.equal(failed, 0);
  });

  it('fails no request when the image is a newer one', async () => {
    const { worker } = stage;
    await worker.ctr('images', 'tag', 'docker.io/library/lvscare:0.1.0', 'docker.io/library/lvscare:0.1.1');
    const { failed } = await stage.play('the image is a newer one', async () => {
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
      const manifest = await worker.read('/etc/kubernetes/manifests/lvscare.yaml');
      await worker.must('rm', ['/etc/kubernetes/manifests/lvscare.yaml']);
      await until(async () => (await stage.container()) === null, {
        what: 'the pod is gone',
        timeoutMs: 90_000,
        everyMs: 250,
      });
      await requests(60);
      await worker.write('/etc/kubernetes/manifests/lvscare.yaml', manifest);
      await stage.containerAfter(before);
    });
    assert.equal(failed, 0);
  });

  it('fails no request when kubelet and containerd are started again', async () => {
    const { worker } = stage;
    const { failed } = await stage.play('kubelet and containerd are started again', async ({ requests }) => {
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
    const before = await stage.container();
    await worker.writeManifest(...stage.realServers, '--masquerade');
    await stage.containerAfter(before);
    const pod = await cluster.addPod(worker);
    const { failed } = await stage.play('a client in a pod', ({ requests }) => requests(60), pod);
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

describe('a worker that joins by kubeadm, through the virtual server', () => {
  let cluster: Cluster;
  let controllerManager: LabProcess;
  before(async () => {
    cluster = await Cluster.create();
    const kubeconfig = await cluster.kubeconfigOf(cluster.master(0));
    controllerManager = startControllerManager(cluster.master(0).host, cluster.pki, kubeconfig, '3m');
  });
  after(async () => {
    await controllerManager.kill();
    await cluster.close();
  });

  it('is a node of the cluster, and its kubelet renews its certificate by itself', async () => {
    const realServers = cluster.masters.map((master) => `--rs=${master.endpoint}`);
    const worker = await cluster.addWorker();
    await worker.installImages();
    await worker.writeHosts();
    const { status, stderr } = await worker.lvscare(
      'care',
      '--run-once',
      '--vs',
      endpoint(VIP.ipv4),
      ...realServers,
    );
    assert.equal(status, 0, stderr);
    // What kubeadm init does on the first master once the control plane is there; the name leads to the virtual server here.
    await cluster.kubeadmOn(worker, 'init', 'phase', 'upload-config', 'all');
    await cluster.kubeadmOn(worker, 'init', 'phase', 'bootstrap-token');

    const join = await worker.spawn(program('kubeadm'), [
      ...['join', 'apiserver.cluster.local:6443', '--token', BOOTSTRAP_TOKEN, '--node-name', worker.name],
      ...['--discovery-token-unsafe-skip-ca-verification', '--ignore-preflight-errors=all'],
    ]);
    // There is no systemd that kubeadm could have start it.
    await until(
      async () => (await worker.exec('test', ['-s', '/var/lib/kubelet/config.yaml'])).status === 0,
      {
        what: 'kubeadm has written the configuration of kubelet',
        timeoutMs: 60_000,
        everyMs: 250,
      },
    );
    await worker.startKubelet(['--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf']);
    assert.equal(await join.exited, 0, join.text());
    assert.match(await cluster.kubectl(['get', 'nodes', '-o', 'name']), /node\/worker0/);
    assert.match(
      await worker.read('/etc/kubernetes/kubelet.conf'),
      /server: https:\/\/apiserver\.cluster\.local:6443/,
    );

    await worker.writeManifest(...realServers);
    await until(() => cluster.podIsReady('lvscare-worker0'), {
      what: 'the pod is ready',
      timeoutMs: 90_000,
      everyMs: 500,
    });
    const certificate = '/var/lib/kubelet/pki/kubelet-client-current.pem';
    const first = await worker.must('readlink', [certificate]);
    await until(async () => (await worker.must('readlink', [certificate])) !== first, {
      what: 'kubelet has another certificate',
      timeoutMs: 200_000,
      everyMs: 1000,
    });
  });
});
