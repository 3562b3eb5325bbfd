// An apiserver for which clients of this node wait is out of rotation before a probe has failed, and loses no connection by that.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { Lab, type LabProcess } from '../../lab/index.js';
import { connectionTo } from './clients.js';
import { allOf, restore, takeCare, untilWeights } from './lvscare.js';

describe('an apiserver for which clients wait', () => {
  let lab: Lab;
  let daemon: LabProcess;
  before(async () => {
    lab = await Lab.create();
  });
  after(() => lab.close());
  beforeEach(async () => {
    daemon = await takeCare(lab);
  });
  afterEach(async () => {
    await daemon.stop();
    await restore(lab);
  });

  it('because it stands still, gets no new connections until it goes on, and keeps those that it has', async () => {
    const connection = await connectionTo(lab, 'master1');
    const clients = await lab.node.steady({ everyMs: 50 });
    await lab.master(1).stop();
    await daemon.waitForLine(/201:6443 is suspect: a client has waited \d+ ms for its first answer/);
    await daemon.waitForLine(/set 10\.103\.97\.201:6443 to weight 0/);
    await lab.master(1).cont();
    await daemon.waitForLine(/201:6443 answered after \d+ ms and is suspect no longer/);
    await untilWeights(lab, allOf(lab));
    await clients.stop();
    assert.deepEqual(clients.failures, []);
    assert.equal((await connection.whoami()).name, 'master1');
    await connection.close();
  });

  it('because it stands still for long, is down at the end, and was out of rotation all the time', async () => {
    const clients = await lab.node.steady({ everyMs: 50 });
    await lab.master(1).stop();
    await daemon.waitForLine(/201:6443 is suspect/);
    await daemon.waitForLine(/201:6443 was suspect for \d+ ms, and is down/);
    await clients.stop();
    const weights = daemon.text().match(/set 10\.103\.97\.201:6443 to weight \d/g);
    assert.deepEqual(weights, ['set 10.103.97.201:6443 to weight 0']);
  });

  it('because its cable is pulled, gets no new connections', async () => {
    const clients = await lab.node.steady({ everyMs: 50 });
    await lab.master(1).cut();
    await daemon.waitForLine(/201:6443 is suspect: a client has waited \d+ ms to connect/);
    await daemon.waitForLine(/201:6443 was suspect for \d+ ms, and is down/);
    await clients.stop();
  });

  it('because its process was killed, is out by its kept connection before a client waits', async () => {
    const clients = await lab.node.steady({ everyMs: 50 });
    await lab.master(1).kill();
    await daemon.waitForLine(/201:6443 is dead/);
    await clients.stop();
    assert.doesNotMatch(daemon.text(), /suspect/);
  });
});
