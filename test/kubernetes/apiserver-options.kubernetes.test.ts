// Apiservers that are run with other options, restarted one after the other, given other certificates, or overloaded.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Stage } from '../../kubernetes/stage.js';
import { until } from '../../lab/until.js';

/** For requests of the apiserver that is to be overloaded. */
const PLACES = 4;
const DELAY = '--shutdown-delay-duration=8s';

describe('a rolling restart of all masters', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.create();
    await stage.startLvscare();
  });
  after(() => stage.close());

  it('costs a request or two for each without a shutdown delay', async () => {
    const { failed } = await stage.play('rolling restart of all masters', () => stage.restartEach([DELAY]));
    assert.ok(failed <= 30, `${failed} requests failed`);
  });

  it('fails no request with a shutdown delay and --health-path /readyz', async () => {
    await stage.startLvscare('--health-path=/readyz');
    const { failed } = await stage.play(
      'rolling restart, --shutdown-delay-duration=8s, --health-path /readyz',
      () => stage.restartEach([DELAY, '--goaway-chance=0.02']),
    );
    assert.equal(failed, 0);
  });

  it('fails no request when apiservers send GOAWAY, and keeps them all', async () => {
    const { failed } = await stage.play(
      'apiservers send GOAWAY (--goaway-chance=0.02)',
      async ({ requests, traffic }) => {
        await requests(150);
        assert.deepEqual(traffic.history.length, 1);
      },
    );
    assert.equal(failed, 0);
    await stage.leaseIsRenewed();
  });

  it('says what to do when an apiserver refuses anonymous requests, and has it back with a certificate', async () => {
    const { cluster, worker } = stage;
    const strict = cluster.master(2);
    const { failed } = await stage.play(
      'an apiserver refuses anonymous probes (401)',
      async ({ traffic }) => {
        await strict.terminate();
        strict.start([DELAY, '--anonymous-auth=false']);
        await cluster.ready([strict]);
        await until(async () => (await worker.podLog()).includes('--health-cert'), {
          what: 'the log says what to do',
          timeoutMs: 60_000,
          everyMs: 500,
        });
        await traffic.serving(stage.allBut(strict));
      },
    );
    assert.equal(failed, 0);
    await worker.write(
      '/etc/kubernetes/pki/lvscare.crt',
      await cluster.pki.read('apiserver-kubelet-client.crt'),
    );
    await worker.write(
      '/etc/kubernetes/pki/lvscare.key',
      await cluster.pki.read('apiserver-kubelet-client.key'),
    );
    await stage.startLvscare(
      '--health-cert=/etc/kubernetes/pki/lvscare.crt',
      '--health-key=/etc/kubernetes/pki/lvscare.key',
    );
    await until(async () => (await stage.states()).every((state) => state === 'up'), {
      what: 'all apiservers are up',
      timeoutMs: 60_000,
      everyMs: 500,
    });
  });

  it('takes an apiserver out that is overloaded, and says so', async () => {
    const { cluster, worker } = stage;
    const overloaded = cluster.master(1);
    await overloaded.terminate();
    overloaded.start(['--enable-priority-and-fairness=false', `--max-requests-inflight=${PLACES}`]);
    await cluster.ready();
    await stage.serving();
    const { failed } = await stage.play('an apiserver is overloaded (429)', async ({ faultOf, traffic }) => {
      faultOf(overloaded);
      const relieve = await cluster.occupy(overloaded, PLACES);
      await traffic.serving(stage.allBut(overloaded));
      await relieve();
      await traffic.serving(stage.endpoints);
    });
    assert.equal(failed, 0);
    assert.match(await worker.podLog(), /status 429/);
  });

  it('keeps all masters when their certificates are renewed, by the same CA and by another one', async () => {
    const { cluster, worker } = stage;
    const renewed = await stage.play(
      'the certificates of the apiservers are renewed',
      async ({ requests }) => {
        await cluster.pki.renewApiserverCertificate();
        await requests(90);
      },
    );
    assert.equal(renewed.failed, 0);
    // Clients trust both before the first certificate by the new one.
    await cluster.addAuthority();
    // Where it is, as the pod of lvscare has the file mounted.
    await worker.overwrite('/etc/kubernetes/pki/ca.crt', cluster.ca);
    const replaced = await stage.play('the CA of the apiservers is replaced', async ({ requests }) => {
      await cluster.pki.renewApiserverCertificate();
      await requests(90);
    });
    assert.equal(replaced.failed, 0);
    assert.deepEqual(await stage.states(), ['up', 'up', 'up']);
  });
});
