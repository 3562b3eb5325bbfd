// A worker that joins a cluster by kubeadm, with kube-controller-manager to sign its certificate.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Cluster } from '../../kubernetes/cluster.js';
import { startControllerManager } from '../../kubernetes/controller-manager.js';
import { BOOTSTRAP_TOKEN } from '../../kubernetes/pki.js';
import { program } from '../../kubernetes/programs.js';
import { endpoint, VIP } from '../../lab/addresses.js';
import type { LabProcess } from '../../lab/process.js';
import { timeLimit } from '../../lab/time-limit.js';
import { until } from '../../lab/until.js';

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
    const joined = await Promise.race([join.exited, delay(timeLimit(120_000), null, { ref: false })]);
    assert.equal(
      joined,
      0,
      `kubeadm wrote:\n${join.text()}\nkubelet wrote:\n${worker.kubelet?.text() ?? ''}`,
    );
    await until(
      async () => (await cluster.kubectl(['get', 'nodes', '-o', 'name'])).includes('node/worker0'),
      {
        what: () => `the node is registered; kubelet wrote:\n${worker.kubelet?.text() ?? ''}`,
        timeoutMs: 60_000,
        everyMs: 500,
      },
    );
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
