// The main job. It also runs on Debian's stock kernel (scripts/test --only stock).
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Lab, type LabProcess } from '../../lab/index.js';
import { allOf, answerers, takeCare, untilWeights } from './lvscare.js';

describe('an apiserver that is killed', () => {
  let lab: Lab;
  let daemon: LabProcess;
  before(async () => {
    lab = await Lab.create();
    daemon = await takeCare(lab, []);
  });
  after(() => lab.close());

  it('is taken out, its clients go elsewhere, and it comes back', async () => {
    assert.deepEqual(new Set(await answerers(lab, 6)), new Set(['master0', 'master1', 'master2']));
    await lab.master(1).kill();
    await untilWeights(lab, { [lab.master(0).endpoint]: 1, [lab.master(2).endpoint]: 1 });
    await daemon.waitForLine(/10\.103\.97\.201:6443 is dead \(was up\): refused/);
    assert.deepEqual(new Set(await answerers(lab, 6)), new Set(['master0', 'master2']));
    await lab.master(1).start();
    await untilWeights(lab, allOf(lab));
    await daemon.waitForLine(/10\.103\.97\.201:6443 is up \(was dead\): ok/);
    assert.deepEqual(new Set(await answerers(lab, 6)), new Set(['master0', 'master1', 'master2']));
  });
});
