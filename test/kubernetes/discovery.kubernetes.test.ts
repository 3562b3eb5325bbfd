// The list of apiservers as real ones keep it, read with the credential of kubelet.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { Stage } from '../../kubernetes/stage.js';
import { KUBELET_CONF } from '../../kubernetes/worker.js';
import { until } from '../../lab/until.js';

const RBAC = new URL('../../../manifests/lvscare-discovery-rbac.yaml', import.meta.url);
/** The Endpoints object is polled each 45 to 75 s. */
const FOUND_BY_POLL_MS = 150_000;

describe('a worker that knows one apiserver, and has the credential of its kubelet', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.create();
  });
  after(() => stage.close());

  /** How lvscare reads the list. */
  async function readBy(): Promise<string> {
    const { stdout } = await stage.worker.lvscare('status', '--json');
    return /"by":\s*"(watch|poll)"/.exec(stdout)?.[1] ?? 'nothing';
  }

  it('finds the other apiservers of an unmodified cluster', async () => {
    const { cluster, worker } = stage;
    await worker.writeManifest(`--rs=${cluster.master(0).endpoint}`, `--discover=${KUBELET_CONF}`);
    await worker.startKubelet();
    try {
      await stage.serving();
    } catch (error) {
      throw new Error(`${(error as Error).message}; lvscare logged:\n${await worker.podLog()}`, {
        cause: error,
      });
    }
    await until(async () => (await readBy()) === 'poll', {
      what: 'lvscare polls the list',
      timeoutMs: 60_000,
    });
    await stage.leaseIsRenewed();
  });

  it('refuses no client while etcd is away, and forgets no apiserver', async () => {
    const { cluster } = stage;
    const { failed } = await stage.play(
      'etcd is away for 30 s, with --discover',
      async ({ requests, traffic }) => {
        cluster.etcd.stop();
        const awayMs = performance.now();
        while (performance.now() - awayMs < 30_000) await requests(10);
        cluster.etcd.cont();
        await cluster.ready();
        await traffic.serving(stage.endpoints);
      },
    );
    assert.equal(failed, 0);
  });

  it('follows when the only master that it was given is replaced at a new address', async () => {
    const { cluster } = stage;
    const { failed } = await stage.play(
      'the seed is replaced at a new address (poll)',
      async ({ traffic }) => {
        await cluster.addMaster();
        await traffic.serving(stage.endpoints, FOUND_BY_POLL_MS);
        await cluster.removeMaster(cluster.master(0));
        await traffic.serving(stage.endpoints);
      },
    );
    assert.ok(failed <= 2, `${failed} requests failed`);
  });

  it('follows within seconds when the nodes may watch, until no master is an old one', async () => {
    const { cluster, worker } = stage;
    await cluster.kubectl(['apply', '-f', '-'], { input: await readFile(RBAC, 'utf8') });
    // The right to watch is asked for at the start, and each hour.
    const before = await stage.container();
    await worker.must('kill', [String(before?.pid)]);
    await stage.containerAfter(before);
    await until(async () => (await readBy()) === 'watch', {
      what: 'lvscare watches the list',
      timeoutMs: 60_000,
    });
    const { failed } = await stage.play(
      'two masters are replaced at new addresses (watch)',
      async ({ traffic }) => {
        for (let replaced = 0; replaced < 2; replaced += 1) {
          await cluster.addMaster();
          await traffic.serving(stage.endpoints, 30_000);
          await cluster.removeMaster(cluster.master(0));
          await traffic.serving(stage.endpoints);
        }
      },
    );
    assert.ok(failed <= 4, `${failed} requests failed`);
    await stage.leaseIsRenewed();
  });

  it('finds the cluster after a reboot, although no apiserver is left that it was given', async () => {
    const { worker } = stage;
    await worker.powerOff();
    await worker.powerOn();
    await worker.startContainerd();
    await worker.startKubelet();
    await stage.serving();
    await stage.leaseIsRenewed();
  });
});
