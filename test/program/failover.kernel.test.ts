import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { Lab, until, type LabProcess } from '../../lab/index.js';
import { connectionTo } from './clients.js';
import { allOf, answerers, restore, takeCare, untilWeights, VS } from './lvscare.js';

describe('an apiserver that fails', () => {
  let lab: Lab;
  let daemon: LabProcess;
  before(async () => {
    lab = await Lab.create();
  });
  after(() => lab.close());
  beforeEach(async () => {
    daemon = await takeCare(lab, ['--drain-timeout', '3s']);
  });
  afterEach(async () => {
    await daemon.stop();
    await restore(lab);
  });

  const others = (): Record<string, number> => ({ [lab.master(0).endpoint]: 1, [lab.master(2).endpoint]: 1 });

  it('because it answers 500, is drained: its connection lives until the drain is over', async () => {
    const connection = await connectionTo(lab, 'master1');
    await lab.master(1).fail(500);
    await untilWeights(lab, { ...others(), [lab.master(1).endpoint]: 0 });
    await daemon.waitForLine(/201:6443 is sick \(was up\): status, status 500/);
    assert.equal((await connection.whoami()).name, 'master1', 'a drained server still serves');
    assert.ok(!(await answerers(lab, 6)).includes('master1'));
    await untilWeights(lab, others());
    await connection.ask('/whoami');
    assert.equal(
      (await connection.ended).code,
      'ECONNABORTED',
      'after the drain lvscare ends it, rather than leave it to hang',
    );
    await lab.master(1).heal();
    await untilWeights(lab, allOf(lab));
  });

  it('because it hangs, is drained; when it answers again in time its connection has lived through it', async () => {
    const connection = await connectionTo(lab, 'master1');
    await lab.master(1).hang();
    await untilWeights(lab, { ...others(), [lab.master(1).endpoint]: 0 });
    await daemon.waitForLine(/201:6443 is sick \(was up\): slow, no complete answer in 3000 ms/);
    await lab.master(1).heal();
    await untilWeights(lab, allOf(lab));
    assert.equal((await connection.whoami()).name, 'master1');
    await connection.close();
  });

  it('because its cable is pulled, is removed, and lvscare ends the connection of its client', async () => {
    const connection = await connectionTo(lab, 'master1');
    await lab.master(1).cut();
    await untilWeights(lab, others());
    await daemon.waitForLine(/201:6443 is dead \(was (up|sick)\): silent/);
    await daemon.waitForLine(/ended a connection of this node's clients to 10\.103\.97\.201/);
    assert.equal((await connection.ended).code, 'ECONNABORTED');
    await lab.master(1).mend();
    await untilWeights(lab, allOf(lab));
  });

  it('with all others by 500, stays in use as a last resort', async () => {
    for (const master of lab.masters) await master.fail(500);
    await daemon.waitForLine(/as a last resort/);
    await untilWeights(lab, allOf(lab));
    assert.equal((await answerers(lab, 3)).filter((name) => name.startsWith('master')).length, 3);
    await lab.master(0).heal();
    await daemon.waitForLine(/the last resort is over/);
    await untilWeights(lab, {
      [lab.master(0).endpoint]: 1,
      [lab.master(1).endpoint]: 0,
      [lab.master(2).endpoint]: 0,
    });
    for (const master of lab.masters) await master.heal();
    await untilWeights(lab, allOf(lab));
  });

  it('with all others by closing their ports, leaves clients refused at once instead of hanging', async () => {
    for (const master of lab.masters) await master.kill();
    await untilWeights(lab, {});
    const result = await lab.node.request();
    assert.ok(!result.ok && result.code === 'ECONNREFUSED', JSON.stringify(result));
    for (const master of lab.masters) await master.start();
    await untilWeights(lab, allOf(lab));
  });

  it('is noticed though another one, which hangs, is being waited for', async () => {
    await daemon.stop();
    daemon = await takeCare(lab, ['--health-timeout', '2m', '--log-level', 'debug']);
    const hanging = async (): Promise<number> => (await lab.master(2).stats()).requests['GET /healthz'] ?? 0;
    const asked = await hanging();
    await lab.master(2).hang();
    await until(async () => (await hanging()) > asked, { what: 'a probe hangs' });
    const from = daemon.lines.length;
    await lab.master(1).kill();
    const dead = await daemon.waitForLine(/201:6443 is dead/, { from });
    const sooner = daemon.lines.slice(from, daemon.lines.indexOf(dead));
    assert.deepEqual(
      sooner.filter(({ text }) => text.includes('probed 10.103.97.202:6443')),
      [],
    );
    await untilWeights(lab, others());
    await lab.master(2).heal();
    await lab.master(1).start();
    await untilWeights(lab, allOf(lab));
  });

  it('is judged by the certificate too: one of another CA is not accepted', async () => {
    const { certificates } = lab;
    const rogue = await certificates.createAuthority('rogue');
    const options = { name: 'kube-apiserver', alternativeNames: ['IP:10.103.97.201'] };
    lab.master(1).useCertificate(await certificates.create('wrong', { ...options, authority: rogue }));
    await lab.master(1).restart();
    await daemon.waitForLine(/201:6443 is (sick|dead) \(was \w+\): tls, .*certificate/);
    await until(async () => (await lab.node.weights(VS))?.[lab.master(1).endpoint] !== 1);
    lab.master(1).useCertificate(await certificates.create('right', options));
    await lab.master(1).restart();
    await untilWeights(lab, allOf(lab));
  });
});
