// Faults of masters, on real apiservers. Each scenario prints what clients saw.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Apiserver } from '../../kubernetes/apiserver.js';
import { GoLoop } from '../../kubernetes/go-loop.js';
import { Stage, type Scene } from '../../kubernetes/stage.js';
import type { Outcome } from '../../kubernetes/traffic.js';
import { until } from '../../lab/until.js';

/**
 * How many requests may fail where some must: those that were sent to a server before lvscare could know. A count of what is
 * usual, several times over, for a machine that is busy.
 */
const A_FEW = 12;
const UNTIL_NOTICED = 80;

describe('a worker that has nothing but kubelet, its kubeconfig and the manifest of lvscare', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.create();
  });
  after(() => stage.close());
  afterEach(async () => {
    await stage.heal();
  });

  it('has the virtual server, and kubelet registers the node through it', async () => {
    const { cluster, worker } = stage;
    await stage.startLvscare();
    // kubelet knows no other way to an apiserver.
    assert.match(
      await worker.read('/etc/kubernetes/kubelet.conf'),
      /server: https:\/\/apiserver\.cluster\.local:6443/,
    );
    assert.match(await worker.read('/etc/hosts'), /^10\.103\.97\.2 apiserver\.cluster\.local$/m);
    await until(
      async () => (await cluster.kubectl(['get', 'nodes', '-o', 'name'])).includes('node/worker0'),
      {
        what: () => `the node is registered; kubelet wrote:\n${worker.kubelet?.text() ?? ''}`,
        timeoutMs: 60_000,
        everyMs: 500,
      },
    );
    await until(() => cluster.podIsReady('lvscare-worker0'), {
      what: 'the mirror pod is ready',
      timeoutMs: 60_000,
      everyMs: 500,
    });
    const events = await cluster.kubectl([
      ...['-n', 'kube-system', 'get', 'events'],
      ...['-o', 'custom-columns=TYPE:.type,WHY:.reason,WHAT:.message'],
    ]);
    assert.doesNotMatch(events, /Unhealthy/);
  });

  it('loses a request or two when an apiserver is killed', async () => {
    const killed = stage.cluster.master(1);
    const { failed } = await stage.play('an apiserver is killed', async ({ faultOf, traffic }) => {
      faultOf(killed);
      await killed.kill();
      await traffic.serving(stage.allBut(killed));
    });
    assert.ok(failed <= A_FEW, `${failed} requests failed`);
  });

  it('sends no client to an apiserver that starts before it is ready', async () => {
    const started = stage.cluster.master(1);
    await started.kill();
    await stage.serving(stage.cluster.masters.filter((master) => master !== started));
    const answers = new Set<string>();
    const { failed } = await stage.play('an apiserver starts', async ({ faultOf, traffic }) => {
      faultOf(started);
      started.start();
      const starting = stage.cluster.askUntilReady(started, answers);
      await traffic.serving(stage.endpoints, 120_000);
      await starting;
    });
    console.log(`  meanwhile its /healthz: ${[...answers].join(', ')}`);
    assert.ok(answers.size > 1, 'it was ready at once');
    assert.equal(failed, 0);
  });

  it('loses a request or two when an apiserver is terminated', async () => {
    const terminated = stage.cluster.master(2);
    const { failed } = await stage.play('an apiserver is terminated', async ({ faultOf, traffic }) => {
      faultOf(terminated);
      await terminated.terminate();
      await traffic.serving(stage.allBut(terminated));
    });
    assert.ok(failed <= A_FEW, `${failed} requests failed`);
  });

  it('goes on with two when an apiserver hangs (SIGSTOP)', async () => {
    const stopped = stage.cluster.master(0);
    const { failed } = await stage.play(
      'an apiserver is stopped (SIGSTOP)',
      async ({ faultOf, requests, traffic }) => {
        faultOf(stopped);
        stopped.stop();
        await traffic.serving(stage.allBut(stopped));
        // Until those that were sent to it have given up.
        await requests(130);
        stopped.cont();
        await traffic.serving(stage.endpoints);
      },
    );
    assert.ok(failed <= UNTIL_NOTICED, `${failed} requests failed`);
  });

  it('goes on with two when a master is cut off', async () => {
    const lost = stage.cluster.master(2);
    const { failed } = await stage.play('a master is cut off', async ({ faultOf, requests, traffic }) => {
      faultOf(lost);
      await lost.cut();
      await traffic.serving(stage.allBut(lost));
      await requests(130);
      await lost.mend();
      await traffic.serving(stage.endpoints);
    });
    assert.ok(failed <= UNTIL_NOTICED, `${failed} requests failed`);
  });

  it('refuses clients at once while all masters are dead, and serves them as soon as the first is back', async () => {
    const { masters } = stage.cluster;
    const { failures } = await stage.play(
      'all masters die, and come back one after the other',
      async ({ traffic, requests }) => {
        await Promise.all(masters.map((master) => master.kill()));
        await traffic.serving([]);
        await requests(30);
        const back: string[] = [];
        for (const master of masters) {
          master.start();
          back.push(master.endpoint);
          await traffic.serving(back, 120_000);
        }
      },
    );
    // None of them was left to hang.
    assert.deepEqual(
      Object.keys(failures).filter((code) => code !== 'ECONNREFUSED' && code !== 'ECONNRESET'),
      [],
    );
  });

  it('refuses no client while etcd is away, where the loop of the Go program refuses all of them', async () => {
    const { cluster } = stage;
    const goLoop = await GoLoop.start(cluster, stage.endpoints);
    const beside: Outcome[] = [];
    const { failed } = await stage.play('etcd is away for 30 s', async ({ requests }) => {
      beside.push(await goLoop.traffic(() => etcdIsAwayFor(30_000, requests)));
    });
    assert.equal(failed, 0);
    const [go] = beside;
    assert.ok(go !== undefined);
    await stage.record('etcd is away for 30 s, with the loop of the Go program', {
      ...go,
      outMs: null,
      backMs: null,
    });
    assert.ok(go.failed > go.requests / 4, 'the loop of the Go program did no worse');
  });

  it('refuses no client while etcd is away and a master is dead', async () => {
    const dead = stage.cluster.master(1);
    await dead.kill();
    await stage.serving(stage.cluster.masters.filter((master) => master !== dead));
    const { failed } = await stage.play(
      'etcd is away for 30 s, after a master died',
      async ({ requests }) => {
        await etcdIsAwayFor(30_000, requests);
      },
    );
    assert.equal(failed, 0);
  });

  it('sends no client to an apiserver that hangs while etcd is away and the others answer, though with 500', async () => {
    const stopped = stage.cluster.master(0);
    stopped.stop();
    await stage.serving(stage.cluster.masters.filter((master) => master !== stopped));
    const { failed } = await stage.play(
      'etcd is away for 30 s, after an apiserver was stopped',
      async ({ requests, traffic }) => {
        const before = traffic.history.length;
        await etcdIsAwayFor(30_000, requests);
        const since = traffic.history.slice(before - 1);
        assert.deepEqual(
          since.filter(({ weights }) => (weights[stopped.endpoint] ?? 0) > 0),
          [],
        );
      },
    );
    assert.equal(failed, 0);
  });

  it('keeps an apiserver that answers slowly, as long as it answers', async () => {
    const slow = stage.cluster.master(1);
    const { failed } = await stage.play('one master has a delay of 300 ms', async ({ requests, traffic }) => {
      await slow.impair({ delayMs: 300, lossPercent: 0 });
      await requests(60);
      await traffic.serving(stage.endpoints);
    });
    assert.equal(failed, 0);
  });

  it('refuses no client while etcd is away and probes ask for /readyz', async () => {
    await stage.startLvscare('--health-path=/readyz');
    const { failed } = await stage.play(
      'etcd is away for 30 s, --health-path /readyz',
      async ({ requests }) => {
        await etcdIsAwayFor(30_000, requests);
      },
    );
    assert.equal(failed, 0);
    await stage.startLvscare();
  });

  /** Until each apiserver has said so, at least. */
  async function etcdIsAwayFor(ms: number, requests: Scene['requests']): Promise<void> {
    const { cluster } = stage;
    cluster.etcd.stop();
    const awayMs = performance.now();
    const answering = cluster.masters.filter((master) => master.answers);
    await until(
      async () => (await Promise.all(answering.map((master) => failsHealthz(master)))).every(Boolean),
      {
        what: 'all apiservers say 500',
        timeoutMs: 60_000,
        everyMs: 500,
      },
    );
    while (performance.now() - awayMs < ms) await requests(10);
    cluster.etcd.cont();
    await cluster.ready(answering);
  }

  async function failsHealthz(master: Apiserver): Promise<boolean> {
    const answer = await stage.cluster.ask(master, '/healthz');
    return answer.ok && answer.status === 500;
  }
});
