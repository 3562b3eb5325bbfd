// What lvscare does about an apiserver for which clients of this node wait.
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { Lab, type LabProcess } from '../../lab/index.js';
import { allOf, restore, takeCare, untilWeights } from './lvscare.js';

describe('an apiserver for which clients wait', () => {
  let lab: Lab;
  let daemon: LabProcess;
  before(async () => {
    lab = await Lab.create();
  });
  after(() => lab.close());
  beforeEach(async () => {
    daemon = await takeCare(lab, []);
  });
  afterEach(async () => {
    await daemon.stop();
    await restore(lab);
  });

  for (const [fault, strike, heal] of [
    ['is stopped', 'stop', 'cont'],
    ['is cut off', 'cut', 'mend'],
  ] as const)
    it(`because it ${fault}, is suspect and gets no new connections, before a probe has failed`, async () => {
      const clients = await lab.node.steady({ everyMs: 50 });
      const master = lab.master(1);
      await master[strike]();
      await daemon.waitForLine(/201:6443 is suspect: a client has waited \d+ ms/);
      await daemon.waitForLine(/201:6443 was suspect for \d+ ms, and is down/);
      await master[heal]();
      await untilWeights(lab, allOf(lab));
      await clients.stop();
      console.log(daemon.text());
      console.log(clients.failures);
    });
});
